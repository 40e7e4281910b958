internal import TDXCalls
internal import Threading

/// Everything the engine decides on, behind one short lock.
struct EngineState: Sendable {
    var domains: [ResourceID: Domain] = [:]
    /// Names of TDs that are not deleted.
    var names: [String: ResourceID] = [:]
    var operations: [ResourceID: Operation] = [:]
    var lanes: [ResourceID: Lane] = [:]
    var keyIDs: KeyIDTable
    var ledger: Ledger
    var placement: Placement
    var writeBacks: [Package: WriteBackRun] = [:]
    /// TDs whose next leaf is a write-back that somebody else is doing on that package.
    var waitingForWriteBack: [Package: [ResourceID]] = [:]
    var waiters: [ResourceID: [Waiter]] = [:]
    var waiterCount = 0
    var nextWaiter: UInt64 = 0
    var isDraining = false
    /// Ended operations and deleted TDs in the order they ended, for retention.
    var ended: [(id: ResourceID, at: WallTime)] = []
    var tombstones: [(id: ResourceID, at: WallTime)] = []

    /// One TD's work: at most one operation, and the field accesses that slip in between its steps.
    struct Lane: Sendable {
        var operation: ResourceID?
        var accesses: [FieldAccess] = []
        var isRunning = false
        /// Whether a run is queued with the scheduler.
        var isScheduled = false
        /// Whether the operation waits for time to pass or for somebody else's write-back.
        var isPaused = false

        var hasWork: Bool { !accesses.isEmpty || (operation != nil && !isPaused) }
        var isIdle: Bool { operation == nil && accesses.isEmpty && !isRunning }
    }

    /// A write-back in progress on a package, over all its interruptions.
    struct WriteBackRun: Sendable {
        /// Who goes on with it; nil once a lab step has left it interrupted.
        var owner: ResourceID?
        /// KeyIDs that were flushed when it started: the module writes back for those, and no others.
        let covers: [KeyID: ResourceID]
    }

    struct Waiter: Sendable {
        let id: UInt64
        let callback: @Sendable (Operation) -> Void
    }
}

/// What a change to the state writes, and what shall happen once that is safe.
struct Transaction: Sendable {
    let sequence: UInt64
    let now: WallTime
    var changes: [Change] = []
    var records: [CallRecord] = []
    var after: [@Sendable () -> Void] = []
}

extension EngineState {
    /// Takes a row over and writes it; its revision is the batch's sequence.
    mutating func put(_ domain: Domain, _ transaction: inout Transaction) {
        var domain = domain
        domain.revision = transaction.sequence
        domain.updateReadyCondition(at: transaction.now)
        domains[domain.id] = domain
        transaction.changes.append(.domain(domain))
    }

    mutating func put(_ operation: Operation, _ transaction: inout Transaction) {
        var operation = operation
        operation.revision = transaction.sequence
        operations[operation.id] = operation
        transaction.changes.append(.operation(operation))
        guard operation.state.isTerminal else { return }
        ended.append((operation.id, transaction.now))
        let waiting = waiters.removeValue(forKey: operation.id) ?? []
        waiterCount -= waiting.count
        let final = operation
        transaction.after.append { for waiter in waiting { waiter.callback(final) } }
    }

    mutating func updateKeyID(
        _ number: KeyID, _ transaction: inout Transaction, _ change: (inout KeyIDRow) -> Void
    ) {
        keyIDs.update(number, sequence: transaction.sequence, now: transaction.now, change)
        if let row = keyIDs.rows[number] { transaction.changes.append(.keyID(row)) }
    }

    /// Forgets what has been kept long enough, or is too much to keep.
    mutating func prune(_ limits: EngineLimits, _ transaction: inout Transaction) {
        let kept = limits.retention.nanoseconds
        let horizon = transaction.now.nanosecondsSince1970
        func isOver(_ list: [(id: ResourceID, at: WallTime)], max: Int) -> Bool {
            guard let first = list.first else { return false }
            return list.count > max || first.at.nanosecondsSince1970 + kept < horizon
        }
        // A few at a time: each submission cleans up more than it adds.
        for _ in 0..<8 where isOver(ended, max: limits.operationsMax) {
            let id = ended.removeFirst().id
            operations[id] = nil
            transaction.changes.append(.forgotten(id))
        }
        for _ in 0..<8 where isOver(tombstones, max: limits.tombstonesMax) {
            let id = tombstones.removeFirst().id
            domains[id] = nil
            lanes[id] = nil
            transaction.changes.append(.forgotten(id))
        }
    }

    /// The TD an id or a name means.
    func domain(_ reference: TDReference) throws(LifecycleError) -> Domain {
        switch reference {
        case .id(let id):
            if let domain = domains[id] { return domain }
        case .name(let name):
            if let id = names[name], let domain = domains[id] { return domain }
        }
        throw .noSuchTD(reference.description)
    }
}

/// How a TD is named from outside: by id, also when deleted, or by name while it lives.
public enum TDReference: Hashable, Sendable, CustomStringConvertible {
    case id(ResourceID)
    case name(String)

    public init(_ text: String) {
        if let id = ResourceID(text), id.kind == .td { self = .id(id) } else { self = .name(text) }
    }

    public var description: String {
        switch self {
        case .id(let id): id.description
        case .name(let name): name
        }
    }
}

extension Domain {
    mutating func updateReadyCondition(at now: WallTime) {
        let (status, reason, message): (Condition.Status, String, String) =
            switch phase {
            case .building: (.no, "Building", "The TD is being built; it is \(stateText).")
            case .initialized: (.yes, "Initialized", "The TD is initialised; not finalised.")
            case .finalized: (.yes, "Finalized", "The TD is measured and finalised.")
            case .tearingDown: (.no, "TearingDown", "The TD is being taken down; it is \(stateText).")
            case .deleted: (.no, "Deleted", "The TD is deleted; this is its record.")
            case .failed: (.no, "Fatal", "The module declared the TD fatal; it can only be deleted.")
            case .quarantined: (.no, "Quarantined", "\(quarantine.count) pages or KeyIDs could not be freed.")
            case .lost, .unknown: (.unknown, "Unknown", "The state of the TD is not known.")
            }
        if let place = conditions.firstIndex(where: { $0.type == "Ready" }) {
            if conditions[place].status != status { conditions[place].lastTransitionAt = now }
            conditions[place].status = status
            conditions[place].reason = reason
            conditions[place].message = message
            conditions[place].observedRevision = revision
        } else {
            conditions.append(
                Condition(
                    type: "Ready", status: status, reason: reason, message: message, lastTransitionAt: now,
                    observedRevision: revision))
        }
    }
}
