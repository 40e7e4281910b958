internal import TDXCalls

extension LedgerSnapshot {
    func lifecycleMatchesHoldings() -> InvariantFinding {
        var finding = InvariantFinding(.lifecycleMatchesHoldings)
        for domain in ordered {
            let faults = faults(of: domain)
            finding.examined += 1
            for fault in faults {
                finding.breaks(
                    Counterexample(
                        "the TD is \(domain.lifecycle.rawValue)\(domain.opState.map { ", \($0.rawValue)" } ?? ""), and \(fault)",
                        td: domain.id, keyID: domain.keyID))
            }
        }
        return finding
    }

    /// Where something is in quarantine the state is what it was, and says no more.
    private func faults(of domain: Domain) -> [String] {
        guard domain.quarantine.isEmpty else { return [] }
        var faults: [String] = []
        func expect(_ holds: Bool, _ fault: String) { if !holds { faults.append(fault) } }
        let held = PageKind.allCases.reduce(0) { $0 + domain.heldCounts[$1] }
        let configured = domain.configuredPackages.count
        let wantsKeyID: Bool
        switch domain.lifecycle {
        case .none:
            wantsKeyID = domain.keyID != nil
            expect(held == 0, "it holds \(held) pages")
            expect(
                (domain.td != nil) == domain.pages.contains { $0.state == .reclaimedTDR },
                "it is a TD of the module's without a TDR, or a TDR without a TD")
        case .hkidAssigned:
            wantsKeyID = true
            expect(domain.heldCounts[.tdcs] == 0, "it has TDCS pages before all keys are configured")
            expect(configured < platform.packages.count, "its keys are configured on all packages")
        case .keysConfigured:
            wantsKeyID = true
            if !domain.isAdopted { faults += faultsOfStructure(domain) }
        case .blocked:
            wantsKeyID = true
            expect(domain.associated.isEmpty, "vCPUs are associated")
        case .teardown:
            wantsKeyID = false
            expect(domain.associated.isEmpty, "vCPUs are associated")
        }
        expect((domain.keyID != nil) == wantsKeyID, wantsKeyID ? "it has no KeyID" : "it has a KeyID")
        if domain.lifecycle != .none {
            expect(domain.td != nil && domain.heldCounts[.tdr] == 1, "it has no TDR")
        }
        return faults
    }

    private func faultsOfStructure(_ domain: Domain) -> [String] {
        var faults: [String] = []
        func expect(_ holds: Bool, _ fault: String) { if !holds { faults.append(fault) } }
        let tdcs = domain.heldCounts[.tdcs]
        expect(
            domain.configuredPackages == Set(platform.packages),
            "its keys are configured on \(domain.configuredPackages.count) of \(platform.packages.count) packages")
        switch domain.opState {
        case nil:
            expect(tdcs < platform.module.tdcsPages, "its \(tdcs) TDCS pages are complete")
        case .uninitialized:
            expect(tdcs >= platform.module.tdcsPages, "it has \(tdcs) TDCS pages")
        case .initialized, .runnable:
            let wanted = domain.tdcsPagesNeeded(platform.module)
            expect(tdcs >= wanted, "it has \(tdcs) TDCS pages, and the module wants \(wanted)")
        }
        if domain.opState == nil || domain.opState == .uninitialized {
            expect(domain.vcpus.isEmpty, "it has \(domain.vcpus.count) vCPUs")
            expect(domain.heldCounts[.sept] + domain.heldCounts[.guest] == 0, "it has guest memory")
        }
        return faults
    }

    func guestMemoryMatches() -> InvariantFinding {
        var finding = InvariantFinding(.guestMemoryMatches)
        for domain in ordered where domain.phase == .initialized || domain.phase == .finalized {
            let added = domain.memory.regions.reduce(0) { $0 + $1.pagesAdded }
            finding.expect(
                added == domain.heldCounts[.guest],
                Counterexample(
                    "its regions have \(added) pages, and it holds \(domain.heldCounts[.guest])", td: domain.id))
            let tables = domain.memory.tables.present.count
            if tables != domain.heldCounts[.sept] {
                finding.breaks(
                    Counterexample(
                        "it has \(tables) secure EPT tables, and holds \(domain.heldCounts[.sept]) pages for them",
                        td: domain.id))
            }
        }
        return finding
    }

    func quarantineHasReasons() -> InvariantFinding {
        var finding = InvariantFinding(.quarantineHasReasons)
        for domain in ordered where !domain.quarantine.isEmpty {
            var listed: Set<ResourceID> = []
            for entry in domain.quarantine {
                let isExplained = entry.leaf != nil || entry.reason != nil
                switch entry.thing {
                case .page(let id):
                    listed.insert(id)
                    finding.expect(
                        isExplained, Counterexample("nothing says why it is quarantined", td: domain.id, page: id))
                case .keyID(let number):
                    let row = keyIDs[number]
                    let isFit = isExplained && row?.state == .quarantined && row?.lastFailure != nil
                    let detail = "its row is \(row?.state.rawValue ?? "missing"), or nothing says why it is quarantined"
                    finding.expect(isFit, Counterexample(detail, td: domain.id, keyID: number))
                }
            }
            for page in domain.pages {
                if case .quarantined = page.state, listed.remove(page.id) == nil {
                    finding.breaks(Counterexample("the page is quarantined, and not listed so", domain, page))
                } else if case .held = page.state, domain.activeOperation == nil {
                    finding.breaks(Counterexample("the page is held, and its TD is quarantined", domain, page))
                }
            }
            for id in listed.sorted() {
                finding.breaks(
                    Counterexample("a page is listed as quarantined, and its row is not so", td: domain.id, page: id))
            }
        }
        return finding
    }
}
