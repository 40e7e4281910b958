import FakeTDX
import Logging
import TDLifecycle
import TDXCalls
import Testing
import Threading

/// A host with a fake module and an engine that runs only when it is told to.
struct World {
    let fake: FakeTDX
    let port: ScriptedPort
    let scheduler = ManualScheduler()
    let engine: Engine

    /// - Parameter tolerated: what a test brings about on purpose; any other hazard is a failure.
    init(
        platform: FakePlatform = .oracle, limits: EngineLimits = EngineLimits(), timing: FakeTiming = FakeTiming(),
        store: any LifecycleStore = InMemoryStore(), startsInPlace: Bool = false,
        tolerating tolerated: Set<HazardRule> = []
    ) throws {
        fake = try FakeTDX(platform: platform, timing: timing) { hazard in
            if tolerated.contains(hazard.rule) { return }
            Issue.record("the host owed something: \(hazard)")
        }
        port = ScriptedPort(fake)
        let environment = EngineEnvironment(
            wallClock: scheduler, elapsedClock: scheduler, random: CountingRandom(), scheduler: scheduler,
            startsInPlace: startsInPlace)
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        engine = Engine(
            calls: port, host: fake, tables: fake, environment: environment, store: store, limits: limits,
            logger: logger)
    }

    /// A host whose engine runs elsewhere, on threads of its own.
    init(fake: FakeTDX, engine: Engine) throws {
        self.fake = fake
        self.engine = engine
        port = ScriptedPort(fake)
    }

    let lab = Requester(principal: "uid:0", requestID: ResourceID(.request, 1))

    /// A spec the default platform takes.
    func spec(maxVCPUs: UInt16 = 4, vcpus: Int = 0, until stage: BuildStage = .initialized) -> TDSpec {
        TDSpec(
            attributes: .septVEDisable, xfam: [.x87, .sse], maxVCPUs: maxVCPUs, numL2VMs: 0, gpaWidthBits: 48,
            eptLevels: 4, tscFrequencyKHz: 2_500_000, noRBPMod: true, flexiblePendingVE: false, mrConfigID: .zero,
            mrOwner: .zero, mrOwnerConfig: .zero, ia32ArchCapabilities: nil, cpuid: [], vcpuCount: vcpus,
            buildUntil: stage)
    }

    func request(_ spec: TDSpec, name: String? = nil) -> TDRequest { TDRequest(name: name, labels: [:], spec: spec) }

    /// Submits a creation, runs it to its end, and gives the operation as it ended.
    func create(_ spec: TDSpec, name: String? = nil) throws -> (td: ResourceID, operation: TDLifecycle.Operation) {
        let (td, id) = try engine.createTD(request(spec, name: name), by: lab)
        return (td, try end(id))
    }

    func delete(_ td: ResourceID) throws -> TDLifecycle.Operation {
        try end(try engine.deleteTD(.id(td), by: lab).operation)
    }

    func step(
        _ td: ResourceID, _ call: Call, on processor: Processor? = nil, recover: Bool = true
    ) throws -> TDLifecycle.Operation {
        let request = StepRequest(call: call, processor: processor, recover: recover)
        return try end(try engine.step(.id(td), request, by: lab).operation)
    }

    func end(_ operation: ResourceID) throws -> TDLifecycle.Operation {
        scheduler.runUntilQuiet()
        return try engine.operation(operation)
    }

    func domain(_ td: ResourceID) throws -> Domain { try engine.td(.id(td)) }

    func records(_ td: ResourceID) -> [CallRecord] { engine.records(RecordFilter(td: td), limit: 10_000).rows }

    /// The plan of a deletion that does not run yet.
    func plannedDeletion(_ td: ResourceID, ifRevision: UInt64? = nil) throws -> TDLifecycle.Plan? {
        if case .plan(_, let plan) = try engine.planDeletion(.id(td), ifRevision: ifRevision) { plan } else { nil }
    }

