internal import TDXCalls

extension LedgerSnapshot {
    func pagesHaveOneOwner() -> InvariantFinding {
        var finding = InvariantFinding(.pagesHaveOneOwner)
        var owners: [PageAddress<AnyPage>: ResourceID] = [:]
        let tds = ordered
        owners.reserveCapacity(min(tds.reduce(0) { $0 + $1.pageCount }, InvariantFinding.pagesMax))
        func look(_ page: Page, of domain: Domain) {
            let other = owners.updateValue(domain.id, forKey: page.address)
            finding.expect(
                other == nil,
                Counterexample("the page is also in a row of \(other?.description ?? "nobody")", domain, page))
        }
        for domain in tds { for page in domain.pages { look(page, of: domain) } }
        for domain in tds {
            let room = max(0, InvariantFinding.pagesMax - finding.examined)
            let pages = domain.memory.pages.pages(after: nil, limit: room)
            finding.skipped += domain.memory.pages.count - pages.count
            for page in pages { look(page, of: domain) }
        }
        return finding
    }

    func pageKindsMatchTheirTD() -> InvariantFinding {
        var finding = InvariantFinding(.pageKindsMatchTheirTD)
        for domain in ordered {
            var counts = PageCounts()
            var rows: [PageAddress<AnyPage>: Page] = [:]
            rows.reserveCapacity(domain.pages.count)
            for (place, page) in domain.pages.enumerated() {
                rows[page.address] = page
                if case .held(let kind) = page.state { counts[kind] += 1 }
                finding.expect(
                    (page.state == .reserved) == (place >= domain.firstReserved),
                    Counterexample("the page is \(page.state), and stands among the others", domain, page))
                let vcpu = page.kind == .tdvpr || page.kind == .tdcx ? page.vcpu : nil
                if let vcpu, !domain.vcpus.indices.contains(vcpu) {
                    finding.breaks(Counterexample("there is no such vCPU", domain, page))
                }
            }
            counts[.guest] += domain.memory.pages.heldCount
            for kind in PageKind.allCases where counts[kind] != domain.heldCounts[kind] {
                let detail =
                    "\(domain.heldCounts[kind]) pages are counted as \(kind.rawValue), and there are \(counts[kind])"
                finding.breaks(Counterexample(detail, td: domain.id))
            }
            checkRoots(of: domain, rows, &finding)
        }
        return finding
    }

    /// Before teardown all that a TD is made of is there.
    private func checkRoots(
        of domain: Domain, _ rows: [PageAddress<AnyPage>: Page], _ finding: inout InvariantFinding
    ) {
        guard let td = domain.td, domain.quarantine.isEmpty, domain.lifecycle.hasAllPages else { return }
        let named = [(td.tdr.any, PageKind.tdr)] + td.tdcs.map { (PageAddress(rawValue: $0.rawValue), .tdcs) }
        for (address, kind) in named where rows[address]?.state != .held(kind) {
            finding.breaks(
                Counterexample(
                    "the TD names the page as \(kind.rawValue), and has no such one", td: domain.id,
                    page: rows[address]?.id, address: address))
        }
        if named.count != domain.pages.count(where: { $0.state == .held(.tdr) || $0.state == .held(.tdcs) }) {
            finding.breaks(Counterexample("the TD has TDCS pages that it does not name", td: domain.id))
        }
    }

    func vcpuPagesMatch() -> InvariantFinding {
        var finding = InvariantFinding(.vcpuPagesMatch)
        for domain in ordered where domain.quarantine.isEmpty && domain.lifecycle.hasAllPages {
            let rows = Dictionary(domain.pages.map { ($0.address, $0) }, uniquingKeysWith: { first, _ in first })
            let wanted = domain.tdcxPagesNeeded(platform.module)
            for (place, vcpu) in domain.vcpus.enumerated() {
                finding.examined += 1
                func breaks(_ detail: String, _ page: Page? = nil, at address: PageAddress<AnyPage>? = nil) {
                    finding.breaks(
                        Counterexample(detail, td: domain.id, vcpu: place, page: page?.id, address: address))
                }
                if vcpu.number != place { breaks("the vCPU's number is \(vcpu.number)") }
                let pages =
                    [(vcpu.vp.tdvpr.any, PageKind.tdvpr)]
                    + vcpu.vp.tdcx.map { (PageAddress(rawValue: $0.rawValue), .tdcx) }
                for (address, kind) in pages {
                    let row = rows[address]
                    if row?.state == .held(kind), row?.vcpu == place { continue }
                    breaks("its TD has no \(kind.rawValue) page of this vCPU there", row, at: address)
                }
                // Of a TD that another daemon built nobody knows how many nested VMs it has.
                if domain.isAdopted { continue }
                let isReady = vcpu.state != .uninitialized
                if isReady ? vcpu.vp.tdcx.count != wanted : vcpu.vp.tdcx.count > wanted {
                    breaks("it has \(vcpu.vp.tdcx.count) TDCX pages, and the module wants \(wanted)")
                }
            }
            let ready = domain.vcpus.count { $0.state != .uninitialized }
            if ready != domain.initializedVCPUs {
                let detail = "\(domain.initializedVCPUs) vCPUs are counted as initialised, and \(ready) are"
                finding.breaks(Counterexample(detail, td: domain.id))
            }
        }
        return finding
    }

    func pagesAddUp() -> InvariantFinding {
        var finding = InvariantFinding(.pagesAddUp)
        finding.examined = domains.count + operations.count
        let quarantined = domains.values.reduce(0) { $0 + $1.pagesQuarantined }
        let held = domains.values.reduce(0) { $0 + $1.pageCount } - quarantined
        let promised = operations.values.reduce(0) { $0 + $1.promised.pages }
        func expect(_ counted: Int, _ found: Int, _ what: String) {
            if counted != found {
                finding.breaks(Counterexample("\(counted) pages are counted as \(what), and \(found) are"))
            }
        }
        expect(pageTotals.held, held, "held")
        expect(pageTotals.quarantined, quarantined, "quarantined")
        expect(pageTotals.promised, promised, "promised")
        if let total = pageTotals.total, held + quarantined + promised > total {
            finding.breaks(Counterexample("TDs and operations have \(held + quarantined + promised) of \(total) pages"))
        }
        return finding
    }
}

extension Lifecycle {
    /// Whether no page has been taken back yet.
    var hasAllPages: Bool {
        switch self {
        case .hkidAssigned, .keysConfigured, .blocked: true
        case .none, .teardown: false
        }
    }
}
