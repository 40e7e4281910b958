internal import TDXCalls
internal import Threading

/// What the engine decides on, at one instant: a value, so that the checks can take their time and a test can spoil it.
struct LedgerSnapshot: Sendable {
    /// Of pages, or of KeyIDs.
    struct Totals: Sendable {
        /// Nil where nobody says how many there are.
        var total: Int?
        var held: Int
        var promised: Int
        var quarantined: Int
    }

    struct Lane: Sendable {
        var operation: ResourceID?
        var isRunning: Bool
    }

    /// The sequence of the last thing that happened before.
    var revision: UInt64
    let platform: Platform
    /// TDs that are not deleted.
    var domains: [ResourceID: Domain] = [:]
    /// Operations that have not ended.
    var operations: [ResourceID: Operation] = [:]
    var lanes: [ResourceID: Lane]
    var names: [String: ResourceID]
    var keyIDs: [KeyID: KeyIDRow]
    /// TDs' KeyIDs by state, as they are counted while rows change.
    var keyIDCounts: [KeyIDRow.State: Int]
    var pageTotals: Totals
    var keyIDTotals: Totals
    var load: [Processor: Int]
    /// Unfinished operations and KeyIDs by principal, as they are counted for the limits.
    var operationCounts: [String: Int]
    var keyIDClaims: [String: Int]
}

extension Engine {
    /// Copies rows, not what they refer to: under the lock each TD costs as much as a copy of its row.
    func ledgerSnapshot() -> LedgerSnapshot { state.withLock { LedgerSnapshot($0, platform, revision: sequence) } }
}

extension LedgerSnapshot {
    fileprivate init(_ state: EngineState, _ platform: Platform, revision: UInt64) {
        self.revision = revision
        self.platform = platform
        let ledger = state.ledger
        lanes = state.lanes.mapValues { Lane(operation: $0.operation, isRunning: $0.isRunning) }
        names = state.names
        keyIDs = state.keyIDs.rows
        keyIDCounts = Dictionary(
            uniqueKeysWithValues: KeyIDRow.State.allCases.map { ($0, state.keyIDs.count($0)) })
        pageTotals = Totals(
            total: ledger.pagesTotal, held: ledger.pagesHeld, promised: ledger.pagesPromised,
            quarantined: ledger.pagesQuarantined)
        keyIDTotals = Totals(
            total: ledger.keyIDsTotal, held: state.keyIDs.held, promised: ledger.keyIDsPromised,
            quarantined: state.keyIDs.count(.quarantined))
        load = state.placement.load.filter { $0.value != 0 }
        operationCounts = state.allowances.operations
        keyIDClaims = state.allowances.keyIDs
        for place in state.domains.values.indices where !state.domains.values[place].value.isDeleted {
            let domain = state.domains.values[place].value
            domains[domain.id] = domain
        }
        for lane in state.lanes.values {
            if let id = lane.operation, let row = state.operations[id] { operations[id] = row.value }
        }
        // Each has a lane. Where that is not so they are looked for among all, of which there may be thousands.
        if operationCounts.values.reduce(0, +) != operations.count {
            operations = state.operations.filter { !$0.value.value.state.isTerminal }.mapValues(\.value)
        }
    }

    /// The TDs, oldest first, so that findings come in the same order each time.
    var ordered: [Domain] { domains.values.sorted { $0.id < $1.id } }

    /// Whether a step works on the TD now, on a copy of its row.
    func isRunning(_ td: ResourceID) -> Bool { lanes[td]?.isRunning == true }
}

extension Domain {
    /// Pages in quarantine; it is all of them or few TDs have any.
    var pagesQuarantined: Int {
        quarantine.isEmpty ? 0 : pages.count { if case .quarantined = $0.state { true } else { false } }
    }
}
