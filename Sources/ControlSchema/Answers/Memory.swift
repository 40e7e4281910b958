/// A region of guest memory, as it was asked for.
public struct MemoryRegionSpec: Codable, Hashable, Sendable {
    /// Guest physical address of its beginning.
    public var gpa: HexValue
    /// Its length in bytes.
    public var sizeBytes: Int
    /// Whether its contents are measured; its addresses always are.
    public var measure: Bool
    /// Size of the pages that map it.
    public var pageSizeBytes: Int
    /// The image that it holds; absent when it was sent with the request, or is zeroes.
    public var imageDigest: String?

    public init(gpa: HexValue, sizeBytes: Int, measure: Bool, pageSizeBytes: Int, imageDigest: String? = nil) {
        self.gpa = gpa
        self.sizeBytes = sizeBytes
        self.measure = measure
        self.pageSizeBytes = pageSizeBytes
        self.imageDigest = imageDigest
    }
}

/// A region of guest memory and how far it has come.
public struct MemoryRegion: Codable, Hashable, Sendable {
    /// Guest physical address of its beginning.
    public var gpa: HexValue
    /// Its length in bytes.
    public var sizeBytes: Int
    /// Whether its contents are measured; its addresses always are.
    public var measure: Bool
    /// Size of the pages that map it.
    public var pageSizeBytes: Int
    /// The image that it holds; absent when it was sent with the request, or is zeroes.
    public var imageDigest: String?
    /// Whether all of it is there, in pages of the size that was asked for, and measured if it is to be.
    public var complete: Bool
    /// Pages that the module has taken, from its beginning on.
    public var pagesAdded: Int
    /// Pages of 2 MiB that were made of those, from its beginning on; absent where it is to have none.
    public var largePagesMade: Int?
    /// Chunks of 256 bytes that were measured, from its beginning on.
    public var chunksExtended: Int
    /// The operation that adds or added it.
    public var operation: String?

    public init(
        gpa: HexValue, sizeBytes: Int, measure: Bool, pageSizeBytes: Int, imageDigest: String? = nil, complete: Bool,
        pagesAdded: Int, largePagesMade: Int? = nil, chunksExtended: Int, operation: String? = nil
    ) {
        self.gpa = gpa
        self.sizeBytes = sizeBytes
        self.measure = measure
        self.pageSizeBytes = pageSizeBytes
        self.imageDigest = imageDigest
        self.complete = complete
        self.pagesAdded = pagesAdded
        self.largePagesMade = largePagesMade
        self.chunksExtended = chunksExtended
        self.operation = operation
    }
}

/// Regions of a TD's guest memory, in the order in which they were added.
public struct MemoryRegionList: Codable, Hashable, Sendable {
    /// The regions.
    public var items: [MemoryRegion]
    /// Revision of the TD at which this holds, and the ETag.
    public var revision: UInt64

    public init(items: [MemoryRegion], revision: UInt64) {
        self.items = items
        self.revision = revision
    }
}

/// What a TD measures to.
public struct Measurement: Codable, Hashable, Sendable {
    /// The TD.
    public var tdId: String
    /// Whether TDH.MR.FINALIZE has closed it.
    public var finalized: Bool
    /// Whether memory was added in part, so that MRTD can no longer become what was planned.
    public var diverged: Bool
    /// MRTD by the calls that the module accepted: SHA-384 over each TDH.MEM.PAGE.ADD and TDH.MR.EXTEND.
    /// It is hashed when it is asked for the first time.
    public var expectedMrtd: Hex384?
    /// Why it cannot be known.
    public var expectedUnavailable: String?
    /// MRTD as the module gave it back; absent until the TD is finalised.
    public var actualMrtd: Hex384?
    /// The run-time measurement registers; absent until TDH.MNG.INIT has zeroed them.
    public var rtmrs: [Hex384]?
    /// How those are known: only a debug TD lets the host read them.
    public var rtmrSource: StateSource?
    /// MRCONFIGID.
    public var mrConfigId: Hex384
    /// MROWNER.
    public var mrOwner: Hex384
    /// MROWNERCONFIG.
    public var mrOwnerConfig: Hex384
    /// Whether it is as the manifest says; absent without one.
    public var agrees: Bool?
    /// Where it and the manifest first part; absent when they do not.
    public var difference: MeasurementDifference?
    /// Revision of the TD at which this holds, and the ETag.
    public var revision: UInt64
    /// Related paths.
    public var links: [String: String]

