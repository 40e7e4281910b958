import FakeTDX
import Logging
import TDXCalls
import Testing
import Threading

@testable import TDLifecycle

@Suite("Measurement")
struct MeasurementTests {
    // MARK: Finalising

    @Test("Finalising is refused without a vCPU, a second time, and to vCPUs and memory that come after it")
    func refused() throws {
        let world = try World()
        let (bare, _) = try world.create(world.spec())
        #expect(world.isWrongState(.finalize) { try world.finalize(bare) })
        let (td, _) = try world.create(world.spec(vcpus: 1))
        #expect(try world.finalize(td).state == .succeeded)
        #expect(world.isWrongState(.finalize) { try world.finalize(td) })
        #expect(world.isWrongState(.createVCPU) { try world.engine.createVCPUs(.id(td), [VCPUSpec()], by: world.lab) })
        #expect(world.isWrongState(.addMemory) { try world.add(td, region(0, pages: 1), NoContent()) })
        world.expectInvariants("the refusals")
    }

    @Test("An MRTD other than the manifest's is not closed, unless by force")
    func manifestRefuses() throws {
        let world = try World()
        let (td, _) = try world.create(world.spec(vcpus: 1))
        let wrong = FinalizeRequest(manifest: MeasurementManifest(expectedMRTD: .zero))
        guard case .measurementDiffers(let difference)? = world.refusal({ try world.finalize(td, wrong) }) else {
            Issue.record("it was finalised")
            return
        }
        #expect(difference.reason == .mrtd)
        let right = MeasurementManifest(expectedMRTD: try world.domain(td).memory.measurement.expected)
        #expect(try world.planFinalizing(td, FinalizeRequest(manifest: right)).callCount == 7)
        #expect(try world.finalize(td, FinalizeRequest(force: true, manifest: wrong.manifest)).state == .succeeded)
    }

    @Test("A lab finalises with one leaf")
    func labStep() throws {
        let world = try World()
        let (td, _) = try world.create(world.spec(vcpus: 1))
        #expect(try world.step(td, .finalize).stepRecord?.completion == .success)
        #expect(try world.domain(td).phase == .finalized)
        #expect(try world.delete(td).state == .succeeded)
        world.expectInvariants("the deletion")
    }

    // MARK: Manifests

    struct Manifest: Sendable {
        let name: String
        let regions: [MemoryRegion]
        let expected: (reason: MeasurementDifference.Reason, index: UInt64)?
    }

    static let manifests: [Manifest] = [
        Manifest(
            name: "the same",
            regions: [region(0x1000, pages: 3, digest: "a"), region(0x8000, pages: 2, measure: false)],
            expected: nil),
        Manifest(
            name: "the same in other pieces",
            regions: [
                region(0x1000, pages: 1), region(0x2000, pages: 2), region(0x8000, pages: 1, measure: false),
                region(0x9000, pages: 1, measure: false),
            ], expected: nil),
        Manifest(name: "less", regions: [region(0x1000, pages: 3)], expected: (.length, 51)),
        Manifest(
            name: "more", regions: [region(0x1000, pages: 3), region(0x8000, pages: 3, measure: false)],
            expected: (.length, 53)),
        Manifest(
            name: "another address", regions: [region(0x1000, pages: 2), region(0x4000, pages: 1)],
            expected: (.call, 34)),
        Manifest(
            name: "another content", regions: [region(0x1000, pages: 3, digest: "b")], expected: (.content, 1)),
        Manifest(name: "not measured", regions: [region(0x1000, pages: 3, measure: false)], expected: (.call, 1)),
    ]

    @Test("A manifest parts from the accepted calls at a call", arguments: manifests)
    func manifest(_ manifest: Manifest) throws {
        let world = try World()
        let (td, _) = try world.create(world.spec(vcpus: 1))
        _ = try world.add(td, region(0x1000, pages: 3, digest: "a"), Pattern(0x3000))
        _ = try world.add(td, region(0x8000, pages: 2, measure: false), NoContent())
        let difference = try world.domain(td).difference(from: MeasurementManifest(regions: manifest.regions))
        #expect(difference?.reason == manifest.expected?.reason && difference?.index == manifest.expected?.index)
    }

    // MARK: What is refused of a region

