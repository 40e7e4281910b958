/// A virtual processor of a TD.
public struct VCPU: Codable, Hashable, Sendable {
    /// Its TD.
    public var tdId: String
    /// Our number: order of TDH.VP.CREATE, from 0.
    public var number: Int
    /// Sequence of its last change, and its ETag.
    public var revision: UInt64
    /// When TDH.VP.CREATE was accepted.
    public var createdAt: Timestamp
    /// What was asked for.
    public var spec: VCPUSpec
    /// What it is now.
    public var status: VCPUStatus
    /// Related paths.
    public var links: [String: String]

    public init(
        tdId: String, number: Int, revision: UInt64, createdAt: Timestamp, spec: VCPUSpec, status: VCPUStatus,
        links: [String: String]
    ) {
        self.tdId = tdId
        self.number = number
        self.revision = revision
        self.createdAt = createdAt
        self.spec = spec
        self.status = status
        self.links = links
    }
}

/// What was asked for when a vCPU was created.
public struct VCPUSpec: Codable, Hashable, Sendable {
    /// Guest RCX and R8 at the first entry.
    public var initialRcx: HexValue
    /// x2APIC id given to TDH.VP.INIT version 1; absent with version 0.
    public var x2apicId: Int?

    public init(
        initialRcx: HexValue, x2apicId: Int? = nil
    ) {
        self.initialRcx = initialRcx
        self.x2apicId = x2apicId
    }
}

/// The module's state of a vCPU.
public struct VCPUState: OpenEnum {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }

    /// Created, not yet initialised.
    public static let uninitialized = Self(rawValue: "UNINITIALIZED")
    /// Initialised; may be entered.
    public static let ready = Self(rawValue: "READY")
    /// Inside TDH.VP.ENTER.
    public static let active = Self(rawValue: "ACTIVE")
    /// Lost for good; its fields can still be read.
    public static let disabled = Self(rawValue: "DISABLED")

    public static let known: [Self] = [
        .uninitialized, .ready, .active, .disabled,
    ]
}

/// What a vCPU is now.
public struct VCPUStatus: Codable, Hashable, Sendable {
    /// The module's state.
    public var vcpuState: VCPUState
    /// How it is known.
    public var stateSource: StateSource
    /// The module's number: order of TDH.VP.INIT; absent before.
    public var vcpuIndex: Int?
    /// The logical processor it is associated with; absent when none.
    public var association: Association?
    /// Pages it holds.
    public var pages: VCPUPageCounts
    /// Actions that are allowed now.
    public var allowedActions: [ActionName]

    public init(
        vcpuState: VCPUState, stateSource: StateSource, vcpuIndex: Int? = nil, association: Association? = nil,
        pages: VCPUPageCounts, allowedActions: [ActionName]
    ) {
        self.vcpuState = vcpuState
        self.stateSource = stateSource
        self.vcpuIndex = vcpuIndex
        self.association = association
        self.pages = pages
        self.allowedActions = allowedActions
    }
}

/// The logical processor that holds a vCPU's translations and VMCS; only there can it be flushed.
public struct Association: Codable, Hashable, Sendable {
    /// The logical processor.
    public var processor: Int
    /// Its package.
    public var package: Int
    /// The leaf that associated it.
    public var by: LeafName
    /// Sequence of that event.
    public var sinceSequence: UInt64

    public init(
        processor: Int, package: Int, by: LeafName, sinceSequence: UInt64
    ) {
        self.processor = processor
        self.package = package
        self.by = by
        self.sinceSequence = sinceSequence
    }
}

/// Pages of 4 KiB that a vCPU holds. They come back only when the TD is torn down.
public struct VCPUPageCounts: Codable, Hashable, Sendable {
    /// Root page: 0 or 1.
    public var tdvpr: Int
    /// Further pages, which TDH.VP.ADDCX took.
    public var tdcx: Int

    public init(
        tdvpr: Int, tdcx: Int
    ) {
        self.tdvpr = tdvpr
        self.tdcx = tdcx
    }
}

/// vCPUs of a TD, by number.
public struct VCPUList: Codable, Hashable, Sendable {
    /// The vCPUs.
    public var items: [VCPU]
    /// Where the next part begins; absent after the last.
    public var nextCursor: String?
    /// Sequence of the last event that touched the collection, and its ETag.
    public var revision: UInt64
    /// The operation that made them; only in the answer to a creation.
    public var operation: String?

    public init(
        items: [VCPU], nextCursor: String? = nil, revision: UInt64, operation: String? = nil
    ) {
        self.items = items
        self.nextCursor = nextCursor
        self.revision = revision
        self.operation = operation
    }
}
