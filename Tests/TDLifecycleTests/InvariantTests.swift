import TDXCalls
import Testing

@testable import TDLifecycle

/// Each invariant, broken by hand: a snapshot is a value.
@Suite("Invariants of a ledger that is spoilt")
struct InvariantTests {
    private let world: World
    /// A TD with two vCPUs and guest memory, named `a`.
    private let td: ResourceID
    private let other: ResourceID
    private var snapshot: LedgerSnapshot

    init() throws {
        world = try World()
        var spec = world.spec(vcpus: 2, until: .finalized)
        spec.memory = [region(0x10_0000, pages: 3)]
        let content = Pattern(spec.memory[0].sizeBytes, portion: 20_480)
        let request = TDRequest(name: "a", labels: [:], spec: spec, contents: [content])
        let (first, creation) = try world.engine.createTD(request, by: world.lab)
        td = first
        #expect(try world.end(creation).state == .succeeded)
        other = try world.create(world.spec(vcpus: 1), name: "b").td
        snapshot = world.engine.ledgerSnapshot()
    }

    private func row(_ id: ResourceID) throws -> Domain { try #require(snapshot.domains[id]) }

    /// The counterexamples' details, and that only these were found.
    private func details(_ finding: InvariantFinding) -> [String] {
        #expect((finding.verdict == .broken) == !finding.counterexamples.isEmpty)
        #expect(finding.brokenCount == finding.counterexamples.count)
        return finding.counterexamples.map(\.detail)
    }

    @Test("Of one that is not spoilt all hold, and each has looked at something")
    func whole() {
        for finding in world.engine.inspectNow().findings {
            #expect(finding.verdict == .holds, "\(finding)")
            // Nothing is quarantined, and nothing runs.
            let isIdle = finding.invariant == .quarantineHasReasons || finding.invariant == .operationsHaveOneTarget
            #expect((finding.examined > 0) == !isIdle, "\(finding.invariant)")
            #expect(finding.skipped == 0)
        }
    }

    @Test("A page in two rows: both TDs are named")
    mutating func pageTwice() throws {
        let page = try row(td).pages[2]
        snapshot.domains[other]?.pages[0] = page
        let finding = snapshot.pagesHaveOneOwner()
        #expect(details(finding) == ["the page is also in a row of \(td)"])
        #expect(finding.counterexamples.first?.td == other && finding.counterexamples.first?.page == page.id)
        #expect(finding.counterexamples.first?.address == page.address)
        #expect(finding.examined == snapshot.domains.values.reduce(0) { $0 + $1.pageCount })
    }

    @Test("A guest page in two rows is found too")
    mutating func guestPageTwice() throws {
        let page = try #require(try row(td).memory.pages.all.first)
        let place = try row(other).pages.count - 1
        let own = try row(other).pages[place]
        snapshot.domains[other]?.pages[place] = Page(
            id: own.id, address: page.address, state: own.state, vcpu: own.vcpu, since: 0, sinceTime: own.sinceTime)
        let finding = snapshot.pagesHaveOneOwner()
        #expect(details(finding) == ["the page is also in a row of \(other)"])
        #expect(finding.counterexamples.first?.td == td && finding.counterexamples.first?.page == page.id)
    }

    @Test("A page of another kind than it is counted as, one that is reserved among others, one that nobody names")
    mutating func kinds() throws {
        snapshot.domains[td]?.pages[1].state = .held(.sept)
        snapshot.domains[other]?.pages[0].state = .reserved
        let finding = snapshot.pageKindsMatchTheirTD()
        let sept = try row(td).heldCounts[.sept]
        #expect(
            details(finding) == [
                "6 pages are counted as tdcs, and there are 5",
                "\(sept) pages are counted as sept, and there are \(sept + 1)",
                "the TD names the page as tdcs, and has no such one",
                "the TD has TDCS pages that it does not name",
                "the page is reserved, and stands among the others",
                "1 pages are counted as tdr, and there are 0",
                "the TD names the page as tdr, and has no such one",
                "the TD has TDCS pages that it does not name",
            ])
        #expect(finding.counterexamples.map(\.td) == Array(repeating: td, count: 4) + Array(repeating: other, count: 4))
    }

