internal import TDXCalls

/// What readers see: rows as of the last batch that is safe, and the records.
struct Views: Sendable {
    private(set) var domains: [ResourceID: Domain] = [:]
    /// Ascending; ids sort by time.
    private(set) var domainOrder: [ResourceID] = []
    private(set) var names: [String: ResourceID] = [:]
    private(set) var operations: [ResourceID: Operation] = [:]
    private(set) var operationOrder: [ResourceID] = []
    private(set) var keyIDs: KeyIDTable
    private(set) var ledger: Ledger
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
    private let recordsPerTD: Int

    init(keyIDs: KeyIDTable, ledger: Ledger, limits: EngineLimits, source: HostCapacity.Source) {
        self.keyIDs = keyIDs
        self.ledger = ledger
        capacitySource = source
        hostRecords = CallRing(capacity: limits.recordsOfHost)
        recordsPerTD = limits.recordsPerTD
    }

    mutating func publish(_ batch: Batch, ledger: Ledger) {
        revision = batch.sequence
        self.ledger = ledger
        for change in batch.changes {
            switch change {
            case .domain(let domain): publish(domain)
            case .operation(let operation):
                operationsRevision = batch.sequence
                if operations.updateValue(operation, forKey: operation.id) == nil {
                    operationOrder.insertSorted(operation.id)
                }
            case .keyID(let row):
                keyIDsRevision = batch.sequence
                keyIDs.put(row)
            case .forgotten(let id): forget(id)
            }
        }
        for record in batch.records {
            recordsRevision = batch.sequence
            hostRecords.append(record)
            guard let td = record.td else { continue }
            records[td, default: CallRing(capacity: recordsPerTD)].append(record)
        }
    }

    private mutating func publish(_ domain: Domain) {
        domainsRevision = revision
        let before = domains.updateValue(domain, forKey: domain.id)
        vcpusHeld += domain.vcpusHeld - (before?.vcpusHeld ?? 0)
        if before == nil { domainOrder.insertSorted(domain.id) }
        if let name = before?.name, names[name] == domain.id { names[name] = nil }
        if let name = domain.name, !domain.isDeleted { names[name] = domain.id }
    }

    private mutating func forget(_ id: ResourceID) {
        if domains.removeValue(forKey: id) != nil {
            domainsRevision = revision
            records[id] = nil
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
