import FakeTDX
import TDXCalls
import Testing
import Threading

@testable import TDLifecycle

@Suite("Guest memory and measurement")
struct MemoryTests {
    /// A creation with memory: what is asked for, and the contents.
    struct Launch: Sendable {
        let name: String
        var spec: @Sendable (World) -> TDSpec
        var regions: [MemoryRegion]
        /// Bytes of content by region; nil is all of it.
        var bytes: [Int?] = []

        func request(_ world: World) -> (TDRequest, [Pattern]) {
            var spec = spec(world)
            spec.memory = regions
            let contents = regions.enumerated().map { place, region in
                let bytes = bytes.indices.contains(place) ? bytes[place] : nil
                return Pattern(bytes.map { UInt64($0) } ?? region.sizeBytes, seed: UInt64(place + 3))
            }
            return (TDRequest(name: nil, labels: [:], spec: spec, contents: contents), contents)
        }
    }

    static let launches: [Launch] = [
        Launch(
            name: "one measured region",
            spec: { $0.spec(vcpus: 1, until: .finalized) }, regions: [region(0xffe0_0000, pages: 40)]),
        Launch(
            name: "two regions far apart, the second not measured, not finalised",
            spec: { $0.spec(vcpus: 2) },
            regions: [region(0x1000, pages: 3), region(0x40_0000_0000, pages: 70, measure: false)]),
        Launch(
            name: "a debug TD with three regions that share tables, and a content that ends in a page",
            spec: { world in
                var spec = world.spec(vcpus: 1, until: .finalized)
                spec.attributes = [.septVEDisable, .debug]
                return spec
            },
            regions: [
                region(0x20_0000 - 0x2000, pages: 4), region(0x80_0000, pages: 1, measure: false),
                region(0x3fff_f000, pages: 2),
            ], bytes: [4096 * 2 + 100, nil, 1]),
        Launch(
            name: "five levels and 52 bits, two L2 VMs, a region above 2^47",
            spec: { world in
                var spec = world.spec(vcpus: 1, until: .finalized)
                (spec.gpaWidthBits, spec.eptLevels, spec.numL2VMs) = (52, 5, 2)
                return spec
            }, regions: [region(1 << 50, pages: 17)]),
        Launch(
            name: "no memory, finalised", spec: { $0.spec(vcpus: 3, until: .finalized) }, regions: []),
        Launch(
            name: "zeroes, and a region of more than one run",
            spec: { $0.spec(vcpus: 1, until: .finalized) },
            regions: [region(0x10_0000, pages: 2), region(0x4000_0000, pages: 1100, measure: false)],
            bytes: [0, 5000]),
    ]

    @Test("A dry run names the leaves, the pages and the MRTD that the creation then has", arguments: launches)
    func dryRunHolds(_ launch: Launch) throws {
        let platform = launch.name.hasPrefix("five") ? World.fiveLevels : .oracle
        let world = try World(platform: platform)
        let before = world.capacity
        let plan = try world.plan(launch.request(world).0)
        #expect(world.capacity == before)
        #expect(world.port.calls == 0)

        let (request, contents) = launch.request(world)
        let (td, id) = try world.engine.createTD(request, by: world.lab)
        let operation = try world.end(id)
        #expect(operation.state == .succeeded, "\(String(describing: operation.failure))")
        let domain = try world.domain(td)
        #expect(
            world.leaves(td)
                == plan.entries.filter { $0.times > 0 }.reduce(into: [:]) { $0[$1.leaf.name, default: 0] += $1.times })
        #expect(PageKind.allCases.map(domain.pageCount) == PageKind.allCases.map { plan.pages[$0] ?? 0 })
        #expect(operation.plan.entries == plan.entries && operation.plan.pages == plan.pages)

        var book = BookMRTD()
        for (region, content) in zip(launch.regions, contents) { book.add(region, content) }
        #expect(plan.predictedMRTD == (launch.regions.isEmpty && !domain.isFinalized ? nil : book.value))
        #expect(domain.memory.measurement.expected == book.value)
        #expect(domain.memory.measurement.actual == (domain.isFinalized ? book.value : nil))
        #expect(contents.allSatisfy { $0.ended == [true] })
        #expect(operation.progress.bytesDone == operation.progress.bytesTotal)
        world.expectInvariants("the creation")

