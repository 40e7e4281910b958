import FakeTDX
import TDXCalls
import Testing
import Threading

@testable import TDLifecycle

@Suite("Guest memory in pages of 2 MiB")
struct LargePagesTests {
    private static func large(_ gpa: UInt64, _ count: Int, measure: Bool = true) -> MemoryRegion {
        MemoryRegion(
            gpa: GPA(rawValue: gpa), sizeBytes: UInt64(count * largePageSizeBytes), measure: measure,
            pageSizeBytes: largePageSizeBytes)
    }

    @Test("A launch foretells its leaves, has the MRTD of small pages, and each large page comes back by one reclaim")
    func launch() throws {
        let world = try World()
        let before = world.capacity
        var spec = world.spec(vcpus: 1, until: .finalized)
        spec.memory = [Self.large(0x4000_0000, 2), region(0x4040_0000, pages: 3)]
        func request() -> TDRequest {
            let contents = [Pattern(UInt64(largePageSizeBytes + 5000), seed: 3), Pattern(3 * 4096, seed: 4)]
            return TDRequest(name: nil, labels: [:], spec: spec, contents: contents)
        }
        let plan = try world.plan(request())
        let (td, id) = try world.engine.createTD(request(), by: world.lab)
        let operation = try world.end(id)
        #expect(operation.state == .succeeded, "\(String(describing: operation.failure))")
        let leaves = world.leaves(td)
        #expect(leaves == plan.entries.reduce(into: [:]) { $0[$1.leaf.name, default: 0] += $1.times })
        #expect(leaves[Leaf.memPagePromote.name] == 2 && leaves[Leaf.phymemPageWBINVD.name] == 2)
        #expect(leaves[Leaf.memRangeBlock.name] == nil && leaves[Leaf.memTrack.name] == nil)

        let domain = try world.domain(td)
        #expect(domain.pageCount(.guest) == 1027)
        // Two that link tables, and the one of the small pages.
        #expect(domain.pageCount(.sept) == 3 && plan.pages[.sept] == 5)
        #expect(domain.memory.regions.map(\.largePagesMade) == [2, 0])
        #expect(domain.memory.regions.allSatisfy { $0.isComplete })
        var book = BookMRTD()
        book.add(spec.memory[0], Pattern(UInt64(largePageSizeBytes + 5000), seed: 3))
        book.add(spec.memory[1], Pattern(3 * 4096, seed: 4))
        #expect(plan.predictedMRTD == book.value && domain.memory.measurement.actual == book.value)
        world.expectInvariants("the launch")

        let deletion = try #require(try world.plannedDeletion(td))
        let foretold = deletion.entries.filter { $0.leaf == .phymemPageReclaim }.reduce(0) { $0 + $1.times }
        #expect(foretold == domain.pages.count + 2 + 3)
        #expect(try world.delete(td).state == .succeeded)
        #expect(world.leaves(td)[Leaf.phymemPageReclaim.name] == foretold)
        #expect(world.capacity == before)
        world.expectInvariants("the deletion")
    }

