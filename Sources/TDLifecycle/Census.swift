internal import Threading

/// How many there are of everything, counted as rows change: whoever watches the host asks for this often.
public struct Census: Hashable, Sendable {
    /// TDs, the deleted ones that are still readable among them.
    public internal(set) var tds: [Phase: Int] = [:]
    /// Pages that TDs hold; those in quarantine or reserved are not among them.
    public internal(set) var pages: [PageKind: Int] = [:]
    /// KeyIDs, the module's own apart.
    public internal(set) var keyIDs: [KeyIDRow.State: Int] = [:]
    /// Operations that have not ended.
    public internal(set) var unfinished: [Operation.Kind: Int] = [:]
    /// Operations that have ended since the start; never fewer, although the rows are forgotten.
    public internal(set) var ended: [Outcome: UInt64] = [:]

    /// How an operation ended.
    public struct Outcome: Hashable, Sendable {
        public let kind: Operation.Kind
        public let state: Operation.State
    }

    init(_ table: KeyIDTable) {
        for row in table.rows.values where row.role == .td { keyIDs[row.state, default: 0] += 1 }
    }

    mutating func replace(_ before: Boxed<Domain>?, with after: Boxed<Domain>?) {
        if let before { count(before.value, by: -1) }
        if let after { count(after.value, by: 1) }
    }

    private mutating func count(_ domain: Domain, by change: Int) {
        tds[domain.phase, default: 0] += change
        for kind in PageKind.allCases where domain.heldCounts[kind] != 0 {
            pages[kind, default: 0] += change * domain.heldCounts[kind]
        }
    }

    mutating func replace(_ before: Boxed<Operation>?, with after: Boxed<Operation>) {
        let (kind, state) = (after.value.kind, after.value.state)
        let stateBefore = before?.value.state
        if stateBefore?.isTerminal == false { unfinished[kind, default: 0] -= 1 }
        if !state.isTerminal {
            unfinished[kind, default: 0] += 1
        } else if stateBefore?.isTerminal != true {
            ended[Outcome(kind: kind, state: state), default: 0] += 1
        }
    }

    mutating func replace(_ before: KeyIDRow?, with after: KeyIDRow) {
        guard after.role == .td else { return }
        if let before { keyIDs[before.state, default: 0] -= 1 }
        keyIDs[after.state, default: 0] += 1
    }
}

extension Engine {
    public var census: Census { views.withLock { $0.census } }
}
