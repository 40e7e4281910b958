import Synchronization
import TDXCalls
import Testing
import Threading

@testable import FakeTDX
@testable import TDLifecycle

// What must hold whenever nothing runs. The fake is asked too: it cannot be talked into agreeing.

extension World {
    /// Records each rule that does not hold as an issue.
    func expectInvariants(_ after: String, sourceLocation: SourceLocation = #_sourceLocation) {
        for broken in brokenInvariants() {
            Issue.record("\(broken), after \(after)", sourceLocation: sourceLocation)
        }
    }

    func brokenInvariants() -> [String] {
        let state = engine.state.withLock { $0 }
        var broken = brokenRest(state) + brokenLedger(state) + brokenKeyIDs(state) + brokenPlacement(state)
        for domain in state.domains.values.map(\.value) { broken += brokenRows(domain) + brokenModule(domain) }
        for operation in state.operations.values.map(\.value) { broken += brokenOperation(operation, state) }
        broken += fake.misuses.map { "the host port was misused: \($0)" }
        return broken + brokenFindings()
    }

    /// What the daemon itself finds; at rest it can look at everything.
    private func brokenFindings() -> [String] {
        engine.inspectNow().findings.flatMap { finding -> [String] in
            let name = finding.invariant.rawValue
            switch finding.verdict {
            case .holds: return finding.skipped == 0 ? [] : ["\(name) left \(finding.skipped) out at rest"]
            case .broken: return finding.counterexamples.map { "\(name): \($0)" }
            case .notChecked: return ["\(name) was not checked: \(finding.reason ?? "")"]
            }
        }
    }

    /// Nothing runs, waits, or is promised.
    private func brokenRest(_ state: EngineState) -> [String] {
        var broken: [String] = []
        func expect(_ holds: Bool, _ what: String) { if !holds { broken.append(what) } }
        expect(state.ledger.pagesPromised == 0, "\(state.ledger.pagesPromised) pages are promised at rest")
        expect(state.ledger.keyIDsPromised == 0, "\(state.ledger.keyIDsPromised) KeyIDs are promised at rest")
        expect(state.lanes.isEmpty, "\(state.lanes.count) lanes exist at rest")
        expect(state.waitingForWriteBack.isEmpty, "somebody waits for a write-back at rest")
        expect(state.writeBacks.values.allSatisfy { $0.owner == nil }, "a write-back is owned at rest")
        let views = engine.views.withLock { $0 }
        expect(views.domains.count == state.domains.count, "readers see another number of TDs")
        for (id, domain) in state.domains.mapValues(\.value) {
            expect(views.domains[id]?.value.revision == domain.revision, "readers see another revision of \(id)")
        }
        expect(views.operations.count == state.operations.count, "readers see another number of operations")
        expect(views.domainOrder == state.domains.keys.sorted(), "the list of TDs is not the TDs")
        expect(views.operationOrder == state.operations.keys.sorted(), "the list of operations is not the operations")
        let names = Dictionary(
            uniqueKeysWithValues: state.domains.values.map(\.value).filter { !$0.isDeleted }.compactMap { domain in
                domain.name.map { ($0, domain.id) }
            })
        expect(state.names == names && views.names == names, "names do not match their TDs")
        expect(state.allowances.operations.isEmpty, "\(state.allowances.operations) are under way at rest")
        let held = state.domains.values.map(\.value).filter { domain in
            domain.keyID.map { number in !domain.quarantine.contains { $0.thing == .keyID(number) } } ?? false
        }
        expect(
            state.allowances.keyIDs == Dictionary(held.map { ($0.createdBy, 1) }, uniquingKeysWith: +),
            "KeyIDs are counted for others than those who hold them: \(state.allowances.keyIDs)")
        return broken + brokenCensus(views)
    }

