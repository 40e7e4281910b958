internal import TDXCalls

// The ledger against the module's own tables. Between a call and the commit of its step the module is ahead of the ledger,
// so what differs is a suspicion first, and is looked at again under the engine's lock, where no step can begin or end: it
// counts if no step is under way that could explain it.

/// A page or a KeyID that the module shows otherwise than the ledger.
enum Suspicion: Sendable {
    /// Of a TD's row.
    case page(PageAddress<AnyPage>, of: ResourceID)
    /// Of no row; the module names its owner.
    case stray(PageAddress<AnyPage>, owner: PageAddress<TDR>)
    case keyID(KeyID)

    /// Most that are looked at again, which is under the engine's lock.
    static let suspicionsMax = 256
}

/// Suspicions, and what was looked at on the way to them.
struct Comparison {
    var finding: InvariantFinding
    private(set) var suspicions: [Suspicion] = []

    init(_ invariant: Invariant) { finding = InvariantFinding(invariant) }

    mutating func suspect(_ suspicion: Suspicion) {
        if suspicions.count < Suspicion.suspicionsMax {
            suspicions.append(suspicion)
        } else {
            finding.skipped += 1
        }
    }
}

extension Page {
    /// What the module is to say of it: nil if it is the host's. Nobody knows of one in quarantine.
    fileprivate func agrees(with page: ModulePage?, tdr: PageAddress<TDR>?) -> Bool {
        switch (state, page) {
        case (_, .busy), (.quarantined, _): true
        case (.held(let kind), .held(let type, let owner)): type == kind.pamtType && owner == tdr
        case (.reserved, nil), (.reclaimedTDR, nil): true
        default: false
        }
    }
}

extension KeyIDRow {
    fileprivate func agrees(with entry: KeyTableEntry?) -> Bool {
        guard let entry else { return false }
        if role == .moduleGlobal { return entry.state == .reserved }
        switch state {
        case .free, .reserved: return entry.state == .free
        case .assigned: return entry.state == .assigned
        case .flushed:
            let done = packages.filter { $0.writeBack == .done }.map(\.package)
            return entry.state == .flushed && entry.pendingPackages.isDisjoint(with: done)
        case .quarantined, .foreign, .unknown: return true
        }
    }
}

extension LedgerSnapshot {
    /// Compares all pages that either has.
    func comparePages(with tables: any ModuleTables) -> Comparison {
        var comparison = Comparison(.modulePagesAgree)
        var rows: [PageAddress<AnyPage>: (td: ResourceID, page: Page)] = [:]
        rows.reserveCapacity(domains.values.reduce(0) { $0 + $1.pageCount })
        for domain in domains.values {
            for page in domain.pages { rows[page.address] = (domain.id, page) }
            for page in domain.memory.pages.all { rows[page.address] = (domain.id, page) }
        }
        func look(_ row: (td: ResourceID, page: Page), _ shown: ModulePage?) {
            if shown == .busy || isRunning(row.td) {
                comparison.finding.skipped += 1
                return
            }
            if case .quarantined = row.page.state { return }
            comparison.finding.examined += 1
            if !row.page.agrees(with: shown, tdr: domains[row.td]?.td?.tdr) {
                comparison.suspect(.page(row.page.address, of: row.td))
            }
        }
        tables.forEachModulePage { address, shown in
            if let row = rows.removeValue(forKey: address) {
                look(row, shown)
            } else if case .held(_, let owner) = shown {
                comparison.finding.examined += 1
                comparison.suspect(.stray(address, owner: owner))
            }
        }
        for row in rows.values { look(row, nil) }
        return comparison
    }

    func compareKeyIDs(with tables: any ModuleTables) -> Comparison {
        var comparison = Comparison(.moduleKeysAgree)
        for row in keyIDs.values {
            switch row.state {
            case .quarantined, .foreign, .unknown: continue
            case .free, .reserved, .assigned, .flushed: break
            }
            if let owner = row.owner, isRunning(owner) {
                comparison.finding.skipped += 1
                continue
            }
            comparison.finding.examined += 1
            if !row.agrees(with: tables.keyEntry(row.number)) { comparison.suspect(.keyID(row.number)) }
        }
        return comparison
    }
}

