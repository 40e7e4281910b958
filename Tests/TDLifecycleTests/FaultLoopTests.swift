import TDXCalls
import Testing

@testable import TDLifecycle

/// Fails the first, the second, ... call of an operation until the fault no longer fires, and looks each time
/// whether everything is where it belongs.
@Suite("Every fault at every call")
struct FaultLoopTests {
    enum Fault: String, CaseIterable, CustomTestStringConvertible {
        case busyOnce, busyForEver, operandInvalid, pageMetadata, lifecycleState, fatal, notExecuted
        case unknownNotDone, unknownDone, noEntropy, keyGeneration, flushNotDone, writeBackNotComplete

        var testDescription: String { rawValue }

        var what: (fault: ScriptedPort.Fault, times: Int) {
            switch self {
            case .busyOnce: (.answer(Completion(.operandBusy, operand: .rcx)), 1)
            case .busyForEver: (.answer(Completion(.operandBusy, operand: .kot)), .max)
            case .operandInvalid: (.answer(Completion(.operandInvalid, operand: .rdx)), 1)
            case .pageMetadata: (.answer(Completion(.pageMetadataIncorrect, operand: .rcx)), 1)
            case .lifecycleState: (.answer(.lifecycleStateIncorrect), 1)
            case .fatal: (.answer(.tdFatal), 1)
            case .notExecuted: (.fail(PortError(.notExecuted, "the shim is not there")), 1)
            case .unknownNotDone: (.fail(PortError(.outcomeUnknown, "the line went dead before")), 1)
            case .unknownDone: (.failAfter(PortError(.outcomeUnknown, "the line went dead after")), 1)
            case .noEntropy: (.answer(.rndNoEntropy), TDXModule.entropyAttemptsMax)
            case .keyGeneration: (.answer(.keyGenerationFailed), 1)
            case .flushNotDone: (.answer(.flushVPNotDone), 1)
            case .writeBackNotComplete: (.answer(.wbCacheNotComplete), 1)
            }
        }

        /// Whether the engine is to get over it by itself, whatever the call.
        var passes: Bool {
            switch self {
            case .busyOnce, .noEntropy, .keyGeneration: true
            default: false
            }
        }

        var isUnknown: Bool { self == .unknownDone || self == .unknownNotDone }
    }

    @Test("A creation with two vCPUs survives it", arguments: Fault.allCases)
    func creation(_ fault: Fault) throws {
        try loop(fault, prepare: { _ in nil }) { world, _ in
            try world.engine.createTD(world.request(world.spec(vcpus: 2)), by: world.lab)
        } check: { world, operation in
            let domain = try world.domain(operation.td)
            switch operation.state {
            case .succeeded: #expect(domain.phase == .initialized && domain.vcpusInitialized == 2)
            case .quarantined: #expect(fault.isUnknown && operation.rollback == .incomplete)
            case .failed:
                // What goes on failing keeps the rollback from its end, too.
                let isStuck = fault == .busyForEver && domain.td != nil
                #expect(operation.rollback == (isStuck ? .incomplete : .done))
                #expect(isStuck ? operation.residue?.pages == domain.pages.count : operation.residue == nil)
            default: Issue.record("it ended \(operation.state)")
            }
        }
    }

