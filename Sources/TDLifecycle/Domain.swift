public import TDXCalls

/// The ledger's row of a trust domain: all the engine knows of it. It embeds what the wrappers take.
public struct Domain: Sendable {
    public let id: ResourceID
    public internal(set) var name: String?
    public internal(set) var labels: [String: String]
    public let createdAt: WallTime
    public let createdBy: String
    public internal(set) var spec: TDSpec
    /// Sequence of the last event that changed this TD or one of its vCPUs.
    public internal(set) var revision: UInt64 = 0

    public internal(set) var lifecycle: Lifecycle = .none
    public internal(set) var opState: OpState?
    /// The RFC's struct, from TDH.MNG.CREATE until the TDR is reclaimed.
    public internal(set) var td: TD?
    public internal(set) var keyID: KeyID?
    public internal(set) var configuredPackages: Set<Package> = []
    /// Packages whose caches have been written back since TDH.MNG.VPFLUSHDONE.
    public internal(set) var writtenBackPackages: Set<Package> = []
    /// In the order they were taken from the host; those still reserved stand at the end.
    public internal(set) var pages: [Page] = []
    public internal(set) var vcpus: [VCPU] = []
    // Kept beside the rows, since a TD may have 65,535 vCPUs and six times as many pages.
    var firstReserved = 0
    var heldCounts = PageCounts()
    var initializedVCPUs = 0
    /// What the module will call the next vCPU it initialises.
    var nextVCPUIndex: UInt32 = 0
    /// vCPUs associated with a processor, latest last.
    var associated: [Int] = []
    /// The module said TD_FATAL: only the teardown leaves are issued from here on.
    public internal(set) var isFatal = false
    /// Whether MNG.RD has confirmed the state since it last changed.
    public internal(set) var stateSource: StateSource = .inferred
    public internal(set) var conditions: [Condition] = []
    /// The operation that owns the TD's lane now.
    public internal(set) var activeOperation: ResourceID?
    /// The creation, until another operation has run.
    public internal(set) var lastOperation: ResourceID?
    public internal(set) var deletedAt: WallTime?
    /// What could not be freed and will never be handed out again.
    public internal(set) var quarantine: [Quarantined] = []
    /// The vCPUs of a request that failed half way: the same request again takes it up there.
    var interruptedVCPUs: Range<Int>?
    /// Where calls run that may run anywhere.
    public internal(set) var home: Processor
    /// A daemon before this one built it: what is known of it is what the back end and the module can tell.
    public internal(set) var isAdopted = false
    var boxedMemory = GuestMemory.none

    init(
        id: ResourceID, name: String?, labels: [String: String], createdAt: WallTime, createdBy: String, spec: TDSpec,
        home: Processor
    ) {
        self.id = id
        self.name = name
        self.labels = labels
        self.createdAt = createdAt
        self.createdBy = createdBy
        self.spec = spec
        self.home = home
    }
}

/// The module's lifecycle state of a TD, with what comes before and after it.
public enum Lifecycle: String, Sendable {
    /// No TDR accepted yet, or given back.
    case none = "NONE"
    case hkidAssigned = "HKID_ASSIGNED"
    case keysConfigured = "KEYS_CONFIGURED"
    case blocked = "BLOCKED"
    case teardown = "TEARDOWN"
}

/// The module's operation state of a TD; absent until its TDCS pages are complete.
public enum OpState: String, Sendable {
    case uninitialized = "UNINITIALIZED"
    case initialized = "INITIALIZED"
    case runnable = "RUNNABLE"
}

public enum StateSource: String, Sendable {
    /// MNG.RD answered since the last change.
    case read
    /// Follows from the calls the module accepted.
    case inferred
}

/// What the API sums a TD up as.
public enum Phase: String, Sendable {
    case building, initialized, finalized, tearingDown, deleted, failed, quarantined, lost, unknown
}

public enum PageKind: String, CaseIterable, Sendable {
    case tdr, tdcs, tdvpr, tdcx, sept, guest

    /// What the PAMT calls it.
    public var pamtType: PageType {
        switch self {
        case .tdr: .tdr
        case .tdcs, .tdcx: .tdcx
        case .tdvpr: .tdvpr
        case .sept: .ept
        case .guest: .reg
        }
    }
}