        #expect(try world.delete(td).state == .succeeded)
        #expect(world.capacity == before)
        world.expectInvariants("the deletion")
    }

    @Test("Memory is added to a TD that is there, and finalising reads back what was expected")
    func addThenFinalize() throws {
        let world = try World()
        let before = world.capacity
        let (td, _) = try world.create(world.spec(vcpus: 1))
        let first = region(0x10_0000, pages: 20)
        let content = Pattern(first.sizeBytes, seed: 9)
        let plan = try world.planMemory(td, first, Pattern(first.sizeBytes, seed: 9))
        let operation = try world.add(td, first, content)
        #expect(operation.state == .succeeded && operation.kind == .addMemory)
        #expect(plan.predictedMRTD == (try world.domain(td).memory.measurement.expected))
        #expect(operation.plan.pages == [.sept: 3, .guest: 20])

        // The second goes on from the first: no tables but one are missing.
        let second = region(0x20_0000, pages: 2, measure: false)
        let other = Pattern(second.sizeBytes, seed: 4)
        let secondPlan = try world.planMemory(td, second, other)
        #expect(secondPlan.pages == [.sept: 1, .guest: 2])
        #expect(try world.add(td, second, Pattern(second.sizeBytes, seed: 4)).state == .succeeded)
        var book = BookMRTD()
        book.add(first, content)
        book.add(second, other)
        #expect(secondPlan.predictedMRTD == book.value)
        #expect(try world.planFinalizing(td).predictedMRTD == book.value)

        let final = try world.finalize(td)
        #expect(final.state == .succeeded && final.kind == .finalizeTD)
        let domain = try world.domain(td)
        #expect(domain.phase == .finalized)
        #expect(domain.memory.measurement.actual == book.value)
        #expect(domain.conditions.map(\.type) == ["Ready"])
        world.expectInvariants("finalising")
        #expect(try world.delete(td).state == .succeeded)
        #expect(world.capacity == before)
    }

    @Test("MRTD's check vectors come out")
    func vectors() throws {
        let world = try World()
        let (td, _) = try world.create(world.spec(vcpus: 1))
        #expect(
            try world.measured(td).memory.measurement.expected?.hex
                == "38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf63f6e1da274edebfe76f65fbd51ad2f14898b95b")
        _ = try world.engine.addMemory(.id(td), region(0x1000, pages: 1), NoContent(), by: world.lab)
        world.scheduler.runUntilQuiet()
        #expect(
            try world.measured(td).memory.measurement.expected?.hex
                == "ca76d5541328afef8bc9364261c515aebef90412ebc56ca0c2260ec531a14462cfc0c11de61d84292ddf8ca871da1ff1")
    }

    // MARK: What goes wrong

    @Test("Content that is not there yet holds up no thread, and goes on when it comes")
    func stalls() throws {
        let world = try World()
        let (td, _) = try world.create(world.spec(vcpus: 1))
        let region = region(0x10_0000, pages: 40)
        let content = Pattern(region.sizeBytes, portion: 8192, .stall, at: 20 * 4096)
        let id = try world.engine.addMemory(.id(td), region, content, by: world.lab).operation
        world.scheduler.runUntilQuiet()
        let half = try world.engine.operation(id)
        #expect(half.state == .running && content.isAwaited)
        #expect(half.progress.bytesDone == 20 * 4096 && half.progress.bytesTotal == 40 * 4096)
        // A field can be read meanwhile.
        #expect(try world.read(td, .td, "NUM_VCPUS").get().values == [1])
        content.wake()
        #expect(try world.end(id).state == .succeeded)
        #expect(content.ended == [true])
        world.expectInvariants("the stall")
    }

    @Test("Content that fails half way leaves what was added, says so, and makes finalising want force")
    func contentFails() throws {
        let world = try World()
        let before = world.capacity
        let (td, _) = try world.create(world.spec(vcpus: 1))
        let region = region(0x10_0000, pages: 40)
        let content = Pattern(region.sizeBytes, .fail, at: 16 * 4096)
        let operation = try world.add(td, region, content)
        #expect(operation.state == .failed)
        guard case .contentFailed(region: 0, reason: "the client hung up") = operation.failure else {
            Issue.record("\(String(describing: operation.failure))")
            return
        }
        #expect(content.ended == [false])
        let residue = try #require(operation.residue)
        #expect(residue.memory.map(\.pagesAdded) == [16] && residue.memory.map(\.chunksExtended) == [256])
        #expect(residue.septPages == 3 && residue.pages == 19 && residue.measurementDiverged)
        try expectDiverged(world, td)
        // What the module measured is what the engine says.
        var book = BookMRTD()
        book.add(MemoryRegion(gpa: region.gpa, sizeBytes: 16 * 4096), content)
        #expect(try world.domain(td).memory.measurement.expected == book.value)
        #expect(try world.finalize(td, FinalizeRequest(force: true)).state == .succeeded)
        #expect(try world.domain(td).memory.measurement.actual == book.value)
        #expect(try world.delete(td).state == .succeeded)
        #expect(world.capacity == before)
        world.expectInvariants("the deletion")
    }

    private func expectDiverged(_ world: World, _ td: ResourceID) throws {
        let domain = try world.domain(td)
        #expect(domain.memory.measurement.isDiverged)
        #expect(domain.conditions.contains { $0.type == "MeasurementDiverged" && $0.status == .yes })
        #expect(!domain.allowedActions(on: world.engine.platform).contains(.finalize))
        #expect(throws: LifecycleError.self) { try world.finalize(td) }
        world.expectInvariants("what failed")
    }

    @Test("A memory operation that is cancelled half way stops at a batch, and its TD can be deleted")
    func cancelled() throws {
        let world = try World()
        let before = world.capacity
        let (td, _) = try world.create(world.spec(vcpus: 1))
        let content = Pattern(1100 * 4096)
        let id = try world.engine.addMemory(.id(td), region(0x10_0000, pages: 1100), content, by: world.lab).operation
        _ = world.scheduler.run(until: { (try? world.engine.operation(id).progress.bytesDone) ?? 0 > 0 })
        _ = try world.engine.cancel(id)
        let operation = try world.end(id)
        #expect(operation.state == .cancelled)
        #expect(operation.residue?.memory.map(\.pagesAdded) == [512])
        #expect(content.ended == [false])
        try expectDiverged(world, td)
        #expect(try world.delete(td).state == .succeeded)
        #expect(world.capacity == before)
    }

    @Test("A stalled memory operation can be cancelled, and a wake that comes later does nothing")
    func cancelledWhileStalled() throws {
        let world = try World()
        let (td, _) = try world.create(world.spec(vcpus: 1))
        let content = Pattern(8 * 4096, .stall)
        let id = try world.engine.addMemory(.id(td), region(0x10_0000, pages: 8), content, by: world.lab).operation
        world.scheduler.runUntilQuiet()
        _ = try world.engine.cancel(id)
        let operation = try world.end(id)
        #expect(operation.state == .cancelled && operation.residue?.septPages == 3)
        #expect(operation.residue?.measurementDiverged == false)
        #expect(try world.domain(td).memory.measurement.isDiverged == false)
        content.wake()
        world.scheduler.runUntilQuiet()
        #expect(try world.domain(td).memory.regions.isEmpty)
        world.expectInvariants("a late wake")
        // The same region can be asked for again, and needs no tables.
        #expect(try world.add(td, region(0x10_0000, pages: 8), Pattern(8 * 4096)).plan.pages[.sept] == nil)
    }

    @Test(
        "A creation that fails half way takes all of it back",
        arguments: [
            (Leaf.memSEPTAdd, 2), (.memPageAdd, 1), (.memPageAdd, 30), (.mrExtend, 1), (.mrExtend, 300),
            (.mrFinalize, 1), (.mngRD, 3),
        ])
    func creationTakenBack(_ leaf: Leaf, _ time: Int) throws {
        let world = try World()
        let before = world.capacity
        let (request, contents) = Self.launches[0].request(world)
        world.port.arm(.answer(.operandInvalid), onceAt: time, of: leaf)
        let (td, id) = try world.engine.createTD(request, by: world.lab)
        let operation = try world.end(id)
        #expect(operation.state == .failed && operation.rollback == .done)
        #expect(operation.failure?.record?.leaf == leaf)
        #expect(operation.failure?.record?.repeats == 0)
        #expect(try world.domain(td).phase == .deleted)
        #expect(contents.allSatisfy { $0.ended == [false] })
        #expect(world.capacity == before)
        world.expectInvariants("\(leaf.name) \(time)")
    }

    @Test("A call that met a lock is made again, and the measurement is as if nothing had been")
    func retried() throws {
        for (leaf, time) in [(Leaf.memSEPTAdd, 1), (.memPageAdd, 5), (.mrExtend, 77), (.mrFinalize, 1)] {
            let world = try World()
            let (request, contents) = Self.launches[0].request(world)
            world.port.arm(.answer(Completion(.operandBusy, operand: .tdr)), onceAt: time, of: leaf)
            let (td, id) = try world.engine.createTD(request, by: world.lab)
            #expect(try world.end(id).state == .succeeded)
            var book = BookMRTD()
            book.add(Self.launches[0].regions[0], contents[0])
            #expect(try world.domain(td).memory.measurement.actual == book.value)
            #expect(world.records(td).count { $0.handledAs == .retried && $0.leaf == leaf } == 1)
            world.expectInvariants("\(leaf.name) met a lock")
        }
    }

    @Test("A call that nobody knows the outcome of quarantines the TD, its guest memory included")
    func outcomeUnknown() throws {
        for (leaf, time) in [(Leaf.memPageAdd, 5), (.mrExtend, 77)] {
            let world = try World()
            let (request, contents) = Self.launches[0].request(world)
            world.port.arm(.failAfter(PortError(.outcomeUnknown, "lost")), onceAt: time, of: leaf)
            let (td, id) = try world.engine.createTD(request, by: world.lab)
            let operation = try world.end(id)
            #expect(operation.state == .quarantined)
            #expect(contents.allSatisfy { $0.ended == [false] })
            #expect(try world.domain(td).quarantine.count == 1 + 7 + 6 + 3 + 5)
            world.expectInvariants("\(leaf.name) was lost")
        }
    }

    @Test("A guest page that cannot be reclaimed is quarantined alone, and holds the TDR")
    func reclaimRefused() throws {
        let world = try World()
        let (request, _) = Self.launches[0].request(world)
        let (td, id) = try world.engine.createTD(request, by: world.lab)
        _ = try world.end(id)
        world.port.arm(.answer(.pageMetadataIncorrect), onceAt: 10, of: .phymemPageReclaim)
        let deletion = try world.delete(td)
        #expect(deletion.state == .quarantined)
        let domain = try world.domain(td)
        #expect(domain.pages.map(\.state) == [.quarantined(.tdr), .quarantined(.guest)])
        world.expectInvariants("a refused reclaim")
    }

    @Test("What the host has no room for is refused before anything is spent")
    func tooLarge() throws {
        let world = try World()
        let free = world.engine.capacity.pages.free
        var spec = world.spec(vcpus: 1)
        spec.memory = [region(0, pages: free)]
        let request = TDRequest(name: nil, labels: [:], spec: spec, contents: [NoContent()])
        guard case .capacity(let shortage)? = world.refusal({ try world.engine.createTD(request, by: world.lab) })
        else {
            Issue.record("it was taken")
            return
        }
        #expect(shortage.resource == .pages && shortage.requested > free)
        #expect(world.port.calls == 0)
        world.expectInvariants("a refusal")
    }

    @Test("A host that runs out of pages half way fails the operation, which says what it left")
    func exhausted() throws {
        var limits = EngineLimits()
        limits.reservationPages = 64
        limits.retryBudget = .milliseconds(1)
        let world = try World(limits: limits)
        let before = world.capacity
        let (td, _) = try world.create(world.spec(vcpus: 1))
        let content = Pattern(300 * 4096)
        let id = try world.engine.addMemory(.id(td), region(0, pages: 300), content, by: world.lab).operation
        _ = world.scheduler.run(until: { (try? world.engine.operation(id).progress.bytesDone) ?? 0 > 0 })
        // Somebody else takes what the ledger had counted on.
        var taken: [PageAddress<HostOwned>] = []
        while let page = try? world.fake.allocatePage() { taken.append(page) }
        let operation = try world.end(id)
        for page in taken { world.fake.free(page) }
        guard case .port(let error, _) = operation.failure, error.reason == .exhausted else {
            Issue.record("\(String(describing: operation.failure))")
            return
        }
        let added = try #require(operation.residue?.memory.first?.pagesAdded)
        #expect(added > 0 && added < 300 && operation.residue?.measurementDiverged == true)
        try expectDiverged(world, td)
        #expect(try world.delete(td).state == .succeeded)
        #expect(world.capacity == before)
    }
}