extension EngineState {
    private func isRunning(_ td: ResourceID) -> Bool { lanes[td]?.isRunning == true }

    /// Whether a step may have taken pages or a KeyID that no row has yet.
    private var isCreating: Bool {
        lanes.contains { td, lane in lane.isRunning && domains[td]?.value.td == nil }
    }

    enum Judgement {
        case agrees, inMotion
        case differs(Counterexample)
    }

    /// Looks at a suspicion again.
    func judge(_ suspicion: Suspicion, _ tables: any ModuleTables) -> Judgement {
        switch suspicion {
        case .page(let address, let td):
            guard let domain = domains[td]?.value, !domain.isDeleted else { return .agrees }
            if isRunning(td) { return .inMotion }
            guard let page = domain.page(at: address) else { return .agrees }
            let shown = tables.modulePage(address)
            if page.agrees(with: shown, tdr: domain.td?.tdr) { return .agrees }
            return .differs(
                Counterexample(
                    "the row has it \(page.state.words), the module \(shown.words(domain))", domain, page))
        case .stray(let address, let owner):
            guard case .held(let type, let now) = tables.modulePage(address), now == owner else { return .agrees }
            let domain = domains.values.first { $0.value.td?.tdr == owner }?.value
            if domain.map({ isRunning($0.id) }) ?? isCreating { return .inMotion }
            if domain?.page(at: address) != nil { return .agrees }
            return .differs(
                Counterexample(
                    "the module has it as \(type.name), and no row has it", td: domain?.id, address: address))
        case .keyID(let number):
            guard let row = keyIDs.rows[number] else { return .agrees }
            if row.owner.map({ isRunning($0) }) ?? isCreating { return .inMotion }
            let entry = tables.keyEntry(number)
            if row.agrees(with: entry) { return .agrees }
            let shown = entry.map { entry in
                entry.state.rawValue
                    + (entry.pendingPackages.isEmpty
                        ? "" : ", not written back on \(entry.pendingPackages.count) packages")
            }
            return .differs(
                Counterexample(
                    "its row is \(row.state.rawValue), the module's entry \(shown ?? "not there")", td: row.owner,
                    keyID: number))
        }
    }

    /// What the host has and what rows have, if nothing is on the way between them.
    func checkPool(_ tables: any ModuleTables, platform: Platform) -> InvariantFinding? {
        if lanes.contains(where: \.value.isRunning) { return nil }
        var finding = InvariantFinding(.hostPoolAgrees)
        let taken = ledger.pagesHeld + ledger.pagesQuarantined
        let free = tables.freePages
        finding.expect(
            free + taken == ledger.pagesTotal,
            Counterexample("the host has \(free) free pages and rows have \(taken), of \(ledger.pagesTotal)"))
        let rows = keyIDs.rows.values.count { $0.role == .td && $0.state == .free }
        let keys = tables.freeKeyIDs
        finding.expect(
            keys == rows, Counterexample("the host has \(keys) free KeyIDs, and \(rows) rows are free"))
        finding.examined = ledger.pagesTotal + keyIDs.rows.values.count { $0.role == .td }
        return finding
    }
}

extension Domain {
    fileprivate func page(at address: PageAddress<AnyPage>) -> Page? {
        pages.first { $0.address == address } ?? memory.pages.page(at: address)
    }
}

extension Page.State {
    fileprivate var words: String {
        switch self {
        case .reserved: "reserved for a call"
        case .held(let kind): "as \(kind.rawValue), \(kind.pamtType.name)"
        case .reclaimedTDR: "as a TDR that is taken back"
        case .quarantined: "in quarantine"
        }
    }
}

extension ModulePage? {
    fileprivate func words(_ domain: Domain) -> String {
        switch self {
        case nil: "as the host's"
        case .busy: "busy"
        case .held(let type, let owner): "as \(type.name)\(owner == domain.td?.tdr ? "" : " of another TD")"
        }
    }
}