    /// What is counted as rows change is what there is.
    private func brokenCensus(_ views: Views) -> [String] {
        func counts<Key>(_ items: some Sequence<(Key, Int)>) -> [Key: Int] {
            Dictionary(items.map { ($0.0, $0.1) }, uniquingKeysWith: +).filter { $0.value != 0 }
        }
        let census = views.census
        var broken: [String] = []
        if counts(census.tds.map { ($0.key, $0.value) })
            != counts(views.domains.values.map(\.value).map { ($0.phase, 1) })
        {
            broken.append("the census counts other phases: \(census.tds)")
        }
        let pages = views.domains.values.map(\.value).flatMap(\.allPages).compactMap { page -> (PageKind, Int)? in
            if case .held(let kind) = page.state { (kind, 1) } else { nil }
        }
        if counts(census.pages.map { ($0.key, $0.value) }) != counts(pages) {
            broken.append("the census counts other pages: \(census.pages)")
        }
        let keyIDs = views.keyIDs.rows.values.filter { $0.role == .td }.map { ($0.state, 1) }
        if counts(census.keyIDs.map { ($0.key, $0.value) }) != counts(keyIDs) {
            broken.append("the census counts other KeyIDs: \(census.keyIDs)")
        }
        if census.unfinished.values.contains(where: { $0 != 0 }) { broken.append("the census has operations at rest") }
        return broken
    }

    /// Every page is free, held or quarantined, once.
    private func brokenLedger(_ state: EngineState) -> [String] {
        var broken: [String] = []
        func expect(_ holds: Bool, _ what: String) { if !holds { broken.append(what) } }
        let pages = state.domains.values.map(\.value).flatMap(\.allPages)
        let quarantined = pages.count { $0.isQuarantined }
        let hostFree = fake.host.allocations.withLock { $0.pages.freeCount }
        expect(Set(pages.map(\.address)).count == pages.count, "a page is in two rows")
        expect(Set(pages.map(\.id)).count == pages.count, "two pages have one id")
        expect(state.ledger.pagesHeld == pages.count - quarantined, "the ledger counts other pages held than rows")
        expect(state.ledger.pagesQuarantined == quarantined, "the ledger counts other pages quarantined than rows")
        expect(
            hostFree + pages.count == state.ledger.pagesTotal,
            "\(hostFree) free and \(pages.count) in rows are not \(state.ledger.pagesTotal) pages")
        let views = engine.capacity
        expect(
            views.pages.held == state.ledger.pagesHeld && views.pages.quarantined == quarantined,
            "readers see other counts of pages")
        expect(
            views.vcpusHeld == state.domains.values.map(\.value).reduce(0) { $0 + $1.pageCount(.tdvpr) },
            "vCPUs are miscounted")
        let inUse = Set(pages.map(\.address.rawValue))
        // The fake hands out pages in ascending order, so the first ones are those that have been used.
        for page in 0..<Self.pagesLookedAt {
            let address = 0x1_0000_0000 + UInt64(page * pageSizeBytes)
            if !inUse.contains(address), let type = pamtType(address), type != .nda, type != .rsvd {
                broken.append("page 0x\(String(address, radix: 16)) is the host's and \(type.name) to the module")
            }
        }
        return broken
    }

    private static var pagesLookedAt: Int { 256 }

    func pamtType(_ address: UInt64) -> PageType? {
        let module = TDXModule(calls: fake, host: fake)
        return try? module.tdh_phymem_page_rdmd(PageAddress(rawValue: address), on: Processor(rawValue: 0)).type
    }

    /// Every KeyID is in one place.
    private func brokenKeyIDs(_ state: EngineState) -> [String] {
        var broken: [String] = []
        let owners = Dictionary(grouping: state.domains.values.map(\.value).filter { $0.keyID != nil }, by: \.keyID)
        let hostFree = fake.host.allocations.withLock { $0.keyIDs.count(where: \.self) }
        for row in state.keyIDs.rows.values where row.role == .td {
            let owner = owners[row.number] ?? []
            let kot = fake.state.keys.state(row.number.rawValue)
            let agrees: Bool =
                switch row.state {
                case .free: owner.isEmpty && row.owner == nil && kot == .free
                case .assigned: owner.map(\.id) == [row.owner] && kot == .assigned
                case .flushed: owner.map(\.id) == [row.owner] && kot == .flushed
                case .quarantined: owner.map(\.id) == [row.owner] && owner.allSatisfy { !$0.quarantine.isEmpty }
                case .reserved, .foreign, .unknown: false
                }
            if !agrees {
                broken.append(
                    "KeyID \(row.number.rawValue) is \(row.state) in its row, \(kot) to the module, with "
                        + "\(owner.count) owners")
            }
            if row.state == .flushed {
                let pending = fake.state.keys.pendingPackages(row.number.rawValue)
                for package in row.packages where package.writeBack == .done {
                    if pending >> UInt64(package.package.rawValue) & 1 == 1 {
                        broken.append("KeyID \(row.number.rawValue) is not written back where its row says so")
                    }
                }
            }
        }
        let free = state.keyIDs.rows.values.count { $0.role == .td && $0.state == .free }
        if free != hostFree { broken.append("\(hostFree) KeyIDs are free to the host, \(free) by the rows") }
        return broken
    }

