/// Who knows which KeyIDs are free.
public struct KeyIDSource: OpenEnum {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }

    /// The daemon's ledger, which is complete.
    public static let ledger = Self(rawValue: "ledger")
    /// The kernel's allocator, shared with others, which does not tell what is free: what we do not hold is `unknown`.
    public static let kernelAllocator = Self(rawValue: "kernelAllocator")

    public static let known: [Self] = [
        .ledger, .kernelAllocator,
    ]
}

/// What the host has and what is left.
public struct CapacityReport: Codable, Hashable, Sendable {
    /// Private KeyIDs that TDs can have; the module's own is not counted.
    public var keyIds: KeyIDCapacity
    /// Pages that can be handed to the module.
    public var pages: PageCapacity
    /// vCPUs.
    public var vcpus: VCPUCapacity
    /// Sequence of the last event that changed one of these numbers, and the ETag.
    public var revision: UInt64

    public init(
        keyIds: KeyIDCapacity, pages: PageCapacity, vcpus: VCPUCapacity, revision: UInt64
    ) {
        self.keyIds = keyIds
        self.pages = pages
        self.vcpus = vcpus
        self.revision = revision
    }
}

/// Private KeyIDs: total = held + free + quarantined + foreign + unknown, as far as they are there.
public struct KeyIDCapacity: Codable, Hashable, Sendable {
    /// KeyIDs that TDs can have; absent where the kernel does not say.
    public var total: Int?
    /// Held by a TD or claimed by an operation.
    public var held: Int
    /// Free; absent where only the source knows.
    public var free: Int?
    /// Could not be freed, and are never handed out again.
    public var quarantined: Int
    /// Known to be held by someone else; absent where nobody tells.
    public var foreign: Int?
    /// Free or held by someone else, which the source does not tell; absent where it is known, or `total` is not.
    public var unknown: Int?
    /// Who knows.
    public var source: KeyIDSource

    public init(
        total: Int? = nil, held: Int, free: Int? = nil, quarantined: Int, foreign: Int? = nil, unknown: Int? = nil,
        source: KeyIDSource
    ) {
        self.total = total
        self.held = held
        self.free = free
        self.quarantined = quarantined
        self.foreign = foreign
        self.unknown = unknown
        self.source = source
    }
}

/// Pages that can be handed to the module.
public struct PageCapacity: Codable, Hashable, Sendable {
    /// Pages in initialised TDMRs, reserved areas left out.
    public var total: Int
    /// Handed to the module, or claimed by an operation.
    public var held: Int
    /// Free.
    public var free: Int
    /// Could not be taken back, and are never handed out again.
    public var quarantined: Int
    /// Size of one page in bytes.
    public var unitBytes: Int

    public init(
        total: Int, held: Int, free: Int, quarantined: Int, unitBytes: Int
    ) {
        self.total = total
        self.held = held
        self.free = free
        self.quarantined = quarantined
        self.unitBytes = unitBytes
    }
}

/// vCPUs.
public struct VCPUCapacity: Codable, Hashable, Sendable {
    /// vCPUs that exist in all TDs together.
    public var held: Int

    public init(
        held: Int
    ) {
        self.held = held
    }
}