    /// Reads one field and waits for the answer.
    func read(_ td: ResourceID, _ target: FieldAccess.Target, _ field: String, on processor: Processor? = nil) throws
        -> Result<FieldAnswer, LifecycleError>
    {
        let context: FieldID.Context = target == .td ? .td : .vp
        let element = FieldInfo.named(field, in: context)?.id ?? FieldID(rawValue: 0)
        let answer = Locked<Result<FieldAnswer, LifecycleError>?>(nil)
        let access = FieldAccess(target: target, elements: [element], processor: processor, requester: lab) { result in
            answer.withLock { $0 = result }
        }
        try engine.access(.id(td), access)
        scheduler.runUntilQuiet()
        guard let result = answer.withLock({ $0 }) else { throw Silence() }
        return result
    }

    struct Silence: Error {}

    // MARK: Guest memory

    /// A host whose processors have five levels of paging.
    static var fiveLevels: FakePlatform {
        var platform = FakePlatform.oracle
        platform.hasFiveLevelEPT = true
        return platform
    }

    func plan(_ request: TDRequest) throws -> TDLifecycle.Plan {
        let answer = Locked<Result<TDLifecycle.Plan, LifecycleError>?>(nil)
        try engine.planTD(request, by: lab) { result in answer.withLock { $0 = result } }
        scheduler.runUntilQuiet()
        guard let result = answer.withLock({ $0 }) else { throw Silence() }
        return try result.get()
    }

    func planMemory(_ td: ResourceID, _ region: MemoryRegion, _ content: any MemoryContent) throws -> TDLifecycle.Plan {
        let answer = Locked<Result<TDLifecycle.Plan, LifecycleError>?>(nil)
        try engine.planMemory(.id(td), region, content) { result in answer.withLock { $0 = result.map(\.plan) } }
        scheduler.runUntilQuiet()
        guard let result = answer.withLock({ $0 }) else { throw Silence() }
        return try result.get()
    }

    func add(
        _ td: ResourceID, _ region: MemoryRegion, _ content: any MemoryContent
    ) throws -> TDLifecycle.Operation {
        try end(try engine.addMemory(.id(td), region, content, by: lab).operation)
    }

    func finalize(_ td: ResourceID, _ request: FinalizeRequest = FinalizeRequest()) throws -> TDLifecycle.Operation {
        let begun = try answer { try engine.finalizeTD(.id(td), request, by: lab, completion: $0) }
        return try end(begun.operation)
    }

    func planFinalizing(_ td: ResourceID, _ request: FinalizeRequest = FinalizeRequest()) throws -> TDLifecycle.Plan {
        try answer { try engine.planFinalizing(.id(td), request, completion: $0) }.plan
    }

    /// The TD with its expected MRTD, which is hashed for this if it was not before.
    func measured(_ td: ResourceID) throws -> Domain { try answer { try engine.measuredTD(.id(td), completion: $0) } }

    private func answer<Value: Sendable>(
        _ ask: (@escaping @Sendable (Result<Value, LifecycleError>) -> Void) throws -> Void
    ) throws -> Value {
        let answers = Locked<[Result<Value, LifecycleError>]>([])
        try ask { result in answers.withLock { $0.append(result) } }
        scheduler.runUntilQuiet()
        let all = answers.withLock { $0 }
        guard all.count == 1, let result = all.first else { throw Silence() }
        return try result.get()
    }

    /// How often each leaf was accepted for a TD, by its records.
    func leaves(_ td: ResourceID) -> [String: Int] {
        records(td).reduce(into: [:]) { $0[$1.leaf.name, default: 0] += 1 + $1.repeats }
    }

    func refusal<Result>(_ body: () throws -> Result) -> LifecycleError? {
        do { _ = try body() } catch { return error as? LifecycleError }
        return nil
    }

    /// Everything the host has to give, and everything that is out of use.
    var capacity: [Int] {
        let capacity = engine.capacity
        return [
            capacity.keyIDs.held, capacity.keyIDs.free ?? -1, capacity.keyIDs.quarantined, capacity.pages.held,
            capacity.pages.free, capacity.pages.quarantined, capacity.vcpusHeld,
        ]
    }
}

