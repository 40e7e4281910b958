public import TDXCalls
internal import Threading

// What can be read. Readers copy views of what is committed; none of this waits for a step.

/// A list as it stands, with the sequence of the last event that touched it.
public struct Listing<Row: Sendable>: Sendable {
    public let rows: [Row]
    /// Whether rows follow the last one given.
    public let hasMore: Bool
    public let revision: UInt64
}

public struct CapacityView: Hashable, Sendable {
    public struct KeyIDCount: Hashable, Sendable {
        /// Nil where the kernel does not say how many there are.
        public let total: Int?
        public let held: Int
        /// Nil where others take from the same KeyIDs: whether one is free only its allocator knows.
        public let free: Int?
        public let quarantined: Int
        /// Known to be others'. Nil where nobody tells.
        public let foreign: Int?
        /// Free or others', which nobody tells; nil where it is known, or how many there are is not.
        public let unknown: Int?
    }

    public struct Count: Hashable, Sendable {
        public let total: Int
        public let held: Int
        public let free: Int
        public let quarantined: Int
    }

    public let keyIDs: KeyIDCount
    public let pages: Count
    public let vcpusHeld: Int
    public let source: HostCapacity.Source
    public let revision: UInt64
}

public struct ProcessorView: Hashable, Sendable {
    public struct BoundVCPU: Hashable, Sendable {
        public let td: ResourceID
        public let number: Int
    }

    public let processor: Processor
    public let package: Package
    public let vcpus: [BoundVCPU]
}

/// Which SEAMCALL records are wanted; nil = any.
public struct RecordFilter: Sendable {
    public var td: ResourceID?
    public var operation: ResourceID?
    public var keyID: KeyID?
    public var leaf: UInt16?
    /// By code; details are ignored.
    public var completion: Completion?
    /// Only records after this sequence.
    public var since: UInt64

    public init(
        td: ResourceID? = nil, operation: ResourceID? = nil, keyID: KeyID? = nil, leaf: UInt16? = nil,
        completion: Completion? = nil, since: UInt64 = 0
    ) {
        self.td = td
        self.operation = operation
        self.keyID = keyID
        self.leaf = leaf
        self.completion = completion
        self.since = since
    }

    func admits(_ record: CallRecord) -> Bool {
        if record.lastSequenceOfRun <= since { return false }
        if let td, record.td != td { return false }
        if let operation, record.operation != operation { return false }
        if let keyID, record.keyID != keyID { return false }
        if let leaf, record.leaf.number != leaf { return false }
        if let completion, record.completion?.code != completion.code { return false }
        return true
    }
}

public struct RecordListing: Sendable {
    public let rows: [CallRecord]
    public let hasMore: Bool
    public let revision: UInt64
    /// Older records that the ring has let go since the start.
    public let dropped: UInt64
}

extension Engine {
    public func td(_ reference: TDReference) throws(LifecycleError) -> Domain {
        let found = views.withLock { views in views.id(of: reference).flatMap { views.domains[$0] } }
        guard let found else { throw .noSuchTD(reference.description) }
        return found.value
    }

    /// Which TD that is and its revision: enough for whoever has its view already.
    public func tdRevision(_ reference: TDReference) throws(LifecycleError) -> (id: ResourceID, revision: UInt64) {
        let found = views.withLock { views in
            views.id(of: reference).flatMap { id in views.domains[id].map { (id, $0.value.revision) } }
        }
        guard let found else { throw .noSuchTD(reference.description) }
        return found
    }

    /// TDs after `cursor` in order of age, at most `limit`.
    public func tds(
        after cursor: ResourceID?, limit: Int, includeDeleted: Bool, where condition: (Domain) -> Bool
    ) -> Listing<Domain> {
        views.withLock { views in
            page(views.domainOrder, after: cursor, limit: limit, revision: views.domainsRevision) { id in
                guard let domain = views.domains[id]?.value, includeDeleted || !domain.isDeleted, condition(domain)
                else {
                    return nil
                }
                return domain
            }
        }
    }

    public var tdsRevision: UInt64 { views.withLock { $0.domainsRevision } }

    public func operation(_ id: ResourceID) throws(LifecycleError) -> Operation {
        guard let operation = views.withLock({ $0.operations[id] }) else { throw .noSuchOperation }
        return operation.value
    }

    public func operations(after cursor: ResourceID?, limit: Int) -> Listing<Operation> {
        views.withLock { views in
            page(views.operationOrder, after: cursor, limit: limit, revision: views.operationsRevision) { id in
                views.operations[id]?.value
            }
        }
    }

    private func page<Row>(
        _ order: [ResourceID], after cursor: ResourceID?, limit: Int, revision: UInt64,
        _ row: (ResourceID) -> Row?
    ) -> Listing<Row> {
        var rows: [Row] = []
        var place = cursor.map { order.sortedPlace(of: $0) } ?? 0
        if let cursor, place < order.count, order[place] == cursor { place += 1 }
        for id in order[min(place, order.count)...] {
            guard let next = row(id) else { continue }
            if rows.count == limit { return Listing(rows: rows, hasMore: true, revision: revision) }
            rows.append(next)
        }
        return Listing(rows: rows, hasMore: false, revision: revision)
    }