    public init(
        tdId: String, finalized: Bool, diverged: Bool, expectedMrtd: Hex384? = nil,
        expectedUnavailable: String? = nil, actualMrtd: Hex384? = nil,
        rtmrs: [Hex384]? = nil, rtmrSource: StateSource? = nil, mrConfigId: Hex384, mrOwner: Hex384,
        mrOwnerConfig: Hex384, agrees: Bool? = nil, difference: MeasurementDifference? = nil, revision: UInt64,
        links: [String: String]
    ) {
        self.tdId = tdId
        self.finalized = finalized
        self.diverged = diverged
        self.expectedMrtd = expectedMrtd
        self.expectedUnavailable = expectedUnavailable
        self.actualMrtd = actualMrtd
        self.rtmrs = rtmrs
        self.rtmrSource = rtmrSource
        self.mrConfigId = mrConfigId
        self.mrOwner = mrOwner
        self.mrOwnerConfig = mrOwnerConfig
        self.agrees = agrees
        self.difference = difference
        self.revision = revision
        self.links = links
    }
}

/// Why a manifest and a measurement part.
public struct DifferenceReason: OpenEnum {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }

    /// Another call, or another address.
    public static let call = Self(rawValue: "call")
    /// The same call on other contents, going by the digest of the region.
    public static let content = Self(rawValue: "content")
    /// One goes on where the other ends.
    public static let length = Self(rawValue: "length")
    /// Every call is as the manifest says, or it lists none, and MRTD is another.
    public static let mrtd = Self(rawValue: "mrtd")

    public static let known: [Self] = [.call, .content, .length, .mrtd]
}

/// Where a manifest and what the module accepted first part.
public struct MeasurementDifference: Codable, Hashable, Sendable {
    /// Why.
    public var reason: DifferenceReason
    /// How many calls agree before; absent if only MRTD was compared.
    public var index: UInt64?
    /// What the manifest has there; absent after its end.
    public var manifest: MeasuredCall?
    /// What the module accepted there; absent after the last.
    public var accepted: MeasuredCall?

    public init(
        reason: DifferenceReason, index: UInt64? = nil, manifest: MeasuredCall? = nil, accepted: MeasuredCall? = nil
    ) {
        self.reason = reason
        self.index = index
        self.manifest = manifest
        self.accepted = accepted
    }
}

/// A call that goes into a measurement.
public struct MeasuredCall: Codable, Hashable, Sendable {
    /// The leaf.
    public var leaf: LeafName
    /// The guest physical address it is about.
    public var gpa: HexValue

    public init(leaf: LeafName, gpa: HexValue) {
        self.leaf = leaf
        self.gpa = gpa
    }
}

/// How far a TD's measurement is.
public struct TDMeasurementStatus: Codable, Hashable, Sendable {
    /// Whether TDH.MR.FINALIZE has closed it.
    public var finalized: Bool
    /// Whether memory was added in part, so that MRTD can no longer become what was planned.
    public var diverged: Bool
    /// MRTD as the module gave it back; absent until the TD is finalised.
    public var mrtd: Hex384?
    /// Whether that was compared with what the accepted calls make, and is the same. The measurement's first reader has
    /// it compared; so has a TD of regions that were hashed before.
    public var verified: Bool?

    public init(finalized: Bool, diverged: Bool, mrtd: Hex384? = nil, verified: Bool? = nil) {
        self.finalized = finalized
        self.diverged = diverged
        self.mrtd = mrtd
        self.verified = verified
    }
}
