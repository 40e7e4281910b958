import FakeTDX
import Glibc
import TDXCalls
import Testing
import Threading

@testable import TDLifecycle

/// Random lives of several TDs at once on one thread, with faults, looked at whenever all is quiet.
@Suite("Simulation")
struct SimulationTests {
    /// `TDXD_SIMULATION_SEED` repeats a run, `TDXD_SIMULATION_RUNS` makes more of them, `TDXD_SIMULATION_ROUNDS`
    /// makes each longer.
    @Test("Random lives keep every rule")
    func lives() throws {
        let rounds = setting("TDXD_SIMULATION_ROUNDS") ?? 60
        if let seed = setting("TDXD_SIMULATION_SEED") { return try Simulation(seed: seed).run(rounds: Int(rounds)) }
        for _ in 0..<(setting("TDXD_SIMULATION_RUNS") ?? 5) {
            let seed = UInt64.random(in: 1...UInt64.max)
            print("simulation seed \(seed)")
            try Simulation(seed: seed).run(rounds: Int(rounds))
        }
    }

    private func setting(_ name: String) -> UInt64? {
        // SAFETY: nothing in this process changes its environment, so the string stays where it is.
        guard let text = unsafe getenv(name) else { return nil }
        return UInt64(unsafe String(cString: text))
    }
}

private final class Simulation {
    private let seed: UInt64
    private var random: SplitMix
    private var world: World
    private var operations: [ResourceID] = []

    init(seed: UInt64) throws {
        self.seed = seed
        random = SplitMix(state: seed)
        world = try Self.makeWorld(&random)
    }

    private static func makeWorld(_ random: inout SplitMix) throws -> World {
        var limits = EngineLimits()
        limits.stepCalls = random.pick([1, 2, 5, 512])
        limits.reservationPages = random.pick([1, 4, 512])
        limits.tombstonesMax = 20
        limits.operationsMax = 40
        // Random steps leave a TD's vCPUs where they are, or its key on some packages: the module says no.
        return try World(limits: limits, tolerating: [.vpFlushSkipped, .keyPartlyConfigured])
    }

    func run(rounds: Int) throws {
        for round in 0..<rounds {
            for _ in 0..<random.below(8) { act() }
            for _ in 0..<random.below(60) where !world.scheduler.runOne() { break }
            guard random.below(3) == 0 else { continue }
            world.port.disarm()
            world.scheduler.runUntilQuiet()
            let broken = world.brokenInvariants()
            for rule in broken { Issue.record("\(rule), at round \(round) of seed \(seed)") }
            if !broken.isEmpty { return }
            if world.engine.capacity.keyIDs.quarantined > 15 { world = try Self.makeWorld(&random) }
        }
        try end()
    }

    /// Everything that is not quarantined is deleted, and nothing stays.
    private func end() throws {
        world.port.disarm()
        world.scheduler.runUntilQuiet()
        for td in living { _ = try? world.engine.deleteTD(.id(td), by: world.lab) }
        world.scheduler.runUntilQuiet()
        for td in living where try world.domain(td).quarantine.isEmpty {
            Issue.record("\(td) is not deleted, at the end of seed \(seed)")
        }
        world.expectInvariants("seed \(seed)")
        #expect(world.engine.capacity.pages.held == 0 && world.engine.capacity.keyIDs.held == 0)
    }

    private var living: [ResourceID] {
        world.engine.tds(after: nil, limit: 1_000, includeDeleted: false) { _ in true }.rows.map(\.id)
    }

    /// One random request or fault. A refusal is as good as an operation.
    private func act() {
        let td = random.pick(living + [ResourceID(.td, 1)])
        let reference = TDReference.id(td)
        let lab = world.lab
        let engine = world.engine
        switch random.below(12) {
        case 0, 1, 2:
            let stage = random.pick(BuildStage.allCases)
            let spec = world.spec(vcpus: stage >= .initialized ? random.below(4) : 0, until: stage)
            let name = random.below(2) == 0 ? nil : "n\(random.below(5))"
            note { try engine.createTD(world.request(spec, name: name), by: lab).operation }
        case 3:
            let specs = Array(repeating: VCPUSpec(), count: 1 + random.below(3))
            note { try engine.createVCPUs(reference, specs, by: lab).operation }
        case 4, 5: note { try engine.deleteTD(reference, by: lab).operation }
        case 6, 7:
            guard let call = randomCall(td) else { return }
            let processor = random.below(4) == 0 ? Processor(rawValue: UInt32(random.below(4))) : nil
            let request = StepRequest(call: call, processor: processor, recover: random.below(2) == 0)
            note { try engine.step(reference, request, by: lab).operation }
        case 8:
            if !operations.isEmpty { _ = try? engine.cancel(random.pick(operations)) }
        case 9:
            let change = TDChange(name: random.below(2) == 0 ? .remove : .set("n\(random.below(5))"), labels: nil)
            _ = try? engine.changeTD(reference, change)
        case 10:
            guard let field = FieldInfo.named("PEND_NMI", in: .vp)?.id else { return }
            let target = FieldAccess.Target.vcpu(random.below(3))
            try? engine.access(reference, FieldAccess(target: target, elements: [field], requester: lab) { _ in })
        default: armFault()
        }
    }

    private func note(_ submit: () throws -> ResourceID) {
        if let operation = try? submit() { operations = operations.suffix(20) + [operation] }
    }

    private func randomCall(_ td: ResourceID) -> TDLifecycle.Call? {
        guard let domain = try? world.domain(td) else { return nil }
        let package = Package(rawValue: UInt32(random.below(2)))
        let vcpu = random.below(3)
        let calls: [TDLifecycle.Call] = [
            .configureKey(package), .addTDCSPage, .initialize, .createVCPU(VCPUSpec()), .addTDCXPage(vcpu: vcpu),
            .initializeVCPU(vcpu), .flushVCPU(vcpu), .flushDone, .writeBack(package, resume: random.below(2) == 0),
            .freeKey, .writeBackTDR,
        ]
        return random.pick(calls + domain.pages.suffix(2).map { .reclaimPage($0.id) })
    }

    private func armFault() {
        if random.below(3) == 0 { return world.fake.orderInterrupt(atPoll: 1 + random.below(10)) }
        let faults: [(ScriptedPort.Fault, Int)] = [
            (.answer(Completion(.operandBusy, operand: .rcx)), 1 + random.below(40)),
            (.answer(.rndNoEntropy), 1 + random.below(25)),
            (.answer(.keyGenerationFailed), 1 + random.below(5)),
            (.answer(Completion(.operandInvalid, operand: .rcx)), 1),
            (.answer(.wbCacheNotComplete), 1),
            (.answer(.flushVPNotDone), 1),
            (.answer(.tdFatal), 1),
            (.answer(Completion(.operandBusy, operand: .kot)), .max),
            (.fail(PortError(.notExecuted, "simulated")), 1),
            (.fail(PortError(.outcomeUnknown, "simulated")), 1),
            (.failAfter(PortError(.outcomeUnknown, "simulated")), 1),
        ]
        let (fault, times) = random.pick(faults)
        world.port.arm(fault, atCall: 1 + random.below(40), times: times)
    }
}

/// Steele, Lea and Flood's SplitMix64: the same numbers from the same seed.
private struct SplitMix {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
        return mixed ^ mixed >> 31
    }

    mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }
    mutating func pick<Element>(_ all: [Element]) -> Element { all[below(all.count)] }
}