    public var keyIDs: Listing<KeyIDRow> {
        views.withLock { views in
            Listing(
                rows: views.keyIDs.rows.values.sorted { $0.number < $1.number }, hasMore: false,
                revision: views.keyIDsRevision)
        }
    }

    public func keyID(_ number: KeyID) -> KeyIDRow? { views.withLock { $0.keyIDs.rows[number] } }

    public var capacity: CapacityView {
        views.withLock { views in
            let ledger = views.ledger
            return CapacityView(
                keyIDs: views.keyIDCount,
                pages: CapacityView.Count(
                    total: ledger.pagesTotal, held: ledger.pagesHeld,
                    free: ledger.pagesTotal - ledger.pagesHeld - ledger.pagesQuarantined,
                    quarantined: ledger.pagesQuarantined),
                vcpusHeld: views.vcpusHeld, source: views.capacitySource, revision: views.revision)
        }
    }

    public var processors: [ProcessorView] {
        let domains = views.withLock { views in views.domains.values.filter { !$0.value.isDeleted }.map(\.value) }
        var bound: [Processor: [ProcessorView.BoundVCPU]] = [:]
        for domain in domains.sorted(by: { $0.id < $1.id }) {
            for number in domain.associated.sorted() {
                guard let association = domain.vcpus[number].association else { continue }
                bound[association.processor, default: []].append(
                    ProcessorView.BoundVCPU(td: domain.id, number: number))
            }
        }
        return platform.processors.map { info in
            ProcessorView(processor: info.processor, package: info.package, vcpus: bound[info.processor] ?? [])
        }
    }

    /// Records in order of their sequence, at most `limit`; they survive their TD.
    public func records(_ filter: RecordFilter, limit: Int) -> RecordListing {
        var filter = filter
        let (records, revision, dropped) = views.withLock { views -> ([CallRecord], UInt64, UInt64) in
            // An operation's records are its TD's, and those are kept longer than the host's.
            if filter.td == nil, let operation = filter.operation { filter.td = views.operations[operation]?.value.td }
            // What the TD's own ring no longer has may still be in the host's.
            let ring = filter.td.flatMap { views.records[$0] } ?? views.hostRecords
            return (ring.ordered, views.recordsRevision, ring.dropped)
        }
        var rows: [CallRecord] = []
        for record in records where filter.admits(record) {
            if rows.count == limit {
                return RecordListing(rows: rows, hasMore: true, revision: revision, dropped: dropped)
            }
            rows.append(record)
        }
        return RecordListing(rows: rows, hasMore: false, revision: revision, dropped: dropped)
    }

    /// Tells once when an operation has ended, or how it stands when `timeout` has passed. The callback comes from
    /// an engine thread, or from this one if there is nothing to wait for.
    public func awaitEnd(
        of id: ResourceID, timeout: Duration, _ callback: @escaping @Sendable (Operation) -> Void
    ) throws(LifecycleError) {
        let seen = views.withLock { $0.operations[id] }
        if let seen, seen.value.state.isTerminal { return callback(seen.value) }
        // One that has just been submitted may not be seen yet, and is there all the same.
        guard let known = seen ?? state.withLock({ $0.operations[id] }) else { throw .noSuchOperation }
        let scheduler = environment.scheduler
        let over = views.withLock { views -> Boxed<Operation>? in
            let now = views.operations[id] ?? known
            guard !now.value.state.isTerminal, timeout > .zero else { return now }
            let isWaiting = views.addWaiter(for: id, callback) { waiter in
                scheduler.enqueue(after: timeout) { self.expire(waiter, of: known) }
            }
            return isWaiting ? nil : now
        }
        if let over { callback(over.value) }
    }

    private func expire(_ waiter: UInt64, of known: Boxed<Operation>) {
        let id = known.value.id
        let expired = views.withLock { views -> (Views.Waiter, Boxed<Operation>)? in
            views.removeWaiter(waiter, for: id).map { ($0, views.operations[id] ?? known) }
        }
        if let (waiter, operation) = expired { waiter.callback(operation.value) }
    }
}

extension Views {
    fileprivate var keyIDCount: CapacityView.KeyIDCount {
        let (total, held, quarantined) = (ledger.keyIDsTotal, keyIDs.held, keyIDs.count(.quarantined))
        let rest = total.map { $0 - held - quarantined }
        guard capacitySource == .ledger else {
            return CapacityView.KeyIDCount(
                total: total, held: held, free: nil, quarantined: quarantined, foreign: nil, unknown: rest)
        }
        let foreign = keyIDs.count(.foreign)
        return CapacityView.KeyIDCount(
            total: total, held: held, free: rest.map { $0 - foreign }, quarantined: quarantined, foreign: foreign,
            unknown: nil)
    }
}