    private func brokenPlacement(_ state: EngineState) -> [String] {
        var load: [Processor: Int] = [:]
        for domain in state.domains.values.map(\.value) {
            if !domain.isDeleted { load[domain.home, default: 0] += 1 }
            for vcpu in domain.vcpus {
                if let association = vcpu.association { load[association.processor, default: 0] += 1 }
            }
        }
        let counted = state.placement.load.filter { $0.value != 0 }
        return load == counted ? [] : ["processors are loaded with \(load), and counted is \(counted)"]
    }

    /// What a TD's row says twice agrees.
    private func brokenRows(_ domain: Domain) -> [String] {
        var broken: [String] = []
        func expect(_ holds: Bool, _ what: String) { if !holds { broken.append("\(domain.id): \(what)") } }
        expect(domain.activeOperation == nil, "an operation is active at rest")
        expect(domain.firstReserved == domain.pages.count, "pages are reserved at rest")
        for kind in PageKind.allCases {
            expect(
                domain.pageCount(kind) == domain.allPages.count { $0.state == .held(kind) },
                "\(kind) pages are miscounted"
            )
        }
        expect(
            domain.initializedVCPUs == domain.vcpus.count { $0.state != .uninitialized },
            "initialised vCPUs are miscounted")
        let associated = domain.isDeleted ? [] : domain.vcpus.filter { $0.association != nil }.map(\.number)
        expect(domain.associated.sorted() == associated, "associations are miscounted")
        expect(domain.vcpus.map(\.number) == Array(domain.vcpus.indices), "vCPUs are not numbered in order")
        let quarantined = domain.quarantine.compactMap { if case .page(let id) = $0.thing { id } else { nil } }
        expect(
            Set(quarantined) == Set(domain.pages.filter(\.isQuarantined).map(\.id)),
            "the quarantine lists other pages than the rows")
        expect(domain.memory.pages.reservedCount == 0, "guest pages are reserved at rest")
        expect(domain.memory.tables.plannedCount == 0, "tables are planned at rest")
        if domain.phase == .initialized || domain.phase == .finalized {
            expect(
                domain.memory.regions.reduce(0) { $0 + $1.pagesAdded } == domain.pageCount(.guest),
                "the regions have other pages than the TD")
            let freed = domain.memory.freedTable == nil ? 0 : 1
            expect(
                domain.memory.tables.present.count + freed == domain.pageCount(.sept), "SEPT pages are not the tables")
        }
        let ids = domain.pages(after: nil, limit: .max).flatMap { page in
            (0..<page.sizeBytes / pageSizeBytes).map { ResourceID(.page, page.id.value + UInt128($0)) }
        }
        expect(ids == domain.allPages.map(\.id).sorted(), "listed pages are not the pages")
        if domain.isDeleted {
            expect(domain.allPages.isEmpty && domain.keyID == nil, "something is held though deleted")
        }
        if !domain.quarantine.isEmpty {
            expect(domain.pages.allSatisfy(\.isQuarantined), "something is held though the rest is quarantined")
        }
        return broken
    }