    static let impossible: [(region: MemoryRegion, member: MemoryViolation.Member)] = [
        (bytes(0x800, 4096), .gpa), (bytes(0x8000_0000_0000, 4096), .gpa), (bytes(0x7fff_ffff_f000, 8192), .gpa),
        (bytes(0x3000, 0x4000), .gpa), (bytes(0x1000, 0), .sizeBytes), (bytes(0x1000, 100), .sizeBytes),
        (bytes(0x10_0000, 4096), .sizeBytes), (bytes(0x10_0000, 0x20_0000, page: 0x20_0000), .gpa),
        (bytes(0x20_0000, 0x10_0000, page: 0x20_0000), .sizeBytes),
        (bytes(0, 8192, page: 8192), .pageSizeBytes),
    ]

    private static func bytes(_ gpa: UInt64, _ size: UInt64, page: Int = 4096) -> MemoryRegion {
        MemoryRegion(gpa: GPA(rawValue: gpa), sizeBytes: size, pageSizeBytes: page)
    }

    @Test(
        "A region that cannot be is refused before anything is spent, by the member that is wrong",
        arguments: impossible)
    func violations(_ region: MemoryRegion, _ member: MemoryViolation.Member) throws {
        let world = try World()
        let (td, _) = try world.create(world.spec(vcpus: 1))
        _ = try world.add(td, TDLifecycleTests.region(0x5000, pages: 1), NoContent())
        let calls = world.port.calls
        guard case .memory(let violation)? = world.refusal({ try world.add(td, region, Pattern(5000)) }) else {
            Issue.record("it was taken")
            return
        }
        #expect(violation.member == member && violation.region == 0)
        #expect(world.port.calls == calls)
        world.expectInvariants("a refusal")
    }

    // MARK: Records and threads

    @Test("The calls of a launch are summed up by leaf: how many, from where to where, and in which places")
    func records() throws {
        let world = try World()
        let (td, _) = try world.create(world.spec(vcpus: 1))
        _ = try world.add(td, region(0x10_0000, pages: 1100), NoContent())
        let records = world.records(td).filter { $0.leaf == .memPageAdd || $0.leaf == .mrExtend }
        #expect(records.map(\.leaf) == [.memPageAdd, .mrExtend])
        #expect(records.map(\.repeats) == [1099, 16 * 1100 - 1])
        #expect(records.map(\.input.rcx) == [0x10_0000, 0x10_0000])
        #expect(records.map(\.lastInputRCX) == [0x54_b000, 0x54_bf00])
        #expect(records.allSatisfy { $0.lastSequenceOfRun > $0.sequence })
        _ = try world.delete(td)
        let reclaims = world.records(td).filter { $0.leaf == .phymemPageReclaim && $0.page?.kind == .guest }
        #expect(reclaims.map(\.repeats) == [1099])
    }

    @Test("On threads, launches beside one another measure what each of them ought to")
    func threads() throws {
        let fake = try FakeTDX()
        let scheduler = ThreadedScheduler(threads: 3)
        let environment = EngineEnvironment(
            wallClock: SystemWallClock(), elapsedClock: SystemElapsedClock(), random: SystemRandom(),
            scheduler: scheduler)
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let engine = Engine(calls: fake, host: fake, tables: fake, environment: environment, logger: logger)
        let world = try World(fake: fake, engine: engine)
        let launches = try (0..<3).map { number in
            var spec = world.spec(vcpus: 1, until: .finalized)
            spec.memory = [region(0x10_0000, pages: 200 + number)]
            let content = Pattern(spec.memory[0].sizeBytes, seed: UInt64(number), portion: 20_480)
            let request = TDRequest(name: nil, labels: [:], spec: spec, contents: [content])
            return (try engine.createTD(request, by: world.lab), spec.memory[0], content)
        }
        for (made, region, content) in launches {
            let ended = Monitor<TDLifecycle.Operation?>(nil)
            try engine.awaitEnd(of: made.operation, timeout: .seconds(60)) { operation in
                ended.withLock { $0 = operation }
            }
            #expect(ended.wait(until: { $0 })?.state == .succeeded)
            var book = BookMRTD()
            book.add(region, content)
            #expect(try engine.td(.id(made.td)).memory.measurement.actual == book.value)
        }
        scheduler.stop()
        world.expectInvariants("the launches")
    }
}

extension World {
    fileprivate func isWrongState<Result>(_ action: Action, _ body: () throws -> Result) -> Bool {
        if case .wrongState(let state)? = refusal(body) { state.action == action } else { false }
    }
}
