public import TDXCalls

/// A change that may take long: durable with its intent before its first leaf, and readable long after.
public struct Operation: Sendable {
    public enum Kind: String, Sendable {
        case createTD = "td.create"
        case deleteTD = "td.delete"
        case step = "td.step"
        case createVCPUs = "vcpu.create"
        case addMemory = "memory.add"
        case finalizeTD = "td.finalize"
    }

    public enum State: String, Sendable {
        case pending, running, cancelling, succeeded, failed, cancelled, quarantined

        public var isTerminal: Bool {
            switch self {
            case .pending, .running, .cancelling: false
            case .succeeded, .failed, .cancelled, .quarantined: true
            }
        }
    }

    public enum Rollback: String, Sendable { case notNeeded, running, done, incomplete }

    public struct Progress: Hashable, Sendable {
        public internal(set) var done: Int
        public internal(set) var total: Int
        /// Bytes of guest memory that are there, and measured if they are to be; of those that are to come.
        public internal(set) var bytesDone: UInt64 = 0
        public internal(set) var bytesTotal: UInt64 = 0
        /// The leaf at hand.
        public internal(set) var step: Leaf?
    }

    /// What keeps it from going on.
    public struct Stuck: Hashable, Sendable {
        public let since: WallTime
        public let record: ResourceID?
        public let reason: String
        public internal(set) var attempts: Int
    }

    public let id: ResourceID
    public let kind: Kind
    public let td: ResourceID
    public let requester: Requester
    public let createdAt: WallTime
    public internal(set) var state: State = .pending
    public internal(set) var startedAt: WallTime?
    public internal(set) var endedAt: WallTime?
    public internal(set) var revision: UInt64 = 0
    public internal(set) var progress: Progress
    public internal(set) var rollback: Rollback = .notNeeded
    public internal(set) var stuck: Stuck?
    public internal(set) var failure: LifecycleError?
    /// What a failed or cancelled one left behind.
    public internal(set) var residue: Residue?
    /// vCPUs this operation is about, by number.
    public internal(set) var vcpus: Range<Int>?
    /// The call of a lab step, once made.
    public internal(set) var stepRecord: CallRecord?
    /// What the TD was to be when the operation began, by which its refusals are explained.
    public let spec: TDSpec
    public let plan: Plan

    var goal: Goal
    var isCancelRequested = false
    /// Pages and KeyIDs promised to it that it has not taken from the host.
    var promised: (pages: Int, keyIDs: Int)
    /// Those of the promised pages that are for guest memory.
    var promisedGuestPages = 0
    /// What an operation that adds memory works with, until it has ended.
    var memoryRun: MemoryRun?
    /// Pages the module took from it.
    var pagesGiven = 0
    /// Tries of the call at hand, those for entropy included.
    var tries = 0
    /// How long the call at hand has been refused for a passing reason.
    var retry: Retry?
    /// The package the module keeps an interrupted write-back of ours on, and how often it was interrupted.
    var resuming: Package?
    var resumptions = 0
    /// How often a teardown has started over after finding the ledger wrong.
    var corrections = 0
    /// Where a teardown looks for a vCPU that the ledger has lost.
    var sweep: Sweep?

    struct Retry: Sendable {
        /// On the elapsed clock.
        let since: UInt64
        let count: Int
    }

    /// TDH.VP.FLUSH of each vCPU on each processor, in order: those not there say so and nothing happens.
    struct Sweep: Sendable {
        var vcpu: Int
        /// By place in the platform's list.
        var processor: Int
    }

    init(
        id: ResourceID, kind: Kind, td: ResourceID, requester: Requester, createdAt: WallTime, progress: Progress,
        spec: TDSpec, plan: Plan, goal: Goal, promised: (pages: Int, keyIDs: Int)
    ) {
        self.id = id
        self.kind = kind
        self.td = td
        self.requester = requester
        self.createdAt = createdAt
        self.progress = progress
        self.spec = spec
        self.plan = plan
        self.goal = goal
        self.promised = promised
    }

    public var isCancellable: Bool {
        switch kind {
        case .createTD, .createVCPUs, .addMemory:
            !state.isTerminal && state != .cancelling && rollback == .notNeeded
        case .deleteTD, .step, .finalizeTD: false
        }
    }
}

/// What an operation that did not succeed has left, so that a repeat or a teardown is no surprise.
public struct Residue: Hashable, Sendable {
    /// vCPUs the operation is about that exist, and those of them initialised.
    public var vcpusCreated: [Int]
    public var vcpusInitialized: [Int]
    /// Pages the TD holds more than before.
    public var pages: Int
    public var quarantined: [Quarantined]
    /// Regions of guest memory that are there in whole or in part.
    public var memory: [GuestRegion] = []
    /// Secure EPT pages of those.
    public var septPages = 0
    /// MRTD can no longer become what was planned: the TD is finalised only by force.
    public var measurementDiverged = false

    public var isEmpty: Bool { vcpusCreated.isEmpty && pages == 0 && quarantined.isEmpty }
}