    @Test("Adding two vCPUs survives it", arguments: Fault.allCases)
    func vcpus(_ fault: Fault) throws {
        try loop(fault, prepare: { try $0.create($0.spec(vcpus: 1)).td }) { world, td in
            try world.engine.createVCPUs(.id(try #require(td)), [VCPUSpec(), VCPUSpec()], by: world.lab)
        } check: { world, operation in
            let domain = try world.domain(operation.td)
            #expect(operation.rollback == .notNeeded)
            switch operation.state {
            case .succeeded: #expect(domain.vcpusInitialized == 3)
            case .quarantined: #expect(fault.isUnknown)
            case .failed:
                #expect(domain.vcpusInitialized < 3)
                #expect(domain.phase == (fault == .fatal ? .failed : .initialized))
                #expect(operation.residue?.pages ?? 0 == domain.pages.count - 13)
                guard fault != .fatal, fault != .busyForEver else { return }
                // The same request goes on where it stopped, and wastes nothing.
                let (_, id) = try world.engine.createVCPUs(.id(domain.id), [VCPUSpec(), VCPUSpec()], by: world.lab)
                #expect(try world.end(id).state == .succeeded)
                let repeated = try world.domain(operation.td)
                #expect(repeated.vcpusInitialized == 3 && repeated.pages.count == 25)
            default: Issue.record("it ended \(operation.state)")
            }
        }
    }

    @Test("A deletion survives it", arguments: Fault.allCases)
    func deletion(_ fault: Fault) throws {
        try loop(fault, prepare: { try $0.create($0.spec(vcpus: 2)).td }) { world, td in
            try world.engine.deleteTD(.id(try #require(td)), by: world.lab)
        } check: { world, operation in
            let domain = try world.domain(operation.td)
            switch operation.state {
            case .succeeded: #expect(domain.isDeleted)
            case .quarantined: #expect(!domain.quarantine.isEmpty)
            case .failed: #expect(fault == .busyForEver || fault == .notExecuted)
            default: Issue.record("it ended \(operation.state)")
            }
            if fault.passes { #expect(operation.state == .succeeded) }
        }
    }

    @Test("A teardown that stays busy after a page was quarantined leaves nothing between held and quarantined")
    func busyAfterQuarantine() throws {
        let world = try World()
        let (td, _) = try world.create(world.spec(vcpus: 1))
        // Call 8 is the third page: a flush, VPFLUSHDONE, two write-backs, FREEID, and two pages come before it.
        world.port.arm(.answer(Completion(.pageMetadataIncorrect, operand: .rcx)), atCall: 8)
        world.port.arm(.answer(Completion(.operandBusy, operand: .tdr)), atCall: 9, times: .max)
        let operation = try world.delete(td)
        #expect(operation.state == .quarantined)
        let domain = try world.domain(td)
        #expect(domain.phase == .quarantined && domain.pages.count == 11 && domain.quarantine.count == 11)
        #expect(domain.quarantine.first?.completion?.code == Completion.pageMetadataIncorrect.code)
        #expect(domain.quarantine.last?.completion?.code == Completion.operandBusy.code)
        world.expectInvariants("both")
        #expect(throws: LifecycleError.self) { try world.engine.deleteTD(.id(td), by: world.lab) }
    }

    /// What a lab does in a TD's life, each leaf once, with how the TD is made ready for it.
    private static let labSteps:
        [(name: String, stage: BuildStage, before: [TDLifecycle.Call], call: TDLifecycle.Call)] = {
            let first = Package(rawValue: 0)
            let vcpu: [TDLifecycle.Call] =
                [.createVCPU(VCPUSpec())] + Array(repeating: .addTDCXPage(vcpu: 0), count: 5)
            let blocked: [TDLifecycle.Call] = [.flushDone]
            let writeBacks: [TDLifecycle.Call] = [0, 1].map { .writeBack(Package(rawValue: $0), resume: false) }
            return [
                ("configure-key", .tdrCreated, [], .configureKey(first)),
                ("add-tdcs-page", .keysConfigured, [], .addTDCSPage),
                ("init", .tdcsAdded, [], .initialize),
                ("vcpu create", .initialized, [], .createVCPU(VCPUSpec())),
                ("add-tdcx-page", .initialized, Array(vcpu.prefix(1)), .addTDCXPage(vcpu: 0)),
                ("vcpu init", .initialized, vcpu, .initializeVCPU(0)),
                ("flush", .initialized, vcpu + [.initializeVCPU(0)], .flushVCPU(0)),
                ("flush-done", .initialized, [], .flushDone),
                ("write-back", .initialized, blocked, .writeBack(first, resume: false)),
                ("free-key", .initialized, blocked + writeBacks, .freeKey),
            ]
        }()

    @Test("A lab step survives it", arguments: Fault.allCases)
    func steps(_ fault: Fault) throws {
        let world = try World()
        for (name, stage, before, call) in Self.labSteps {
            for recover in [true, false] {
                let (td, _) = try world.create(world.spec(until: stage))
                for call in before { #expect(try world.raw(td, call) == .success) }
                let row = try world.domain(td)
                let (what, times) = fault.what
                world.port.arm(what, atCall: 1, times: times)
                let operation = try world.step(td, call, recover: recover)
                world.expectInvariants("\(fault) at \(name)")
                // Entropy is retried below the engine too, but no longer than there.
                let passes = fault.passes && recover
                #expect(operation.state == (passes ? .succeeded : fault.isUnknown ? .quarantined : .failed))
                #expect(operation.stepRecord != nil && operation.rollback == .notNeeded)
                if operation.state == .failed {
                    let after = try world.domain(td)
                    #expect(after.lifecycle == row.lifecycle && after.pages == row.pages, "\(fault) at \(name)")
                    #expect(after.isFatal == (fault == .fatal))
                }
                world.port.disarm()
                try world.expectDeletable(td, "\(fault) at \(name)")
            }
        }
    }

    @Test("Reclaiming and writing back the TDR as lab steps survive it", arguments: Fault.allCases)
    func lastSteps(_ fault: Fault) throws {
        for isLast in [false, true] {
            let world = try World()
            let (td, _) = try world.create(world.spec(until: .tdrCreated))
            let writeBacks: [TDLifecycle.Call] = [0, 1].map { .writeBack(Package(rawValue: $0), resume: false) }
            for call in [.flushDone] + writeBacks + [.freeKey] { #expect(try world.raw(td, call) == .success) }
            let page = try #require(try world.domain(td).pages.first?.id)
            if isLast { #expect(try world.raw(td, .reclaimPage(page)) == .success) }
            let (what, times) = fault.what
            world.port.arm(what, atCall: 1, times: times)
            let operation = try world.step(td, isLast ? .writeBackTDR : .reclaimPage(page))
            #expect(
                operation.state == (fault.passes ? .succeeded : fault.isUnknown ? .quarantined : .failed))
            world.expectInvariants("\(fault)")
            world.port.disarm()
            try world.expectDeletable(td, "\(fault)")
        }
    }

    /// Runs `submit` with the fault at the first, second, ... call of the operation.
    private func loop(
        _ fault: Fault, prepare: (World) throws -> ResourceID?,
        submit: (World, ResourceID?) throws -> (td: ResourceID, operation: ResourceID),
        check: (World, TDLifecycle.Operation) throws -> Void
    ) throws {
        var world = try World()
        for nth in 1...200 {
            if world.engine.capacity.keyIDs.quarantined > 20 { world = try World() }
            let td = try prepare(world)
            let (what, times) = fault.what
            let before = world.port.fired
            world.port.arm(what, atCall: nth, times: times)
            let operation = try world.end(try submit(world, td).operation)
            let fired = world.port.fired - before
            #expect(operation.state.isTerminal)
            if fired == 0 { #expect(operation.state == .succeeded) }
            if fault.passes, fired > 0 {
                #expect(operation.state == .succeeded, "\(fault) at call \(nth)")
            }
            world.expectInvariants("\(fault) at call \(nth)")
            try check(world, operation)
            world.port.disarm()
            try world.expectDeletable(operation.td, "\(fault) at call \(nth)")
            if fired == 0 {
                #expect(nth > 10, "the fault fired at least at ten calls")
                try world.expectCycle()
                return
            }
        }
        Issue.record("the fault never ceased to fire")
    }
}

extension World {
    /// A TD that is not quarantined can be deleted, and nothing of it stays.
    func expectDeletable(_ td: ResourceID, _ after: String) throws {
        let domain = try domain(td)
        guard domain.quarantine.isEmpty, !domain.isDeleted else { return }
        #expect(try delete(td).state == .succeeded, "deletion after \(after)")
        #expect(try self.domain(td).isDeleted)
        expectInvariants("deletion after \(after)")
    }

    /// A whole life goes well and leaves everything as it was.
    func expectCycle() throws {
        let before = capacity
        let (td, creation) = try create(spec(vcpus: 2))
        #expect(creation.state == .succeeded)
        #expect(try delete(td).state == .succeeded)
        #expect(capacity == before)
        expectInvariants("a whole life")
    }
}
