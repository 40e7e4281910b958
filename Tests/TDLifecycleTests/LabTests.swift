import FakeTDX
import TDXCalls
import Testing

@testable import TDLifecycle

@Suite("One leaf at a time")
struct LabTests {
    /// A TD built leaf by leaf, with one vCPU.
    private func built(_ world: World) throws -> ResourceID {
        let (td, _) = try world.create(world.spec(until: .tdrCreated))
        for package in world.engine.platform.packages { #expect(try world.raw(td, .configureKey(package)) == .success) }
        for _ in 0..<6 { #expect(try world.raw(td, .addTDCSPage) == .success) }
        #expect(try world.raw(td, .initialize) == .success)
        #expect(try world.raw(td, .createVCPU(VCPUSpec())) == .success)
        for _ in 0..<5 { #expect(try world.raw(td, .addTDCXPage(vcpu: 0)) == .success) }
        #expect(try world.raw(td, .initializeVCPU(0)) == .success)
        return td
    }

    /// The leaves that take it down again, in order.
    private func teardown(_ world: World, _ td: ResourceID) throws -> [TDLifecycle.Call] {
        let pages = try world.domain(td).pages.map(\.id)
        return [.flushVCPU(0), .flushDone] + world.engine.platform.packages.map { .writeBack($0, resume: false) }
            + [.freeKey] + pages.reversed().map { .reclaimPage($0) } + [.writeBackTDR]
    }

    @Test("A TD built leaf by leaf is the one a creation builds, and is taken down leaf by leaf to its tombstone")
    func byHand() throws {
        let world = try World()
        let before = world.capacity
        let td = try built(world)
        let (twin, _) = try world.create(world.spec(vcpus: 1))
        let (mine, other) = (try world.domain(td), try world.domain(twin))
        #expect(mine.phase == .initialized)
        #expect(mine.heldCounts == other.heldCounts)
        #expect(mine.configuredPackages == other.configuredPackages && mine.vcpusInitialized == other.vcpusInitialized)
        world.expectInvariants("the build by hand")
        for call in try teardown(world, td) {
            #expect(try world.raw(td, call) == .success, "\(call)")
            world.expectInvariants("\(call)")
        }
        #expect(try world.domain(td).phase == .deleted)
        _ = try world.delete(twin)
        #expect(world.capacity == before)
        #expect(throws: LifecycleError.self) { try world.raw(td, .freeKey) }
    }

    @Test("A TD taken down half by hand is taken down the rest of the way by DELETE", arguments: 0..<19)
    func halfByHand(_ count: Int) throws {
        let world = try World()
        let before = world.capacity
        let td = try built(world)
        for call in try teardown(world, td).prefix(count) { #expect(try world.raw(td, call) == .success) }
        #expect(try world.delete(td).state == .succeeded)
        #expect(world.capacity == before)
        world.expectInvariants("\(count) leaves and a DELETE")
    }

    @Test("A TD built half by hand is taken down by DELETE", arguments: 0..<15)
    func halfBuilt(_ count: Int) throws {
        let world = try World()
        let before = world.capacity
        let (td, _) = try world.create(world.spec(until: .tdrCreated))
        let build: [TDLifecycle.Call] =
            world.engine.platform.packages.map { .configureKey($0) } + Array(repeating: .addTDCSPage, count: 6)
            + [.initialize, .createVCPU(VCPUSpec())] + Array(repeating: .addTDCXPage(vcpu: 0), count: 5)
        for call in build.prefix(count) { #expect(try world.raw(td, call) == .success) }
        world.expectInvariants("\(count) leaves")
        #expect(try world.delete(td).state == .succeeded)
        #expect(world.capacity == before)
    }

    @Test("The module's refusals are shown raw, and nothing has changed")
    func refusals() throws {
        let world = try World(tolerating: [.vpFlushSkipped, .keyPartlyConfigured])
        let (td, _) = try world.create(world.spec(until: .tdrCreated))
        func expect(_ call: TDLifecycle.Call, _ completion: Completion, recover: Bool = false) throws {
            let before = try world.domain(td)
            let operation = try world.step(td, call, recover: recover)
            #expect(operation.state == .failed)
            #expect(operation.stepRecord?.completion?.code == completion.code, "\(call)")
            #expect(operation.stepRecord?.handledAs == .failed)
            let after = try world.domain(td)
            #expect(after.lifecycle == before.lifecycle && after.pages.map(\.id) == before.pages.map(\.id))
            world.expectInvariants("a refused \(call)")
        }
        for recover in [true, false] {
            try expect(.addTDCSPage, .tdKeysNotConfigured, recover: recover)
            try expect(.initialize, .tdKeysNotConfigured, recover: recover)
        }
        for package in world.engine.platform.packages { _ = try world.raw(td, .configureKey(package)) }
        try expect(.configureKey(Package(rawValue: 0)), .lifecycleStateIncorrect)
        try expect(.createVCPU(VCPUSpec()), .tdcsNotAllocated)
        try expect(.freeKey, .lifecycleStateIncorrect)
        for _ in 0..<6 { _ = try world.raw(td, .addTDCSPage) }
        try expect(.createVCPU(VCPUSpec()), .opStateIncorrect)
        _ = try world.raw(td, .initialize)
        try expect(.initialize, .opStateIncorrect)
        _ = try world.raw(td, .createVCPU(VCPUSpec()))
        try expect(.initializeVCPU(0), .tdcxNumIncorrect)
        for _ in 0..<5 { _ = try world.raw(td, .addTDCXPage(vcpu: 0)) }
        _ = try world.raw(td, .initializeVCPU(0))
        try expect(.flushDone, .flushVPNotDone)
        let page = try #require(try world.domain(td).pages.last?.id)
        try expect(.reclaimPage(page), .lifecycleStateIncorrect)
        _ = try world.raw(td, .flushVCPU(0))
        try expect(.flushVCPU(0), .vcpuNotAssociated)
        _ = try world.raw(td, .flushDone)
        try expect(.freeKey, .wbCacheNotComplete)
        try expect(.writeBack(Package(rawValue: 0), resume: true), .wbCacheResumeError)
        try expect(.writeBack(Package(rawValue: 0), resume: true), .wbCacheResumeError, recover: true)
        #expect(try world.delete(td).state == .succeeded)
    }

    @Test("recover: false shows a busy lock after one call; recover: true waits for it")
    func busy() throws {
        let world = try World()
        let (td, _) = try world.create(world.spec())
        #expect(world.fake.hold(.keyTable))
        let calls = world.port.calls
        let operation = try world.step(td, .flushDone, recover: false)
        #expect(world.port.calls == calls + 1)
        #expect(operation.stepRecord?.completion == Completion(.operandBusy, operand: .kot))
        #expect(operation.stepRecord?.attempt == 1)
        let request = StepRequest(call: .flushDone)
        let (_, id) = try world.engine.step(.id(td), request, by: world.lab)
        for _ in 0..<5 { world.scheduler.runOne() }
        let stuck = try world.engine.operation(id)
        #expect(stuck.state == .running && stuck.stuck?.attempts ?? 0 >= 4)
        #expect(world.fake.release(.keyTable))
        let ended = try world.end(id)
        #expect(ended.state == .succeeded && ended.stepRecord?.completion == .success)
        #expect(ended.stepRecord?.attempt ?? 0 > 4)
        #expect(try world.domain(td).lifecycle == .blocked)
        world.expectInvariants("a lock that was held")
    }

    @Test("A step that stays busy fails with its record and leaves all as it was")
    func busyForEver() throws {
        let world = try World()
        let (td, _) = try world.create(world.spec())
        world.port.arm(.answer(Completion(.operandBusy, operand: .rcx)), on: .mngVPFlushDone, times: .max)
        let operation = try world.step(td, .flushDone)
        guard case .busy(let record) = operation.failure else {
            Issue.record("it ended with \(String(describing: operation.failure))")
            return
        }
        #expect(operation.stepRecord?.id == record.id)
        #expect(try world.domain(td).phase == .initialized)
        world.port.disarm()
        try world.expectDeletable(td, "a busy step")
    }

    @Test("Settings for an initialised TD or vCPU change nothing it is")
    func settingsOfTheInitialised() throws {
        let world = try World()
        let (td, _) = try world.create(world.spec(maxVCPUs: 4, vcpus: 1))
        var request = StepRequest(call: .initialize, recover: false, spec: world.spec(maxVCPUs: 100))
        #expect(
            try world.end(try world.engine.step(.id(td), request, by: world.lab).operation).stepRecord?.completion?.code
                == Completion.opStateIncorrect.code)
        request = StepRequest(call: .initializeVCPU(0), recover: false, vcpuSpec: VCPUSpec(initialRCX: 7))
        #expect(
            try world.end(try world.engine.step(.id(td), request, by: world.lab).operation).stepRecord?.completion?.code
                == Completion.vcpuStateIncorrect.code)
        #expect(try world.domain(td).spec.maxVCPUs == 4)
        #expect(try world.domain(td).vcpus[0].spec.initialRCX == 0)
    }

    @Test("INIT can be repeated with a corrected spec")
    func correctedSpec() throws {
        let world = try World()
        let (td, _) = try world.create(world.spec(until: .tdcsAdded))
        var bad = world.spec()
        bad.attributes = TDAttributes(rawValue: 1 << 31 | 1 << 28)
        let refused = try world.end(
            try world.engine.step(.id(td), StepRequest(call: .initialize, spec: bad), by: world.lab).operation)
        #expect(refused.stepRecord?.completion == Completion(.operandInvalid, operand: .attributes))
        let accepted = try world.end(
            try world.engine.step(.id(td), StepRequest(call: .initialize, spec: world.spec()), by: world.lab).operation)
        #expect(accepted.state == .succeeded)
        #expect(try world.domain(td).spec.attributes == .septVEDisable)
        #expect(try world.domain(td).phase == .initialized)
    }

    @Test("A flush on another processor than the vCPU's is said to be done, and the vCPU stays where it is")
    func flushElsewhere() throws {
        let world = try World()
        let (td, _) = try world.create(world.spec())
        let specs = [VCPUSpec(processor: Processor(rawValue: 2))]
        _ = try world.end(try world.engine.createVCPUs(.id(td), specs, by: world.lab).operation)
        let operation = try world.step(td, .flushVCPU(0), on: Processor(rawValue: 1))
        #expect(operation.stepRecord?.handledAs == .treatedAsDone)
        #expect(try world.domain(td).vcpus[0].association?.processor == Processor(rawValue: 2))
        world.expectInvariants("a flush elsewhere")
        try world.expectDeletable(td, "a flush elsewhere")
    }

    @Test("A call for one package is refused a processor of another")
    func processorElsewhere() throws {
        let world = try World()
        let (td, _) = try world.create(world.spec(until: .tdrCreated))
        let request = StepRequest(call: .configureKey(Package(rawValue: 1)), processor: Processor(rawValue: 0))
        #expect(throws: LifecycleError.self) { try world.engine.step(.id(td), request, by: world.lab) }
        #expect(try world.step(td, request.call, on: Processor(rawValue: 3)).stepRecord?.processor.rawValue == 3)
    }

    @Test("A step on what is not there is refused before a call")
    func unknownThings() throws {
        let world = try World()
        let (td, _) = try world.create(world.spec(vcpus: 1))
        #expect(throws: LifecycleError.self) { try world.raw(td, .flushVCPU(1)) }
        #expect(throws: LifecycleError.self) { try world.raw(td, .reclaimPage(ResourceID(.page, 7))) }
        #expect(throws: LifecycleError.self) { try world.raw(td, .writeBack(Package(rawValue: 9), resume: false)) }
        #expect(throws: LifecycleError.self) { try world.step(td, .flushDone, on: Processor(rawValue: 77)) }
        world.expectInvariants("refused steps")
    }

    @Test("x2APIC ids are refused before a call, since this module does not take them")
    func x2apic() throws {
        let world = try World()
        let (td, _) = try world.create(world.spec())
        let calls = world.port.calls
        #expect {
            try world.engine.createVCPUs(.id(td), [VCPUSpec(x2apicID: 0)], by: world.lab)
        } throws: { error in
            if case LifecycleError.lacksVPInitX2APICID = error { true } else { false }
        }
        #expect(world.port.calls == calls)
        world.expectInvariants("a refusal")
    }
}

extension World {
    /// A step's answer as the module gave it.
    @discardableResult
    func raw(_ td: ResourceID, _ call: TDLifecycle.Call) throws -> Completion? {
        try step(td, call, recover: false).stepRecord?.completion
    }
}