    @Test("A large page is listed as one, where it begins, between those before and after it")
    func listed() throws {
        let world = try World()
        let (td, _) = try world.create(world.spec(vcpus: 1))
        #expect(try world.add(td, region(0, pages: 1), Pattern(4096)).state == .succeeded)
        #expect(try world.add(td, Self.large(0x20_0000, 2), Pattern(4096)).state == .succeeded)
        #expect(try world.add(td, region(0x60_0000, pages: 2), Pattern(4096)).state == .succeeded)
        let domain = try world.domain(td)
        let whole = domain.pages(after: nil, limit: .max).filter { $0.kind == .guest }
        #expect(whole.map(\.sizeBytes) == [4096, largePageSizeBytes, largePageSizeBytes, 4096, 4096])
        #expect(
            whole.map { domain.guestAddress(of: $0.id)?.rawValue }
                == [0, 0x20_0000, 0x40_0000, 0x60_0000, 0x60_1000])
        #expect(whole.allSatisfy { $0.address.rawValue % UInt64($0.sizeBytes) == 0 })
        var single: [Page] = []
        while let next = domain.pages(after: single.last?.id, limit: 1).first { single.append(next) }
        #expect(single == domain.pages(after: nil, limit: .max))
        world.expectInvariants("the additions")
    }

    /// Two measured large pages and what they measure to.
    private static let content = UInt64(largePageSizeBytes + 5000)

    private static var measurement: MeasurementID? {
        var book = BookMRTD()
        book.add(large(0x4000_0000, 2), Pattern(content))
        return book.value
    }

    @Test("A promotion refused half way leaves all pages mapped, a large one and small ones, measured as was planned")
    func refusedPromotion() throws {
        let world = try World()
        let before = world.capacity
        let (td, _) = try world.create(world.spec(vcpus: 1))
        world.port.arm(.answer(.eptInvalidPromoteConditions), onceAt: 2, of: .memPagePromote)
        let operation = try world.add(td, Self.large(0x4000_0000, 2), Pattern(Self.content))
        guard case .refused(let record)? = operation.failure else {
            Issue.record("it ended with \(String(describing: operation.failure))")
            return
        }
        #expect(operation.state == .failed && record.leaf == .memPagePromote && world.port.fired == 1)
        let residue = try #require(operation.residue)
        // The table that was promoted away is back, the other one is there.
        #expect(!residue.measurementDiverged && residue.septPages == 3 && residue.pages == 1027)
        #expect(residue.memory.map(\.largePagesMade) == [1] && residue.memory.map(\.isComplete) == [false])
        world.expectInvariants("the refusal")

        let tdr = try #require(try world.domain(td).td?.tdr.rawValue)
        #expect(try world.entry(0x4000_0000 | 1, tdr) == 0x0401, "mapped, as a leaf")
        #expect(try world.entry(0x4020_0000 | 1, tdr) == 0x8401, "a table, and not blocked")
        #expect(try world.entry(0x4020_0000, tdr) == 0x0400, "mapped below it")

        #expect(try world.finalize(td).state == .succeeded)
        #expect(try world.measured(td).memory.measurement.isVerified == true)
        #expect(try world.domain(td).memory.measurement.actual == Self.measurement)
        #expect(try world.delete(td).state == .succeeded)
        #expect(world.capacity == before)
        world.expectInvariants("the deletion")
    }

    @Test("A table that is not written back is so by what adds memory next")
    func writtenBackNext() throws {
        let world = try World()
        let before = world.capacity
        let (td, _) = try world.create(world.spec(vcpus: 1))
        world.port.arm(.answer(.operandInvalid), onceAt: 1, of: .phymemPageWBINVD)
        let failed = try world.add(td, Self.large(0x4000_0000, 2), Pattern(Self.content))
        #expect(failed.state == .failed && failed.residue?.measurementDiverged == false)
        // Both tables, with the one that is nobody's yet, and the two above.
        #expect(failed.residue?.septPages == 4 && failed.residue?.memory.map(\.largePagesMade) == [1])
        world.expectInvariants("the refusal")

        let held = world.capacity
        let (next, content) = (Self.large(0x4040_0000, 1), Pattern(4096))
        let plan = try world.planMemory(td, next, content)
        let counted = world.leaves(td)
        let operation = try world.add(td, next, content)
        #expect(operation.state == .succeeded && operation.residue == nil)
        let made = world.leaves(td).merging(counted, uniquingKeysWith: -).filter { $0.value > 0 }
        #expect(made == plan.entries.reduce(into: [:]) { $0[$1.leaf.name, default: 0] += $1.times })
        #expect(made[Leaf.phymemPageWBINVD.name] == 2 && made[Leaf.memPagePromote.name] == 1)
        // The pages of the second one and its table, which came back as the first one's did.
        #expect(world.capacity[3] == held[3] + 512 - 1)
        world.expectInvariants("the second addition")
        #expect(try world.delete(td).state == .succeeded)
        #expect(world.capacity == before)
    }

    @Test("A table that is not written back is clean once the TD's caches are, and comes back with its KeyID")
    func writtenBackWithAll() throws {
        let world = try World()
        let before = world.capacity
        let (td, _) = try world.create(world.spec(vcpus: 1))
        world.port.arm(.answer(.operandInvalid), onceAt: 2, of: .phymemPageWBINVD)
        let failed = try world.add(td, Self.large(0x4000_0000, 2), Pattern(Self.content))
        #expect(failed.state == .failed && failed.residue?.memory.map(\.isComplete) == [true])
        let plan = try #require(try world.plannedDeletion(td))
        let counted = world.leaves(td)
        #expect(try world.delete(td).state == .succeeded)
        let made = world.leaves(td).merging(counted, uniquingKeysWith: -).filter { $0.value > 0 }
        #expect(made == plan.entries.reduce(into: [:]) { $0[$1.leaf.name, default: 0] += $1.times })
        #expect(made[Leaf.phymemPageWBINVD.name] == 1, "the TDR's alone")
        #expect(world.capacity == before)
        world.expectInvariants("the deletion")
    }

    @Test("A creation whose promotion is refused is taken back", arguments: [Leaf.memPagePromote, .phymemPageWBINVD])
    func takenBack(_ leaf: Leaf) throws {
        let world = try World()
        let before = world.capacity
        var spec = world.spec(vcpus: 1, until: .finalized)
        spec.memory = [Self.large(0, 2, measure: false)]
        world.port.arm(.answer(.operandInvalid), onceAt: 2, of: leaf)
        let request = TDRequest(name: nil, labels: [:], spec: spec, contents: [Pattern(4096)])
        let operation = try world.end(try world.engine.createTD(request, by: world.lab).operation)
        #expect(operation.state == .failed && operation.rollback == .done && operation.residue == nil)
        #expect(world.capacity == before && world.port.fired == 1)
        world.expectInvariants("the rollback")
    }

    @Test("What is cancelled while it promotes leaves no table between the module and the host", arguments: 1...4)
    func cancelled(_ call: Int) throws {
        var limits = EngineLimits()
        limits.stepCalls = 1
        let world = try World(limits: limits)
        let (td, _) = try world.create(world.spec(vcpus: 1))
        let region = Self.large(0, 2, measure: false)
        let id = try world.engine.addMemory(.id(td), region, Pattern(4096), by: world.lab).operation
        let engine = world.engine
        // Four tables and 1,024 pages come before.
        world.port.onCall(4 + 1024 + call) { _ = try? engine.cancel(id) }
        let operation = try world.end(id)
        let domain = try world.domain(td)
        #expect(domain.memory.freedTable == nil && domain.memory.regions.first?.isFilled == true)
        // Nothing is left to be cancelled once the second one is made.
        #expect(operation.state == (call <= 2 ? .cancelled : .succeeded))
        #expect(domain.memory.regions.first?.largePagesMade == (call <= 2 ? 1 : 2))
        world.expectInvariants("the cancellation")
        #expect(try world.delete(td).state == .succeeded)
    }

    // MARK: A host whose free memory is scattered

    /// Takes all of the host's pages but so many runs of 2 MiB, and one page of each other run.
    private static func scatter(_ fake: FakeTDX, leaving runs: Int) throws -> [PageAddress<HostOwned>] {
        var kept: [PageAddress<HostOwned>] = []
        while fake.largePages.free > runs {
            let first = try fake.allocateLargePage()
            kept.append(first)
            for offset in stride(from: UInt64(pageSizeBytes), to: UInt64(largePageSizeBytes), by: pageSizeBytes) {
                fake.free(PageAddress(rawValue: first.rawValue + offset))
            }
        }
        return kept
    }

    @Test("Where too few places of 2 MiB are free, the dry run, the creation and the addition say how many of how many")
    func scattered() throws {
        let world = try World()
        let (td, _) = try world.create(world.spec(vcpus: 1))
        let total = world.fake.largePages.total
        let kept = try Self.scatter(world.fake, leaving: 2)
        let before = world.capacity
        var spec = world.spec(vcpus: 1)
        spec.memory = [Self.large(0, 2), Self.large(0x40_0000, 1)]
        let wanted = Shortage(HostLargePages(free: 2, total: total), requested: 3)
        #expect(wanted.limit - wanted.used == 2 && wanted.limit == total)
        func request() -> TDRequest {
            TDRequest(name: nil, labels: [:], spec: spec, contents: [Pattern(1), Pattern(1)])
        }
        #expect(world.shortage { try world.plan(request()) } == wanted)
        #expect(world.shortage { try world.engine.createTD(request(), by: world.lab) } == wanted)
        let three = Self.large(0, 3)
        #expect(world.shortage { try world.planMemory(td, three, Pattern(1)) } == wanted)
        #expect(world.shortage { try world.add(td, three, Pattern(1)) } == wanted)
        #expect(world.capacity == before)
        // Small pages there are enough of.
        #expect(try world.add(td, Self.large(0, 2), Pattern(1)).state == .succeeded)
        #expect(try world.add(td, region(0x80_0000, pages: 1024), Pattern(1)).state == .succeeded)
        #expect(try world.delete(td).state == .succeeded)
        for page in kept { world.fake.free(page) }
        #expect(world.fake.largePages == HostLargePages(free: total, total: total))
        world.expectInvariants("the deletion")
    }

    @Test("Where they run out on the way, the addition stops with what lacks, and a creation is taken back")
    func runsOut() throws {
        let world = try World()
        let before = world.capacity
        let (td, _) = try world.create(world.spec(vcpus: 1))
        let fake = world.fake
        let kept = Locked<[PageAddress<HostOwned>]>([])
        func takeAllLater(than call: Int) {
            world.port.onCall(call) { kept.withLock { $0 = (try? Self.scatter(fake, leaving: 0)) ?? [] } }
        }
        func giveBack() { kept.withLock { for page in $0 { fake.free(page) } } }
        // After the 42 tables.
        takeAllLater(than: 43)
        let operation = try world.add(td, Self.large(0, 40, measure: false), Pattern(1))
        guard case .capacity(let shortage)? = operation.failure else {
            Issue.record("it ended with \(String(describing: operation.failure))")
            return
        }
        let row = try #require(operation.residue?.memory.first)
        #expect(operation.state == .failed && operation.residue?.measurementDiverged == true)
        #expect(shortage.resource == .largePages && shortage.used == shortage.limit)
        // What was reserved at once: eight of them.
        #expect(row.pagesAdded == EngineLimits().reservationPages && shortage.requested == 32)
        #expect(try world.delete(td).state == .succeeded)
        giveBack()
        #expect(world.capacity == before)

        var spec = world.spec(vcpus: 1)
        spec.memory = [Self.large(0, 40, measure: false)]
        takeAllLater(than: 1)
        let request = TDRequest(name: nil, labels: [:], spec: spec, contents: [Pattern(1)])
        let creation = try world.end(try world.engine.createTD(request, by: world.lab).operation)
        #expect(creation.state == .failed && creation.rollback == .done && creation.residue == nil)
        guard case .capacity(let lack)? = creation.failure else {
            Issue.record("it ended with \(String(describing: creation.failure))")
            return
        }
        #expect(lack.resource == .largePages && lack.requested == 40)
        giveBack()
        #expect(world.capacity == before)
        world.expectInvariants("the creation")
    }

    @Test("A large page that cannot be reclaimed is quarantined with all its 512")
    func quarantined() throws {
        let world = try World()
        let (td, _) = try world.create(world.spec(vcpus: 1))
        let region = Self.large(0, 1, measure: false)
        #expect(try world.add(td, region, Pattern(UInt64(largePageSizeBytes))).state == .succeeded)
        world.port.arm(.answer(.operandInvalid), onceAt: 1, of: .phymemPageReclaim)
        #expect(try world.delete(td).state == .quarantined)
        let domain = try world.domain(td)
        // The page's, and the TDR, whose count of children it keeps up, with nothing else left.
        #expect(domain.pages.filter { $0.kind == .guest }.count == 512)
        #expect(domain.quarantine.count == 513)
        world.expectInvariants("the deletion")
    }
}

extension World {
    fileprivate func shortage<Result>(_ body: () throws -> Result) -> Shortage? {
        if case .capacity(let shortage)? = refusal(body) { shortage } else { nil }
    }

    /// Level and state of a secure EPT entry, as TDH.MEM.SEPT.RD has them in RDX.
    fileprivate func entry(_ gpaAndLevel: UInt64, _ tdr: UInt64) throws -> UInt64 {
        var registers = Registers(rcx: gpaAndLevel, rdx: tdr)
        #expect(try fake.call(.memSEPTRD, &registers, on: Processor(rawValue: 0)) == .success)
        return registers.rdx
    }
}
