public import TDXCalls

/// A range of guest memory to be added to a TD before it is finalised, as it is asked for.
public struct MemoryRegion: Hashable, Sendable {
    /// A multiple of the page size, private for the TD's guest width.
    public var gpa: GPA
    /// A multiple of the page size, not 0.
    public var sizeBytes: UInt64
    /// Whether the contents go into the measurement; the addresses always do.
    public var measure: Bool
    /// 4,096 or 2,097,152. TDH.MEM.PAGE.ADD has one level only: large pages are added as 512 small ones that lie side by
    /// side in host memory, and promoted when the region is filled.
    public var pageSizeBytes: Int
    /// What the client calls the content: `sha384:` and 96 digits. The engine compares it, and reads nothing into it.
    public var imageDigest: String?

    public init(
        gpa: GPA, sizeBytes: UInt64, measure: Bool = true, pageSizeBytes: Int = TDXCalls.pageSizeBytes,
        imageDigest: String? = nil
    ) {
        self.gpa = gpa
        self.sizeBytes = sizeBytes
        self.measure = measure
        self.pageSizeBytes = pageSizeBytes
        self.imageDigest = imageDigest
    }

    /// Most bytes of content that are asked for at once.
    public static let contentBytesMax = 16 * TDXCalls.pageSizeBytes

    public var pageCount: Int { Int(sizeBytes) / TDXCalls.pageSizeBytes }
    /// Times of TDH.MEM.PAGE.PROMOTE.
    public var largePageCount: Int {
        pageSizeBytes == largePageSizeBytes ? Int(sizeBytes) / largePageSizeBytes : 0
    }
    /// Times of TDH.MR.EXTEND.
    public var chunkCount: Int { measure ? pageCount * chunksPerPage : 0 }
    /// The first address after it; the region has been checked.
    public var end: UInt64 { gpa.rawValue + sizeBytes }

    func overlaps(_ other: MemoryRegion) -> Bool { gpa.rawValue < other.end && other.gpa.rawValue < end }
}

/// Times of TDH.MR.EXTEND a page takes.
let chunksPerPage = pageSizeBytes / measuredChunkBytes

/// Why a region cannot be what it is asked to be; nothing was spent.
public struct MemoryViolation: Hashable, Sendable {
    public enum Member: String, Sendable {
        case memory, gpa, sizeBytes, pageSizeBytes, buildUntil, vcpuCount
    }

    /// By place in the spec; nil where it is about all of them.
    public let region: Int?
    public let member: Member
    public let reason: String

    init(_ region: Int? = nil, _ member: Member, _ reason: String) {
        self.region = region
        self.member = member
        self.reason = reason
    }
}

/// A region of a TD, and how far it has come.
public struct GuestRegion: Hashable, Sendable {
    public let region: MemoryRegion
    /// The operation that added it.
    public internal(set) var operation: ResourceID?
    /// Pages the module has taken, from the region's beginning on.
    public internal(set) var pagesAdded = 0
    /// Chunks of 256 bytes that went into the measurement, from the region's beginning on.
    public internal(set) var chunksExtended = 0

    /// Large pages that were made of them, from the region's beginning on.
    public internal(set) var largePagesMade = 0

    init(region: MemoryRegion) { self.region = region }

    public var isComplete: Bool { isFilled && largePagesMade == region.largePageCount }
    var isFilled: Bool { pagesAdded == region.pageCount && chunksExtended == region.chunkCount }
    /// Bytes that are there, and measured if they are to be.
    public var bytesDone: UInt64 {
        let pages = region.measure ? chunksExtended / chunksPerPage : pagesAdded
        return UInt64(pages) * UInt64(pageSizeBytes)
    }
}
