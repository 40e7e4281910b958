internal import TDXCalls

/// What readers see: rows as of the last batch that is safe, and the records.
struct Views: Sendable {
    private(set) var domains: [ResourceID: Boxed<Domain>] = [:]
    /// Ascending; ids sort by time.
    private(set) var domainOrder: [ResourceID] = []
    private(set) var names: [String: ResourceID] = [:]
    private(set) var operations: [ResourceID: Boxed<Operation>] = [:]
    private(set) var operationOrder: [ResourceID] = []
    private(set) var keyIDs: KeyIDTable
    private(set) var ledger: Ledger
    private(set) var census: Census
    let capacitySource: HostCapacity.Source
    private(set) var hostRecords: CallRing
    private(set) var records: [ResourceID: CallRing] = [:]
    /// The sequence of the last event that touched each collection.
    private(set) var domainsRevision: UInt64 = 0
    private(set) var operationsRevision: UInt64 = 0
    private(set) var keyIDsRevision: UInt64 = 0
    private(set) var recordsRevision: UInt64 = 0
    private(set) var revision: UInt64 = 0
    /// vCPUs of all TDs that are not deleted.
    private(set) var vcpusHeld = 0
    /// Deleted TDs whose records are kept, the longest deleted first, and how many records that makes.
    private var deletedWithRecords = AgeQueue()
    private var recordsOfDeleted = 0
    private var waiters: [ResourceID: [Waiter]] = [:]
    private var waiterCount = 0
    private var nextWaiter: UInt64 = 0
    private let limits: EngineLimits

    struct Waiter: Sendable {
        let id: UInt64
        let callback: @Sendable (Operation) -> Void
        /// What tells it that its time is over.
        var expiry: DelayedJob?
    }

    init(keyIDs: KeyIDTable, ledger: Ledger, limits: EngineLimits, source: HostCapacity.Source) {
        self.keyIDs = keyIDs
        self.ledger = ledger
        census = Census(keyIDs)
        capacitySource = source
        hostRecords = CallRing(capacity: limits.recordsOfHost)
        self.limits = limits
    }

    func id(of reference: TDReference) -> ResourceID? {
        switch reference {
        case .id(let id): id
        case .name(let name): names[name]
        }
    }

    /// Takes a batch in, and says whom to tell of what has ended.
    mutating func publish(
        _ batch: Batch, ledger: Ledger, _ scheduler: any StepScheduler
    ) -> [@Sendable () -> Void] {
        revision = batch.sequence
        self.ledger = ledger
        var told: [@Sendable () -> Void] = []
        var deleted: [ResourceID] = []
        for change in batch.changes {
            switch change {
            case .domain(let domain):
                if publish(domain) { deleted.append(domain.value.id) }
            case .operation(let operation):
                publish(operation)
                if operation.value.state.isTerminal, let waiting = waiters.removeValue(forKey: operation.value.id) {
                    waiterCount -= waiting.count
                    for waiter in waiting { if let expiry = waiter.expiry { scheduler.cancel(expiry) } }
                    told += waiting.map { waiter in { waiter.callback(operation.value) } }
                }
            case .keyID(let row):
                keyIDsRevision = batch.sequence
                census.replace(keyIDs.put(row), with: row)
            case .forgotten(let id): forget(id)
            }
        }
        if !batch.records.isEmpty { publish(batch.records[...]) }
        for td in deleted { keepRecords(ofDeleted: td, at: batch.at) }
        return told
    }

    /// A batch's records are mostly one TD's, whose ring is looked for once.
    private mutating func publish(_ fresh: ArraySlice<CallRecord>) {
        recordsRevision = revision
        for record in fresh { hostRecords.append(record) }
        var rest = fresh
        while let td = rest.first?.td {
            let end = rest.firstIndex { $0.td != td } ?? rest.endIndex
            records[td, default: CallRing(capacity: limits.recordsPerTD)].append(contentsOf: rest[..<end])
            rest = rest[end...]
        }
    }

    private mutating func keepRecords(ofDeleted td: ResourceID, at time: WallTime) {
        deletedWithRecords.append(td, at: time)
        recordsOfDeleted += records[td]?.count ?? 0
        while recordsOfDeleted > limits.recordsOfDeletedMax, let oldest = deletedWithRecords.popFirst() {
            dropRecords(ofDeleted: oldest)
        }
    }

    private mutating func dropRecords(ofDeleted td: ResourceID) {
        if let ring = records.removeValue(forKey: td) { recordsOfDeleted -= ring.count }
    }

    private mutating func publish(_ operation: Boxed<Operation>) {
        operationsRevision = revision
        let id = operation.value.id
        let before = operations.updateValue(operation, forKey: id)
        census.replace(before, with: operation)
        if before == nil { operationOrder.insertSorted(id) }
    }

    // MARK: Waiting for an operation's end

    /// False if there are as many waiters as there may be.
    ///
    /// - Parameter expire: makes the job that will end the wait of the waiter with that number.
    mutating func addWaiter(
        for operation: ResourceID, _ callback: @escaping @Sendable (Operation) -> Void,
        expire: (UInt64) -> DelayedJob
    ) -> Bool {
        guard waiterCount < limits.waitersMax else { return false }
        waiterCount += 1
        nextWaiter += 1
        let waiter = Waiter(id: nextWaiter, callback: callback, expiry: expire(nextWaiter))
        waiters[operation, default: []].append(waiter)
        return true
    }

    /// The waiter, unless it has been told already.
    mutating func removeWaiter(_ id: UInt64, for operation: ResourceID) -> Waiter? {
        guard let place = waiters[operation]?.firstIndex(where: { $0.id == id }) else { return nil }
        waiterCount -= 1
        return waiters[operation]?.remove(at: place)
    }

    /// Says whether it is deleted and was not before.
    private mutating func publish(_ domain: Boxed<Domain>) -> Bool {
        domainsRevision = revision
        let id = domain.value.id
        let before = domains.updateValue(domain, forKey: id)
        census.replace(before, with: domain)
        vcpusHeld += domain.value.vcpusHeld - (before?.value.vcpusHeld ?? 0)
        if before == nil { domainOrder.insertSorted(id) }
        let isDeleted = domain.value.isDeleted
        if let name = before?.value.name, names[name] == id { names[name] = nil }
        if !isDeleted, let name = domain.value.name { names[name] = id }
        return isDeleted && before?.value.isDeleted != true
    }

    private mutating func forget(_ id: ResourceID) {
        if let domain = domains.removeValue(forKey: id) {
            census.replace(domain, with: nil)
            domainsRevision = revision
            dropRecords(ofDeleted: id)
            domainOrder.removeSorted(id)
        }
        if operations.removeValue(forKey: id) != nil {
            operationsRevision = revision
            operationOrder.removeSorted(id)
        }
    }
}

extension [ResourceID] {
    /// The first place whose id is not below `id`.
    func sortedPlace(of id: ResourceID) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if self[middle] < id { low = middle + 1 } else { high = middle }
        }
        return low
    }

    fileprivate mutating func insertSorted(_ id: ResourceID) {
        if let last, last < id { append(id) } else { insert(id, at: sortedPlace(of: id)) }
    }

    fileprivate mutating func removeSorted(_ id: ResourceID) {
        let place = sortedPlace(of: id)
        if place < count, self[place] == id { remove(at: place) }
    }
}
