internal import TDXCalls
internal import Threading

/// Everything the engine decides on, behind one short lock.
struct EngineState: Sendable {
    /// Boxed, as all rows: what is put here is what is written and what is seen, and nobody copies it.
    var domains: [ResourceID: Boxed<Domain>] = [:]
    /// Names of TDs that are not deleted.
    var names: [String: ResourceID] = [:]
    var operations: [ResourceID: Boxed<Operation>] = [:]
    var lanes: [ResourceID: Lane] = [:]
    var keyIDs: KeyIDTable
    var ledger: Ledger
    var placement: Placement
    var writeBacks: [Package: WriteBackRun] = [:]
    /// TDs whose next leaf is a write-back that somebody else is doing on that package.
    var waitingForWriteBack: [Package: [ResourceID]] = [:]
    var isDraining = false
    private(set) var allowances = Allowances()
    /// Ended operations and deleted TDs in the order they ended, for retention.
    var ended = AgeQueue()
    var tombstones = AgeQueue()

    /// One TD's work: at most one operation, and the field accesses that slip in between its steps.
    struct Lane: Sendable {
        var operation: ResourceID?
        var accesses: [FieldAccess] = []
        /// Whether the last turn was an access's: the operation has the next.
        var accessWasLast = false
        var isRunning = false
        /// Whether a run is queued with the scheduler.
        var isScheduled = false
        /// Whether the operation waits for time to pass or for somebody else's write-back.
        var isPaused = false
        /// Whether it is for the operation's content or hash to wake it, and whether that has happened already.
        var awaitsWake = false
        var wasWoken = false

        var hasWork: Bool { !accesses.isEmpty || (operation != nil && !isPaused) }
        var isIdle: Bool { operation == nil && accesses.isEmpty && !isRunning }

        /// The operation has its turn.
        mutating func beginStep() {
            isRunning = true
            accessWasLast = false
            awaitsWake = false
            wasWoken = false
        }
    }
}

/// What a change to the state writes, and what shall happen once that is safe.
struct Transaction: Sendable {
    let sequence: UInt64
    let now: WallTime
    var changes: [Change] = []
    /// KeyIDs whose rows have changed; the rows follow in the end.
    var changedKeyIDs: Set<KeyID> = []
    var after: [@Sendable () -> Void] = []
}

extension EngineState {
    /// Takes a row over and writes it; its revision is the batch's sequence. Gives back what it is now.
    ///
    /// - Parameter isWritten: false for what the same thread changes again at once, and writes then.
    @discardableResult
    mutating func put(
        _ domain: consuming Domain, _ transaction: inout Transaction, isWritten: Bool = true
    ) -> Boxed<Domain> {
        domain.revision = transaction.sequence
        domain.updateReadyCondition(at: transaction.now)
        let id = domain.id
        let row = Boxed(domain)
        allowances.note(row, before: domains.updateValue(row, forKey: id))
        if isWritten { transaction.changes.append(.domain(row)) }
        return row
    }

    @discardableResult
    mutating func put(
        _ operation: consuming Operation, _ transaction: inout Transaction, isWritten: Bool = true
    ) -> Boxed<Operation> {
        operation.revision = transaction.sequence
        let (id, isOver) = (operation.id, operation.state.isTerminal)
        let row = Boxed(operation)
        allowances.note(row, before: operations.updateValue(row, forKey: id))
        if isWritten { transaction.changes.append(.operation(row)) }
        if isOver { ended.append(id, at: transaction.now) }
        return row
    }

    mutating func updateKeyID(
        _ number: KeyID, _ transaction: inout Transaction, _ change: (inout KeyIDRow) -> Void
    ) {
        keyIDs.update(number, sequence: transaction.sequence, now: transaction.now, change)
        transaction.changedKeyIDs.insert(number)
    }

    /// Writes the KeyIDs' rows as they are in the end, once each.
    func putKeyIDs(_ transaction: inout Transaction) {
        for number in transaction.changedKeyIDs.sorted() {
            if let row = keyIDs.rows[number] { transaction.changes.append(.keyID(row)) }
        }
    }

    /// Forgets what has been kept long enough, or is too much to keep.
    mutating func prune(_ limits: EngineLimits, _ transaction: inout Transaction) {
        // A few at a time: each submission cleans up more than it adds.
        for _ in 0..<Self.forgottenAtOnceMax {
            guard let id = ended.popIfOver(limits, max: limits.operationsMax, now: transaction.now) else { break }
            operations[id] = nil
            transaction.changes.append(.forgotten(id))
        }
        for _ in 0..<Self.forgottenAtOnceMax {
            guard let id = tombstones.popIfOver(limits, max: limits.tombstonesMax, now: transaction.now) else { break }
            domains[id] = nil
            transaction.changes.append(.forgotten(id))
        }
    }

    private static var forgottenAtOnceMax: Int { 8 }

    /// The TD an id or a name means.
    func domain(_ reference: TDReference) throws(LifecycleError) -> Domain {
        switch reference {
        case .id(let id):
            if let domain = domains[id] { return domain.value }
        case .name(let name):
            if let id = names[name], let domain = domains[id] { return domain.value }
        }
        throw .noSuchTD(reference.description)
    }
}
