import FakeTDX
import TDXCalls
import Testing
import Threading

@testable import TDLifecycle

@Suite("Write-backs are shared")
struct WriteBackTests {
    private let first = Package(rawValue: 0)

    /// A host whose steps are one call, so that TDs take turns, and whose write-backs take eight calls.
    private func slow(packages: Int = 2) throws -> World {
        var limits = EngineLimits()
        limits.stepCalls = 1
        return try World(
            platform: .oracle(processors: 4, packages: packages), limits: limits,
            timing: FakeTiming(cacheWriteBack: .microseconds(80), cacheWriteBackSlice: .microseconds(10)))
    }

    /// Write-backs begun, from whichever TD.
    private func starts(_ world: World) -> Int {
        world.engine.records(RecordFilter(leaf: Leaf.phymemCacheWB.number), limit: 10_000).rows
            .count { $0.input.rcx == 0 && $0.completion?.code != Completion.operandBusy.code }
    }

    @Test("TDs taken down at once share them: all succeed, with fewer runs than one each", arguments: [2, 5])
    func atOnce(_ count: Int) throws {
        let world = try slow()
        let before = world.capacity
        let tds = try (0..<count).map { _ in try world.create(world.spec(vcpus: 1)).td }
        let operations = try tds.map { try world.engine.deleteTD(.id($0), by: world.lab).operation }
        world.scheduler.runUntilQuiet()
        for operation in operations { #expect(try world.engine.operation(operation).state == .succeeded) }
        #expect(world.capacity == before)
        #expect(starts(world) < count * 2, "\(starts(world)) runs for \(count) TDs on two packages")
        world.expectInvariants("\(count) deletions at once")
    }

    @Test("An interrupted write-back is resumed, wherever it is interrupted", arguments: 1...14)
    func interrupted(_ poll: Int) throws {
        let world = try World()
        let before = world.capacity
        let (td, _) = try world.create(world.spec(vcpus: 1))
        world.fake.orderInterrupt(atPoll: poll)
        let operation = try world.delete(td)
        #expect(operation.state == .succeeded)
        let writeBacks = world.records(td).filter { $0.leaf == .phymemCacheWB }
        #expect(writeBacks.count == 3)
        #expect(writeBacks.count { $0.handledAs == .resumed } == 1)
        #expect(writeBacks.count { $0.input.rcx == 1 } == 1)
        #expect(world.capacity == before)
        world.expectInvariants("an interrupt at poll \(poll)")
    }

    @Test("A lock met on resumption costs a try, not what has been written back")
    func busyResumption() throws {
        let world = try slow()
        let (td, _) = try world.create(world.spec())
        let (_, id) = try world.engine.deleteTD(.id(td), by: world.lab)
        _ = world.scheduler.run(until: { world.records(td).last?.handledAs == .resumed })
        world.port.arm(.answer(Completion(.operandBusy, operand: .kot)), on: .phymemCacheWB, times: 3)
        #expect(try world.end(id).state == .succeeded)
        #expect(starts(world) == 2)
        world.expectInvariants("a busy resumption")
    }

    @Test("A write-back that is interrupted for ever is given up, and the next DELETE goes on")
    func interruptedForEver() throws {
        var limits = EngineLimits()
        limits.resumptionsMax = 20
        let world = try World(limits: limits)
        let (td, _) = try world.create(world.spec())
        world.port.arm(.answer(.interruptedResumable), on: .phymemCacheWB, times: .max)
        let operation = try world.delete(td)
        #expect(operation.state == .failed)
        guard case .busy = operation.failure else {
            Issue.record("it ended with \(String(describing: operation.failure))")
            return
        }
        #expect(try world.domain(td).phase == .tearingDown)
        world.expectInvariants("a write-back without end")
        world.port.disarm()
        try world.expectDeletable(td, "a write-back without end")
    }

    @Test("One that the module says has nothing to resume starts anew")
    func nothingToResume() throws {
        let world = try slow()
        let (td, _) = try world.create(world.spec())
        let (_, id) = try world.engine.deleteTD(.id(td), by: world.lab)
        _ = world.scheduler.run(until: { world.records(td).last?.handledAs == .resumed })
        world.port.arm(.answer(.wbCacheResumeError), on: .phymemCacheWB)
        #expect(try world.end(id).state == .succeeded)
        #expect(starts(world) == 3)
    }

    @Test("Those who wait go on when the owner is quarantined, and when it gives up")
    func ownerEnds() throws {
        for answer in [Completion(.operandInvalid, operand: .rcx), Completion(.operandBusy, operand: .wbCache)] {
            let world = try slow(packages: 1)
            let tds = try (0..<3).map { _ in try world.create(world.spec()).td }
            let operations = try tds.map { try world.engine.deleteTD(.id($0), by: world.lab).operation }
            func waiting() -> Int {
                world.engine.state.withLock { $0.waitingForWriteBack.values.reduce(0) { $0 + $1.count } }
            }
            #expect(world.scheduler.run(until: { waiting() == 2 }))
            // The one that writes back meets this; those that wait do not call.
            world.port.arm(.answer(answer), on: .phymemCacheWB, times: answer.isNonRecoverable ? 1 : .max)
            _ = world.scheduler.run(until: { operations.contains { isOver(world, $0) } })
            world.port.disarm()
            world.scheduler.runUntilQuiet()
            let states = try operations.map { try world.engine.operation($0).state.rawValue }.sorted()
            #expect(states == [answer.isNonRecoverable ? "quarantined" : "failed", "succeeded", "succeeded"].sorted())
            world.expectInvariants("an owner that ended")
            for td in tds { try world.expectDeletable(td, "an owner that ended") }
        }
    }

    private func isOver(_ world: World, _ id: ResourceID) -> Bool {
        (try? world.engine.operation(id).state.isTerminal) ?? true
    }

    @Test("One that a lab left interrupted is resumed by the lab, and counts for the TD")
    func labResumes() throws {
        let world = try World()
        let before = world.capacity
        let (td, _) = try world.create(world.spec())
        try world.raw(td, .flushDone)
        world.fake.orderInterrupt(atPoll: 3)
        #expect(try world.raw(td, .writeBack(first, resume: false))?.code == Completion.interruptedResumable.code)
        world.expectInvariants("a raw interruption")
        #expect(try world.domain(td).writtenBackPackages == [])
        #expect(try world.raw(td, .writeBack(first, resume: true)) == .success)
        #expect(try world.domain(td).writtenBackPackages == [first])
        let number = try #require(try world.domain(td).keyID)
        #expect(world.engine.keyID(number)?.packages.first?.writeBack == .done)
        world.expectInvariants("a raw resumption")
        #expect(try world.delete(td).state == .succeeded)
        #expect(starts(world) == 2)
        #expect(world.capacity == before)
    }

    @Test("One that a lab left interrupted keeps nobody waiting")
    func labLeavesOne() throws {
        let world = try World()
        let (lab, _) = try world.create(world.spec())
        let (other, _) = try world.create(world.spec())
        try world.raw(lab, .flushDone)
        world.fake.orderInterrupt(atPoll: 3)
        try world.raw(lab, .writeBack(first, resume: false))
        #expect(try world.delete(other).state == .succeeded)
        // The other's run began after the lab's TD was flushed, so it was done for both.
        let calls = world.port.calls
        #expect(try world.delete(lab).state == .succeeded)
        #expect(world.records(lab).suffix(world.port.calls - calls).allSatisfy { $0.leaf != .phymemCacheWB })
        world.expectInvariants("a run a lab had left")
    }

    @Test("A run that began before a TD was flushed does nothing for it, even if it ends it")
    func resumedByAnother() throws {
        let world = try World()
        let (lab, _) = try world.create(world.spec())
        let (late, _) = try world.create(world.spec())
        try world.raw(lab, .flushDone)
        world.fake.orderInterrupt(atPoll: 3)
        try world.raw(lab, .writeBack(first, resume: false))
        try world.raw(late, .flushDone)
        #expect(try world.raw(late, .writeBack(first, resume: true)) == .success)
        #expect(try world.domain(late).writtenBackPackages == [])
        world.expectInvariants("another's resumption")
        #expect(try world.raw(late, .writeBack(Package(rawValue: 1), resume: false)) == .success)
        #expect(try world.raw(late, .freeKey)?.code == Completion.wbCacheNotComplete.code)
        try world.expectDeletable(late, "another's resumption")
        try world.expectDeletable(lab, "another's resumption")
    }

    @Test("A lab may write a package back as often as it likes", arguments: [true, false])
    func repeated(_ recover: Bool) throws {
        let world = try World()
        let (td, _) = try world.create(world.spec())
        try world.raw(td, .flushDone)
        for _ in 0..<3 {
            let operation = try world.step(td, .writeBack(first, resume: false), recover: recover)
            #expect(operation.stepRecord?.completion == .success)
        }
        try world.expectDeletable(td, "three write-backs")
    }

    @Test("A raw write-back in the middle of another's run costs the owner nothing but time")
    func trampling() throws {
        let world = try slow()
        let (lab, _) = try world.create(world.spec())
        try world.raw(lab, .flushDone)
        let (td, _) = try world.create(world.spec())
        let (_, id) = try world.engine.deleteTD(.id(td), by: world.lab)
        _ = world.scheduler.run(until: { world.records(td).last?.handledAs == .resumed })
        let package = try #require(world.records(td).last?.package)
        let request = StepRequest(call: .writeBack(package, resume: false), recover: false)
        let (_, step) = try world.engine.step(.id(lab), request, by: world.lab)
        #expect(try world.end(id).state == .succeeded)
        #expect(try world.engine.operation(step).state.isTerminal)
        world.expectInvariants("trampling")
        try world.expectDeletable(lab, "trampling")
    }

    @Test("FREEID that finds a package not written back has it written back again")
    func notComplete() throws {
        let world = try World()
        let (td, _) = try world.create(world.spec())
        try world.raw(td, .flushDone)
        for package in world.engine.platform.packages { try world.raw(td, .writeBack(package, resume: false)) }
        world.port.arm(.answer(.wbCacheNotComplete), on: .mngKeyFreeID)
        let calls = world.port.calls
        #expect(try world.delete(td).state == .succeeded)
        let leaves = world.records(td).suffix(world.port.calls - calls).prefix(4).map(\.leaf)
        #expect(leaves == [.mngKeyFreeID, .phymemCacheWB, .phymemCacheWB, .mngKeyFreeID])
        world.expectInvariants("a second write-back")
    }

    @Test("VPFLUSHDONE that finds a vCPU associated has every vCPU flushed on every processor")
    func lostAssociation() throws {
        let world = try World(tolerating: [.vpFlushSkipped])
        let (td, _) = try world.create(world.spec(vcpus: 2))
        for number in 0..<2 { try world.raw(td, .flushVCPU(number)) }
        // Behind the engine's back.
        let module = TDXModule(calls: world.fake, host: world.fake)
        let field = try #require(FieldInfo.named("PEND_NMI", in: .vp)?.id)
        _ = try module.tdh_vp_rd(try world.domain(td).vcpus[1].vp, field, on: Processor(rawValue: 3))
        let operation = try world.delete(td)
        #expect(operation.state == .succeeded)
        #expect(world.records(td).count { $0.leaf == .vpFlush } == 2 + 2 * 4)
        world.expectInvariants("a lost association")
    }
}
