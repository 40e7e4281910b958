import FakeTDX
import TDXCalls
import Testing
import Threading

@testable import TDLifecycle

/// What MRTD ought to be is hashed when somebody asks, once for all TDs that begin the same.
@Suite("Expected MRTD")
struct ExpectationTests {
    private func request(_ world: World, _ regions: [MemoryRegion], _ contents: [any MemoryContent]) -> TDRequest {
        var spec = world.spec(vcpus: 1, until: .finalized)
        spec.memory = regions
        return TDRequest(name: nil, labels: [:], spec: spec, contents: contents)
    }

    private func launch(_ world: World, _ regions: [MemoryRegion], _ contents: [any MemoryContent]) throws -> ResourceID
    {
        let (td, operation) = try world.engine.createTD(request(world, regions, contents), by: world.lab)
        #expect(try world.end(operation).state == .succeeded)
        return td
    }

    private func book(_ regions: [MemoryRegion], _ contents: [Pattern]) -> MeasurementID? {
        var book = BookMRTD()
        for (region, content) in zip(regions, contents) { book.add(region, content) }
        return book.value
    }

    private let area = region(0x10_0000, pages: 40)

    @Test("A launch reads what can be read again once, and hashes no expectation; the first who asks has it hashed")
    func isHashedWhenAsked() throws {
        let world = try World()
        let content = Pattern(area.sizeBytes, seed: 3, name: "a")
        let td = try launch(world, [area], [content])
        #expect(content.asked == 3 && world.engine.measuredStates.hashed == 0)
        let launched = try world.domain(td)
        #expect(launched.memory.measurement.expected == nil && launched.memory.measurement.isVerified == false)
        #expect(launched.memory.measurement.actual == book([area], [content]))
        #expect(!launched.memory.measurement.isDiverged)

        let asked = try world.measured(td)
        #expect(asked.memory.measurement.expected == book([area], [content]))
        #expect(content.asked == 6 && world.engine.measuredStates.hashed == 1)
        // It is a change of the TD's, which readers see.
        #expect(asked.revision > launched.revision)
        #expect(try world.domain(td).memory.measurement.isVerified == true)
        #expect(try world.measured(td).revision == asked.revision)
        #expect(content.asked == 6)
        world.expectInvariants("the question")
    }

    @Test("The same image launched again is compared at once, and nothing of it is hashed again")
    func isHashedOnce() throws {
        let world = try World()
        let regions = [area, region(0x80_0000, pages: 3, measure: false), region(0x90_0000, pages: 2)]
        func contents() -> [Pattern] {
            zip(regions, [3, 4, 5]).map { Pattern($0.sizeBytes, seed: UInt64($1), name: "seed \($1)") }
        }
        _ = try world.measured(try launch(world, regions, contents()))
        #expect(world.engine.measuredStates.hashed == 3)
        let again = contents()
        let second = try launch(world, regions, again)
        let measurement = try world.domain(second).memory.measurement
        #expect(measurement.isVerified == true && measurement.expected == book(regions, again))
        // Another that only begins the same is hashed from there on.
        let other = [regions[0], regions[1], region(0xa0_0000, pages: 2)]
        let third = contents()
        let td = try launch(world, other, third)
        #expect(try world.measured(td).memory.measurement.expected == book(other, third))
        #expect(world.engine.measuredStates.hashed == 4 && third[0].asked == 3)
        // Nor is a dry run's.
        let planned = contents()
        #expect(try world.plan(request(world, regions, planned)).predictedMRTD == book(regions, planned))
        #expect(planned.map(\.asked) == [0, 0, 0])
    }

    @Test("No more states of the hash are kept than the limit says, and the least used goes")
    func cacheIsBounded() throws {
        var limits = EngineLimits()
        limits.measuredStatesMax = 2
        let world = try World(limits: limits)
        func ask(_ seed: UInt64) throws -> UInt64 {
            let content = Pattern(area.sizeBytes, seed: seed, name: "seed \(seed)")
            #expect(try world.plan(request(world, [area], [content])).predictedMRTD == book([area], [content]))
            return world.engine.measuredStates.hashed
        }
        #expect(try ask(1) == 1)
        #expect(try ask(2) == 2)
        #expect(try ask(1) == 2)
        #expect(try ask(3) == 3)
        #expect(world.engine.measuredStates.count == 2)
        #expect(try ask(1) == 3)
        #expect(try ask(2) == 4)
    }