    @Test("A page of a vCPU that is not there")
    mutating func pageOfNoVCPU() throws {
        let place = try #require(try row(td).pages.firstIndex { $0.state == .held(.tdcx) })
        snapshot.domains[td]?.pages[place].vcpu = 7
        let finding = snapshot.pageKindsMatchTheirTD()
        #expect(details(finding) == ["there is no such vCPU"])
        #expect(finding.counterexamples.first?.vcpu == 7)
    }

    @Test("A vCPU whose page is another's, one with too few, and a wrong count of those initialised")
    mutating func vcpuPages() throws {
        let place = try #require(try row(td).pages.firstIndex { $0.state == .held(.tdvpr) })
        snapshot.domains[td]?.pages[place].vcpu = 1
        snapshot.domains[td]?.vcpus[1].vp.tdcx.removeLast()
        snapshot.domains[other]?.initializedVCPUs = 2
        let foreign = try row(td).vcpus[0].vp.tdvpr
        snapshot.domains[other]?.vcpus[0].vp.tdvpr = foreign
        let finding = snapshot.vcpuPagesMatch()
        #expect(
            details(finding) == [
                "its TD has no tdvpr page of this vCPU there",
                "it has 4 TDCX pages, and the module wants 5",
                "its TD has no tdvpr page of this vCPU there",
                "2 vCPUs are counted as initialised, and 1 are",
            ])
        #expect(finding.counterexamples.map(\.vcpu) == [0, 1, 0, nil] && finding.examined == 3)
        #expect(finding.counterexamples.map(\.td) == [td, td, other, other])
    }

    @Test("Pages that do not add up: held, quarantined, promised, and more than there are")
    mutating func pageTotals() throws {
        let held = snapshot.pageTotals.held
        snapshot.pageTotals.held += 1
        snapshot.pageTotals.quarantined = 2
        snapshot.pageTotals.promised = 3
        snapshot.pageTotals.total = held - 1
        #expect(
            details(snapshot.pagesAddUp()) == [
                "\(held + 1) pages are counted as held, and \(held) are",
                "2 pages are counted as quarantined, and 0 are",
                "3 pages are counted as promised, and 0 are",
                "TDs and operations have \(held) of \(held - 1) pages",
            ])
    }

    @Test("A KeyID of two TDs, one of a TD that its row does not know, and one the host does not have")
    mutating func keyIDOwners() throws {
        let (own, others) = (try #require(try row(td).keyID), try #require(try row(other).keyID))
        snapshot.domains[other]?.keyID = own
        var finding = snapshot.keyIDsHaveOneOwner()
        #expect(details(finding) == ["2 TDs have it", "it is assigned, and no TD has it"])
        #expect(finding.counterexamples.map(\.keyID) == [own, others])
        #expect(finding.examined == 31)

        snapshot.domains[other]?.keyID = KeyID(rawValue: 999)
        finding = snapshot.keyIDsHaveOneOwner()
        #expect(
            details(finding) == ["it is assigned, and no TD has it", "a TD has it, and the host has no such KeyID"])
        #expect(finding.counterexamples.map(\.td) == [other, other])
    }

    @Test(
        "A KeyID's row that says otherwise than its TD's",
        arguments: [
            (KeyIDRow.State.free, "it is free, and a TD has it"),
            (.reserved, "it is reserved, and its TD is KEYS_CONFIGURED"),
            (.flushed, "it is flushed, and its TD is KEYS_CONFIGURED"),
            (.quarantined, "it is quarantined, and not so listed by a TD"),
        ])
    mutating func keyIDState(_ state: KeyIDRow.State, _ detail: String) throws {
        let number = try #require(try row(td).keyID)
        snapshot.keyIDs[number]?.state = state
        let finding = snapshot.keyIDsHaveOneOwner()
        #expect(details(finding) == [detail])
        #expect(finding.counterexamples.first?.keyID == number && finding.counterexamples.first?.td == td)
    }

    @Test("A KeyID's row that names another owner, another TDR, or an owner though it is free")
    mutating func keyIDRow() throws {
        let (own, others) = (try #require(try row(td).keyID), try #require(try row(other).keyID))
        let free = try #require(snapshot.keyIDs.values.first { $0.state == .free && $0.role == .td }?.number)
        snapshot.keyIDs[own]?.owner = other
        let foreign = try row(td).td?.tdr
        snapshot.keyIDs[others]?.tdr = foreign
        snapshot.keyIDs[free]?.owner = td
        let found = snapshot.keyIDsHaveOneOwner().counterexamples
        #expect(
            Dictionary(uniqueKeysWithValues: found.map { ($0.keyID, $0.detail) }) == [
                own: "its row names \(other) as its owner", others: "its row names another TDR than its TD's",
                free: "it is free, and its row names an owner",
            ])
    }

    @Test("KeyIDs that do not add up")
    mutating func keyIDTotals() throws {
        let number = try #require(try row(td).keyID)
        snapshot.keyIDs[number]?.state = .flushed
        snapshot.keyIDTotals.promised = 1
        snapshot.keyIDTotals.total = 2
        #expect(
            details(snapshot.keyIDsAddUp()) == [
                "2 KeyIDs are counted as assigned, and 1 are", "0 KeyIDs are counted as flushed, and 1 are",
                "1 KeyIDs are counted as promised, and 0 are", "there are rows of 31 KeyIDs, and the host has 2",
                "TDs and operations have 3 of 2 KeyIDs",
            ])
    }

    @Test(
        "A lifecycle state that does not agree with what the TD has",
        arguments: [
            (Lifecycle.none, ["it holds 19 pages", "it is a TD of the module's without a TDR, or a TDR without a TD"]),
            (
                .hkidAssigned,
                [
                    "it has TDCS pages before all keys are configured", "its keys are configured on all packages",
                ]
            ),
            (.blocked, ["vCPUs are associated"]), (.teardown, ["vCPUs are associated", "it has a KeyID"]),
        ])
    mutating func lifecycle(_ lifecycle: Lifecycle, _ faults: [String]) throws {
        let whole = try world.create(world.spec(vcpus: 2)).td
        snapshot = world.engine.ledgerSnapshot()
        snapshot.domains[whole]?.lifecycle = lifecycle
        let finding = snapshot.lifecycleMatchesHoldings()
        #expect(details(finding) == faults.map { "the TD is \(lifecycle.rawValue), INITIALIZED, and \($0)" })
        #expect(finding.counterexamples.allSatisfy { $0.td == whole } && finding.examined == 3)
    }

    @Test("Keys configured on too few packages, TDCS before a TDR, vCPUs and memory before the TD is initialised")
    mutating func structure() throws {
        snapshot.domains[td]?.configuredPackages = []
        snapshot.domains[td]?.opState = .uninitialized
        snapshot.domains[other]?.heldCounts[.tdr] = 0
        snapshot.domains[other]?.heldCounts[.tdcs] = 3
        snapshot.domains[other]?.keyID = nil
        #expect(
            details(snapshot.lifecycleMatchesHoldings()) == [
                "the TD is KEYS_CONFIGURED, UNINITIALIZED, and its keys are configured on 0 of 2 packages",
                "the TD is KEYS_CONFIGURED, UNINITIALIZED, and it has 2 vCPUs",
                "the TD is KEYS_CONFIGURED, UNINITIALIZED, and it has guest memory",
                "the TD is KEYS_CONFIGURED, INITIALIZED, and it has 3 TDCS pages, and the module wants 6",
                "the TD is KEYS_CONFIGURED, INITIALIZED, and it has no KeyID",
                "the TD is KEYS_CONFIGURED, INITIALIZED, and it has no TDR",
            ])
    }

    @Test("Regions and tables that are other pages than the TD holds")
    mutating func guestMemory() throws {
        snapshot.domains[td]?.memory.regions[0].pagesAdded = 2
        snapshot.domains[td]?.heldCounts[.sept] = 9
        let tables = try row(td).memory.tables.present.count
        #expect(
            details(snapshot.guestMemoryMatches()) == [
                "its regions have 2 pages, and it holds 3",
                "it has \(tables) secure EPT tables, and holds 9 pages for them",
            ])
    }

    @Test("What is quarantined without a reason, without being listed, or listed without being so")
    mutating func quarantine() throws {
        world.port.arm(.fail(PortError(.outcomeUnknown, "the line went dead")), atCall: 3)
        #expect(try world.delete(other).state == .quarantined)
        snapshot = world.engine.ledgerSnapshot()
        let whole = snapshot.quarantineHasReasons()
        #expect(whole.verdict == .holds && whole.examined == 14)
        let entries = try row(other).quarantine
        guard case .page(let first) = entries[0].thing, case .page(let second) = entries[1].thing else {
            Issue.record("pages come first")
            return
        }
        snapshot.domains[other]?.quarantine[0] = Quarantined(
            thing: .page(first), record: nil, leaf: nil, completion: nil, at: entries[0].at)
        snapshot.domains[other]?.quarantine.remove(at: 1)
        snapshot.domains[other]?.pages[2].state = .held(.tdcs)
        let number = try #require(try row(other).keyID)
        snapshot.keyIDs[number]?.lastFailure = nil
        let finding = snapshot.quarantineHasReasons()
        #expect(
            details(finding) == [
                "nothing says why it is quarantined",
                "its row is quarantined, or nothing says why it is quarantined",
                "the page is quarantined, and not listed so",
                "the page is held, and its TD is quarantined",
                "a page is listed as quarantined, and its row is not so",
            ])
        #expect(finding.counterexamples.map(\.page) == [first, nil, second, entries[2].page, entries[2].page])
    }

    @Test("An operation of no TD, one that its TD does not have, one that has ended, and work for nobody")
    mutating func operations() throws {
        let id = try world.engine.deleteTD(.id(td), by: world.lab).operation
        let deletion = try world.engine.deleteTD(.id(other), by: world.lab).operation
        snapshot = world.engine.ledgerSnapshot()
        #expect(snapshot.operationsHaveOneTarget().verdict == .holds)
        #expect(snapshot.operationsHaveOneTarget().examined == 2 && snapshot.pagesAddUp().verdict == .holds)
        let whole = snapshot

        snapshot.domains[td]?.activeOperation = deletion
        let finding = snapshot.operationsHaveOneTarget()
        #expect(
            details(finding) == [
                "it has not ended, and its TD does not have it", "the TD's operation has ended or is another's",
            ])
        #expect(finding.counterexamples.map(\.operation) == [id, deletion])

        snapshot = whole
        snapshot.domains[other] = nil
        snapshot.operations[id]?.state = .failed
        #expect(
            details(snapshot.operationsHaveOneTarget()) == [
                "it has ended, and its TD still has it", "there is no such TD",
                "work is queued for a TD that is not there",
            ])
        world.scheduler.runUntilQuiet()
    }

    @Test("A name of another TD, and one that its TD does not have")
    mutating func names() throws {
        snapshot.names["a"] = other
        let finding = snapshot.namesAreUnique()
        #expect(details(finding) == ["its name means \(other)", "a name means it that it does not have"])
        #expect(finding.counterexamples.map(\.td) == [td, other])
    }

    @Test("An association that is not counted, one in another package, and a load that nothing makes")
    mutating func associations() throws {
        let real = try #require(try row(td).vcpus[1].association)
        snapshot.domains[td]?.associated.removeAll { $0 == 0 }
        snapshot.domains[td]?.vcpus[1].association = VCPU.Association(
            processor: real.processor, package: Package(rawValue: 7), by: real.by, since: 0)
        snapshot.domains[other]?.vcpus[0].association = nil
        let lost = try #require(world.engine.ledgerSnapshot().domains[other]?.vcpus[0].association).processor
        let finding = snapshot.associationsAddUp()
        let load = snapshot.load[lost] ?? 0
        #expect(load > 0)
        #expect(
            details(finding) == [
                "it is associated, and not counted so",
                "there is no processor \(real.processor.rawValue) in its package",
                "it is counted as associated, and is not",
                "processor \(lost.rawValue) has \(load - 1) TDs and vCPUs, and \(load) are counted",
            ])
        #expect(finding.counterexamples.map(\.vcpu) == [0, 1, 0, nil])
    }

    @Test("KeyIDs and operations that are counted for whoever does not have them")
    mutating func allowances() {
        snapshot.keyIDClaims = ["uid:0": 1]
        snapshot.operationCounts = ["uid:0": 1]
        #expect(
            details(snapshot.allowancesAddUp()) == [
                "1 KeyIDs are counted for an identity that has 2",
                "1 operations are counted for an identity that has 0",
            ])
    }

    @Test("More counterexamples than are kept are counted")
    mutating func many() throws {
        for place in try row(td).pages.indices { snapshot.domains[td]?.pages[place].state = .reserved }
        let finding = snapshot.pageKindsMatchTheirTD()
        #expect(finding.brokenCount > InvariantFinding.counterexamplesMax)
        #expect(finding.counterexamples.count == InvariantFinding.counterexamplesMax)
    }
}

extension Quarantined {
    fileprivate var page: ResourceID? { if case .page(let id) = thing { id } else { nil } }
}