    /// The module says of a TD what its row says. Of a quarantined one nobody knows.
    private func brokenModule(_ domain: Domain) -> [String] {
        guard domain.quarantine.isEmpty, !domain.isDeleted else { return [] }
        var broken: [String] = []
        func expect(_ holds: Bool, _ what: String) { if !holds { broken.append("\(domain.id): \(what)") } }
        guard let td = domain.td, let state = fake.state.td(at: td.tdr.rawValue) else {
            expect(domain.lifecycle == .none, "the row says \(domain.lifecycle), the module knows of no TD")
            return broken
        }
        let lifecycle: TDLifecycle.Lifecycle =
            switch state.lifecycle {
            case .hkidAssigned: .hkidAssigned
            case .keysConfigured: .keysConfigured
            case .blocked: .blocked
            case .teardown: .teardown
            }
        expect(domain.lifecycle == lifecycle, "the row says \(domain.lifecycle), the module \(lifecycle)")
        if domain.opState == .initialized { expect(state.opState == .initialized, "the module says \(state.opState)") }
        if domain.opState == .runnable { expect(state.opState == .runnable, "the module says \(state.opState)") }
        if domain.opState == .uninitialized { expect(state.opState == .uninitialized, "the TD is initialised") }
        // A table that was given back and not written back is the module's no more.
        let pages = domain.allPages.filter { $0.id != domain.memory.freedTable }
        expect(
            Int(state.childCount.load(ordering: .relaxed)) == pages.count - 1,
            "the module counts \(state.childCount.load(ordering: .relaxed)) children")
        for page in pages {
            guard case .held(let kind) = page.state else { continue }
            let type = pamtType(page.address.rawValue)
            expect(type == kind.pamtType, "page \(page.id) is \(kind), to the module \(type?.name ?? "unknown")")
        }
        if lifecycle == .keysConfigured { for vcpu in domain.vcpus { broken += brokenVCPU(vcpu, of: domain) } }
        return broken
    }

    private func brokenVCPU(_ vcpu: VCPU, of domain: Domain) -> [String] {
        var broken: [String] = []
        func expect(_ holds: Bool, _ what: String) {
            if !holds { broken.append("\(domain.id) vCPU \(vcpu.number): \(what)") }
        }
        guard let state = fake.vcpuState(at: vcpu.vp.tdvpr.rawValue) else {
            return ["\(domain.id) vCPU \(vcpu.number): the module knows of none"]
        }
        let at = state.association.load(ordering: .relaxed)
        let processor = at == VCPUState.notAssociated ? nil : fake.platform.processors[Int(at)].processor
        expect(
            vcpu.association?.processor == processor,
            "the row has it on \(String(describing: vcpu.association?.processor)), the module on \(String(describing: processor))"
        )
        expect(
            (vcpu.state == .ready) == (state.phase == .ready), "the row says \(vcpu.state), the module \(state.phase)")
        expect(vcpu.vp.tdcx.map(\.rawValue) == Array(state.pages.dropFirst()), "its pages are others")
        if let index = vcpu.index { expect(index == state.index, "its index is \(state.index), not \(index)") }
        return broken
    }

    private func brokenOperation(_ operation: TDLifecycle.Operation, _ state: EngineState) -> [String] {
        var broken: [String] = []
        func expect(_ holds: Bool, _ what: String) {
            if !holds { broken.append("\(operation.id) (\(operation.kind), \(operation.state)): \(what)") }
        }
        expect(operation.state.isTerminal, "it runs at rest")
        expect((operation.failure == nil) == (operation.state == .succeeded), "its failure does not fit its state")
        expect(operation.rollback != .running, "it takes back at rest")
        expect(operation.endedAt != nil && operation.stuck == nil, "it has not ended")
        expect(operation.progress.done <= operation.progress.total, "it has done more than all")
        if operation.state == .succeeded {
            expect(operation.progress.done == operation.progress.total, "it has not done all")
            expect(operation.rollback == .notNeeded && operation.residue == nil, "it left something")
        }
        guard let domain = state.domains[operation.td]?.value else { return broken }
        if operation.kind == .createTD {
            if operation.rollback == .done { expect(domain.isDeleted, "it was taken back and is there") }
            if operation.state == .failed || operation.state == .cancelled {
                expect(operation.rollback == .done || operation.rollback == .incomplete, "nothing was taken back")
            }
        }
        if operation.state == .quarantined {
            expect(!domain.quarantine.isEmpty, "nothing is quarantined")
            expect(operation.residue?.quarantined == domain.quarantine, "the residue is another")
        }
        return broken
    }
}

extension Domain {
    var allPages: [Page] { pages + memory.pages.all }
}

extension Page {
    var isQuarantined: Bool { if case .quarantined = state { true } else { false } }
}

extension FakeTDX {
    func vcpuState(at address: UInt64) -> VCPUState? {
        guard let tdmr = state.tdmr(containing: address),
            case .vcpu(let vcpu) = tdmr.entry4K(at: address).contents
        else { return nil }
        return vcpu
    }
}