/// Passes calls on, except where a test has said otherwise.
final class ScriptedPort: SEAMCALLPort {
    enum Fault: Sendable {
        /// Answer this instead of calling.
        case answer(Completion)
        case fail(PortError)
        /// Call, and then fail.
        case failAfter(PortError)
    }

    fileprivate struct State: Sendable {
        var calls = 0
        var faultAt: [Int: (fault: Fault, times: Int)] = [:]
        var faultOn: [UInt16: (fault: Fault, times: Int)] = [:]
        var faultOnce: [UInt16: (fault: Fault, left: Int)] = [:]
        var fired = 0
        var onCall: [Int: @Sendable () -> Void] = [:]
        var onEachCall: (@Sendable () -> Void)?
    }

    private let base: any SEAMCALLPort
    private let state = Locked(State())

    init(_ base: any SEAMCALLPort) { self.base = base }

    var isPrompt: Bool { base.isPrompt }
    var calls: Int { state.withLock { $0.calls } }
    var fired: Int { state.withLock { $0.fired } }

    /// Arms a fault for the nth call from now, the first being 1, and for repeats of it: the same leaf, in turn.
    func arm(_ fault: Fault, atCall number: Int, times: Int = 1) {
        state.withLock { $0.faultAt[$0.calls + number] = (fault, times) }
    }

    /// Does something while the nth call from now is made.
    func onCall(_ number: Int, _ action: @escaping @Sendable () -> Void) {
        state.withLock { $0.onCall[$0.calls + number] = action }
    }

    /// Does something before each call, in the middle of the step that makes it.
    func onEachCall(_ action: (@Sendable () -> Void)?) { state.withLock { $0.onEachCall = action } }

    /// Arms a fault for the next so many calls of a leaf.
    func arm(_ fault: Fault, on leaf: Leaf, times: Int = 1) {
        state.withLock { $0.faultOn[leaf.number] = (fault, times) }
    }

    /// Arms a fault for the nth call of a leaf from now.
    func arm(_ fault: Fault, onceAt number: Int, of leaf: Leaf) {
        state.withLock { $0.faultOnce[leaf.number] = (fault, number) }
    }

    func disarm() {
        state.withLock { state in
            state.faultAt = [:]
            state.faultOn = [:]
        }
    }

    func call(_ leaf: Leaf, _ registers: inout Registers, on processor: Processor) throws(PortError) -> Completion {
        let (fault, action, each) = state.withLock { state in
            let fault = state.fault(for: leaf)
            return (fault, state.onCall.removeValue(forKey: state.calls), state.onEachCall)
        }
        each?()
        action?()
        switch fault {
        case nil: return try base.call(leaf, &registers, on: processor)
        case .answer(let completion): return completion
        case .fail(let error): throw error
        case .failAfter(let error):
            _ = try base.call(leaf, &registers, on: processor)
            throw error
        }
    }
}

extension ScriptedPort.State {
    fileprivate mutating func fault(for leaf: Leaf) -> ScriptedPort.Fault? {
        calls += 1
        if let (fault, times) = faultAt.removeValue(forKey: calls) {
            fired += 1
            if times > 1 { faultOn[leaf.number] = (fault, times - 1) }
            return fault
        }
        if let (fault, left) = faultOnce.removeValue(forKey: leaf.number) {
            if left > 1 {
                faultOnce[leaf.number] = (fault, left - 1)
            } else {
                fired += 1
                return fault
            }
        }
        guard let armed = faultOn[leaf.number], armed.times > 0 else { return nil }
        fired += 1
        faultOn[leaf.number] = (armed.fault, armed.times - 1)
        return armed.fault
    }
}

/// The same numbers in each run.
final class CountingRandom: RandomSource {
    private let last = Locked<UInt64>(0)

    func next() -> UInt64 {
        last.withLock { last in
            last &+= 0x9e37_79b9_7f4a_7c15
            return last
        }
    }
}