/// A page of a TD, by the ledger.
public struct Page: Hashable, Sendable {
    public enum State: Hashable, Sendable {
        /// Taken from the host for this TD, not yet given to the module.
        case reserved
        case held(PageKind)
        /// Reclaimed, but its lines under the module's KeyID are not written back yet.
        case reclaimedTDR
        case quarantined(PageKind?)
    }

    public let id: ResourceID
    public let address: PageAddress<AnyPage>
    public internal(set) var state: State
    /// The vCPU it serves, if any.
    public internal(set) var vcpu: Int?
    /// When it came into this state: the sequence and the time.
    public internal(set) var since: UInt64
    public internal(set) var sinceTime: WallTime
    /// 4,096, or 2,097,152 of a large page of guest memory that is listed as one.
    public internal(set) var sizeBytes = pageSizeBytes

    public var kind: PageKind? {
        switch state {
        case .held(let kind): kind
        case .reclaimedTDR: .tdr
        case .quarantined(let kind): kind
        case .reserved: nil
        }
    }
}

/// The ledger's row of a vCPU.
public struct VCPU: Sendable {
    /// Ours: the order of VP.CREATE.
    public let number: Int
    public let createdAt: WallTime
    public internal(set) var spec: VCPUSpec
    public internal(set) var vp: VP
    /// The module's: the order of VP.INIT.
    public internal(set) var index: UInt32?
    public internal(set) var state: State = .uninitialized
    public internal(set) var association: Association?
    public internal(set) var revision: UInt64 = 0

    public enum State: String, Sendable {
        case uninitialized = "UNINITIALIZED"
        case ready = "READY"
        case active = "ACTIVE"
        case disabled = "DISABLED"
    }

    public struct Association: Hashable, Sendable {
        public let processor: Processor
        public let package: Package
        /// The leaf that made it.
        public let by: Leaf
        public let since: UInt64
    }
}

public struct Condition: Hashable, Sendable {
    public enum Status: String, Sendable { case yes = "True", no = "False", unknown = "Unknown" }

    public let type: String
    public internal(set) var status: Status
    public internal(set) var reason: String
    public internal(set) var message: String
    public internal(set) var lastTransitionAt: WallTime
    public internal(set) var observedRevision: UInt64
}

/// Something that could not be freed, with the call that failed.
public struct Quarantined: Hashable, Sendable {
    public enum Thing: Hashable, Sendable {
        case page(ResourceID)
        case keyID(KeyID)
    }

    public let thing: Thing
    public let record: ResourceID?
    /// Nil where no call made the doubt.
    public let leaf: Leaf?
    public let completion: Completion?
    public let at: WallTime
    /// In words, where a daemon before this one made the call and there is no record of it.
    public var reason: String? = nil
}

extension Domain {
    public var isDeleted: Bool { deletedAt != nil }

    public var phase: Phase {
        if deletedAt != nil { return .deleted }
        if !quarantine.isEmpty { return .quarantined }
        if isFatal { return .failed }
        switch lifecycle {
        case .none: return pages.contains { $0.state == .reclaimedTDR } ? .tearingDown : .building
        case .hkidAssigned: return isAdopted ? .unknown : .building
        case .blocked, .teardown: return .tearingDown
        case .keysConfigured:
            if isAdopted { return .unknown }
            switch opState {
            case nil, .uninitialized: return .building
            case .initialized: return .initialized
            case .runnable: return .finalized
            }
        }
    }

    public func pageCount(_ kind: PageKind) -> Int {
        heldCounts[kind]
    }

    /// vCPUs whose pages the TD still holds.
    public var vcpusHeld: Int { pageCount(.tdvpr) }
    public var vcpusInitialized: Int { initializedVCPUs }
    public var vcpusAssociated: Int { associated.count }
    /// Pages taken from the host and not yet given to the module.
    public var pagesReserved: Int { pages.count - firstReserved }

    /// Looked for from the end, where a teardown begins: it asks for each of maybe 400,000.
    public func page(_ id: ResourceID) -> Page? { memory.pages.page(id) ?? pages.last { $0.id == id } }

    /// TDCS pages the module wants before MNG.INIT.
    func tdcsPagesNeeded(_ module: ModuleInformation) -> Int {
        module.tdcsPages + Int(spec.numL2VMs) * module.tdcsPagesPerL2VM
    }

    /// TDCX pages the module wants before VP.INIT, the TDVPR not among them.
    func tdcxPagesNeeded(_ module: ModuleInformation) -> Int {
        module.tdvpsPages - 1 + Int(spec.numL2VMs) * module.tdvpsPagesPerL2VM
    }
}