    @Test("What passes once is hashed as it passes, after what came before it")
    func streamed() throws {
        let world = try World()
        let (td, _) = try world.create(world.spec(vcpus: 1))
        let regions = [area, region(0x20_0000, pages: 40), region(0x30_0000, pages: 2), region(0x40_0000, pages: 1)]
        let contents = [
            Pattern(regions[0].sizeBytes, seed: 1, name: "1"), Pattern(regions[1].sizeBytes, seed: 2),
            Pattern(regions[2].sizeBytes, seed: 3, name: "3"), Pattern(regions[3].sizeBytes, seed: 4),
        ]
        var before = 0
        for (region, content) in zip(regions, contents) {
            #expect(
                try world.planMemory(td, region, content.copy).predictedMRTD
                    == book(Array(regions[...before]), contents))
            #expect(try world.add(td, region, content).state == .succeeded)
            // The dry run has found what the region makes: no launch hashes it again.
            #expect(try world.domain(td).memory.measurement.expected == book(Array(regions[...before]), contents))
            before += 1
        }
        #expect(contents.map(\.asked) == [3, 3, 1, 1])
        #expect(try world.finalize(td).state == .succeeded)
        #expect(try world.domain(td).memory.measurement.isVerified == true)
        world.expectInvariants("the streams")
    }

    @Test("A stream waits for what came before it to be hashed")
    func streamAfterOpenExpectation() throws {
        let world = try World()
        let (td, _) = try world.create(world.spec(vcpus: 1))
        let regions = [area, region(0x20_0000, pages: 40)]
        let contents = [Pattern(area.sizeBytes, seed: 1, name: "1"), Pattern(area.sizeBytes, seed: 2)]
        #expect(try world.add(td, regions[0], contents[0]).state == .succeeded)
        #expect(try world.domain(td).memory.measurement.expected == nil)
        #expect(try world.add(td, regions[1], contents[1]).state == .succeeded)
        #expect(try world.domain(td).memory.measurement.expected == book(regions, contents))
        #expect(contents.map(\.asked) == [6, 3])
    }

    @Test("Memory that was added in part is expected in part, and wants force")
    func partial() throws {
        let world = try World()
        let (td, _) = try world.create(world.spec(vcpus: 1))
        let content = Pattern(area.sizeBytes, seed: 7, .fail, at: 16 * 4096, name: "7")
        #expect(try world.add(td, area, content).state == .failed)
        #expect(try world.domain(td).memory.measurement.isDiverged)
        #expect(world.refusal { try world.finalize(td) } != nil)
        let part = MemoryRegion(gpa: area.gpa, sizeBytes: 16 * 4096)
        #expect(try world.measured(td).memory.measurement.expected == book([part], [content]))
        #expect(try world.finalize(td, FinalizeRequest(force: true)).state == .succeeded)
        #expect(try world.domain(td).memory.measurement.isVerified == true)
    }

    @Test("A manifest's MRTD is compared before the measurement is closed, whoever has asked before")
    func manifest() throws {
        let world = try World()
        let (td, _) = try world.create(world.spec(vcpus: 1))
        let content = Pattern(area.sizeBytes, seed: 7, name: "7")
        #expect(try world.add(td, area, content).state == .succeeded)
        let revision = try world.domain(td).revision
        let wrong = FinalizeRequest(manifest: MeasurementManifest(expectedMRTD: .zero))
        guard case .measurementDiffers(let difference)? = world.refusal({ try world.finalize(td, wrong) }) else {
            Issue.record("it was finalised")
            return
        }
        #expect(difference.reason == .mrtd)
        // Nobody sees a difference yet, so that If-Match holds.
        #expect(try world.domain(td).revision == revision)
        let right = FinalizeRequest(manifest: MeasurementManifest(expectedMRTD: book([area], [content])))
        #expect(try world.finalize(td, right).state == .succeeded)
        #expect(try world.domain(td).memory.measurement.isVerified == true)
    }

    @Test("An MRTD that is not what the accepted calls make is found by the first who asks, and stays known")
    func moduleGoneWrong() throws {
        let world = try World()
        let (td, _) = try world.create(world.spec(vcpus: 1))
        let content = Pattern(area.sizeBytes, seed: 7, name: "7")
        // One chunk of them all is said to be measured, and is not.
        world.port.arm(.answer(.success), onceAt: 5, of: .mrExtend)
        #expect(try world.add(td, area, content).state == .succeeded)
        #expect(try world.finalize(td).state == .succeeded)
        #expect(try world.domain(td).memory.measurement.isVerified == false)
        let domain = try world.measured(td)
        #expect(domain.memory.measurement.expected == book([area], [content]))
        #expect(domain.memory.measurement.isVerified == false && domain.memory.measurement.isDiverged)
        let conditions = try world.domain(td).conditions.filter { $0.status == .yes }
        #expect(conditions.map(\.reason).contains("MRTDDiffers"))
        // With the sum known, the next one is found at once.
        let (next, _) = try world.create(world.spec(vcpus: 1))
        world.port.arm(.answer(.success), onceAt: 9, of: .mrExtend)
        #expect(try world.add(next, area, content.copy).state == .succeeded)
        #expect(try world.finalize(next).state == .succeeded)
        #expect(try world.domain(next).memory.measurement.isDiverged)
    }

    @Test("Content that cannot be read again is said, and asked for again the next time")
    func contentGone() throws {
        let world = try World()
        let content = Pattern(area.sizeBytes, seed: 7, name: "7")
        let td = try launch(world, [area], [content])
        content.breakDown(true)
        let without = try world.measured(td)
        #expect(without.expectationLost == "the client hung up" && without.memory.measurement.expected == nil)
        content.breakDown(false)
        #expect(try world.measured(td).memory.measurement.expected == book([area], [content]))
        let other = try launch(world, [region(0, pages: 1)], [Pattern(4096, seed: 8, name: "8")])
        #expect(try world.delete(other).state == .succeeded)
        #expect(try world.measured(other).expectationLost == "the TD was deleted before anybody asked")
        #expect(try world.delete(td).state == .succeeded)
        #expect(try world.measured(td).memory.measurement.expected == book([area], [content]))
    }

    @Test("Two who ask at once have it hashed once")
    func askedTwice() throws {
        let world = try World()
        let content = Pattern(area.sizeBytes, seed: 7, name: "7")
        let td = try launch(world, [area], [content])
        let answers = Locked<[MeasurementID?]>([])
        for _ in 0..<2 {
            try world.engine.measuredTD(.id(td)) { result in
                let expected = try? result.get().memory.measurement.expected
                answers.withLock { $0.append(expected) }
            }
        }
        world.scheduler.runUntilQuiet()
        #expect(answers.withLock { $0 } == [book([area], [content]), book([area], [content])])
        #expect(content.asked == 6 && world.engine.measuredStates.hashed == 1)
    }
}

extension Pattern {
    /// The same bytes once more, asked for by nobody yet.
    fileprivate var copy: Pattern { Pattern(sizeBytes, seed: seed, name: name) }
}
