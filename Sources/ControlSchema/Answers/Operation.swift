/// What an operation does.
public struct OperationKind: OpenEnum {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }

    /// Builds a TD.
    public static let tdCreate = Self(rawValue: "td.create")
    /// Tears a TD down.
    public static let tdDelete = Self(rawValue: "td.delete")
    /// One leaf.
    public static let tdStep = Self(rawValue: "td.step")
    /// Builds vCPUs.
    public static let vcpuCreate = Self(rawValue: "vcpu.create")
    /// Adds guest memory.
    public static let memoryAdd = Self(rawValue: "memory.add")
    /// Closes the measurement.
    public static let tdFinalize = Self(rawValue: "td.finalize")
    /// Frees a KeyID.
    public static let keyidRelease = Self(rawValue: "keyid.release")
    /// Takes a page back.
    public static let pageRelease = Self(rawValue: "page.release")

    public static let known: [Self] = [
        .tdCreate, .tdDelete, .tdStep, .vcpuCreate, .memoryAdd, .tdFinalize, .keyidRelease, .pageRelease,
    ]
}

/// Where an operation stands.
public struct OperationState: OpenEnum {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }

    /// Dry run: it will not run.
    public static let planned = Self(rawValue: "planned")
    /// Waits for its turn.
    public static let pending = Self(rawValue: "pending")
    /// At work.
    public static let running = Self(rawValue: "running")
    /// Asked to stop; ends at the next step.
    public static let cancelling = Self(rawValue: "cancelling")
    /// Done.
    public static let succeeded = Self(rawValue: "succeeded")
    /// Ended by a refusal.
    public static let failed = Self(rawValue: "failed")
    /// Ended by a cancel.
    public static let cancelled = Self(rawValue: "cancelled")
    /// Ended, and something could not be freed.
    public static let quarantined = Self(rawValue: "quarantined")

    public static let known: [Self] = [
        .planned, .pending, .running, .cancelling, .succeeded, .failed, .cancelled, .quarantined,
    ]
}

/// Whether an operation was undone.
public struct RollbackState: OpenEnum {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }

    /// Nothing to undo.
    public static let notNeeded = Self(rawValue: "notNeeded")
    /// Being undone.
    public static let running = Self(rawValue: "running")
    /// Undone.
    public static let done = Self(rawValue: "done")
    /// Not everything could be undone; see `residue`.
    public static let incomplete = Self(rawValue: "incomplete")

    public static let known: [Self] = [
        .notNeeded, .running, .done, .incomplete,
    ]
}

/// A change that may take long; its intent is durable before its first leaf.
public struct Operation: Codable, Hashable, Sendable {
    /// Its id; all zeros when planned.
    public var id: String
    /// What it does.
    public var kind: OperationKind
    /// Where it stands.
    public var state: OperationState
    /// What it works on.
    public var target: OperationTarget
    /// Who asked.
    public var createdBy: String
    /// The request that asked.
    public var requestId: String?
    /// The key of that request.
    public var idempotencyKey: String?
    /// When it was asked for.
    public var createdAt: Timestamp
    /// When its first step began; absent before.
    public var startedAt: Timestamp?
    /// When it ended; absent before.
    public var endedAt: Timestamp?
    /// Sequence of its last change, and its ETag.
    public var revision: UInt64
    /// How far it is.
    public var progress: Progress
    /// Whether a cancel would be taken now.
    public var cancellable: Bool
    /// Whether it was undone.
    public var rollback: RollbackState
    /// What a failed or cancelled one left behind; absent when nothing.
    public var residue: [Residue]?
    /// What it waits for longer than it should; absent when it does not.
    public var stuck: Stuck?
    /// Its leaves; in a dry run always.
    public var plan: Plan?
    /// Why it ended; only when `failed`, `cancelled` or `quarantined`.
    public var problem: Problem?
    /// Related paths.
    public var links: [String: String]

    public init(
        id: String, kind: OperationKind, state: OperationState, target: OperationTarget, createdBy: String,
        requestId: String? = nil, idempotencyKey: String? = nil, createdAt: Timestamp, startedAt: Timestamp? = nil,
        endedAt: Timestamp? = nil, revision: UInt64, progress: Progress, cancellable: Bool, rollback: RollbackState,
        residue: [Residue]? = nil, stuck: Stuck? = nil, plan: Plan? = nil, problem: Problem? = nil,
        links: [String: String]
    ) {
        self.id = id
        self.kind = kind
        self.state = state
        self.target = target
        self.createdBy = createdBy
        self.requestId = requestId
        self.idempotencyKey = idempotencyKey
        self.createdAt = createdAt
        self.startedAt = startedAt
        self.endedAt = endedAt
        self.revision = revision
        self.progress = progress
        self.cancellable = cancellable
        self.rollback = rollback
        self.residue = residue
        self.stuck = stuck
        self.plan = plan
        self.problem = problem
        self.links = links
    }
}

/// Operations, oldest first.
public struct OperationList: Codable, Hashable, Sendable {
    /// The operations.
    public var items: [Operation]
    /// Where the next part begins; absent after the last.
    public var nextCursor: String?
    /// Sequence of the last event that touched the collection, and its ETag.
    public var revision: UInt64

    public init(
        items: [Operation], nextCursor: String? = nil, revision: UInt64
    ) {
        self.items = items
        self.nextCursor = nextCursor
        self.revision = revision
    }
}
