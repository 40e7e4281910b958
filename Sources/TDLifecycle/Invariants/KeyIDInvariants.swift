internal import TDXCalls

extension LedgerSnapshot {
    func keyIDsHaveOneOwner() -> InvariantFinding {
        var finding = InvariantFinding(.keyIDsHaveOneOwner)
        var owners: [KeyID: [ResourceID]] = [:]
        for domain in ordered { if let number = domain.keyID { owners[number, default: []].append(domain.id) } }
        for row in keyIDs.values.sorted(by: { $0.number < $1.number }) where row.role == .td {
            let named = owners.removeValue(forKey: row.number) ?? []
            let fault = named.count > 1 ? "\(named.count) TDs have it" : fault(row, namedBy: named.first)
            finding.expect(
                fault == nil, Counterexample(fault ?? "", td: named.first ?? row.owner, keyID: row.number))
        }
        for (number, named) in owners.sorted(by: { $0.key < $1.key }) {
            finding.breaks(
                Counterexample("a TD has it, and the host has no such KeyID", td: named.first, keyID: number))
        }
        return finding
    }

    /// What is wrong with a KeyID that one TD has, or none.
    private func fault(_ row: KeyIDRow, namedBy td: ResourceID?) -> String? {
        switch row.state {
        case .free, .unknown, .foreign:
            if td != nil { return "it is \(row.state), and a TD has it" }
            return row.owner == nil ? nil : "it is \(row.state), and its row names an owner"
        case .quarantined:
            // One TD may have several that are out of use.
            let isListed = row.owner.flatMap { domains[$0] }?.quarantine.contains { $0.thing == .keyID(row.number) }
            return isListed == true ? nil : "it is quarantined, and not so listed by a TD"
        case .reserved, .assigned, .flushed:
            break
        }
        guard let td, let domain = domains[td] else { return "it is \(row.state), and no TD has it" }
        if row.owner != td { return "its row names \(row.owner?.description ?? "nobody") as its owner" }
        let fits: Bool =
            switch (row.state, domain.lifecycle) {
            case (.reserved, .none), (.assigned, .hkidAssigned), (.assigned, .keysConfigured), (.flushed, .blocked):
                true
            default: false
            }
        if !fits { return "it is \(row.state), and its TD is \(domain.lifecycle.rawValue)" }
        if row.state == .reserved || row.tdr == domain.td?.tdr { return nil }
        return "its row names another TDR than its TD's"
    }

    func keyIDsAddUp() -> InvariantFinding {
        var finding = InvariantFinding(.keyIDsAddUp)
        var counts: [KeyIDRow.State: Int] = [:]
        for row in keyIDs.values where row.role == .td { counts[row.state, default: 0] += 1 }
        finding.examined = counts.values.reduce(0, +)
        for state in KeyIDRow.State.allCases where keyIDCounts[state, default: 0] != counts[state, default: 0] {
            finding.breaks(
                Counterexample(
                    "\(keyIDCounts[state, default: 0]) KeyIDs are counted as \(state.rawValue), and "
                        + "\(counts[state, default: 0]) are"))
        }
        let promised = operations.values.reduce(0) { $0 + $1.promised.keyIDs }
        if keyIDTotals.promised != promised {
            finding.breaks(
                Counterexample("\(keyIDTotals.promised) KeyIDs are counted as promised, and \(promised) are"))
        }
        guard let total = keyIDTotals.total else { return finding }
        if finding.examined != total {
            finding.breaks(Counterexample("there are rows of \(finding.examined) KeyIDs, and the host has \(total)"))
        }
        let used = keyIDTotals.held + keyIDTotals.promised + keyIDTotals.quarantined
        if used > total { finding.breaks(Counterexample("TDs and operations have \(used) of \(total) KeyIDs")) }
        return finding
    }
}
