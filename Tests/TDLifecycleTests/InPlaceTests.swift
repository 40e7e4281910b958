import FakeTDX
import TDXCalls
import Testing
import Threading

@testable import TDLifecycle

@Suite("Operations that begin on the thread that asks for them")
struct InPlaceTests {
    @Test("A creation and a deletion have ended when their ids are told, and nothing was queued")
    func ended() throws {
        let world = try World(startsInPlace: true)
        let before = world.capacity
        let (td, creation) = try world.engine.createTD(world.request(world.spec(vcpus: 2)), by: world.lab)
        let created = try world.engine.operation(creation)
        #expect(created.state == .succeeded)
        #expect(created.progress.done == created.progress.total)
        #expect(try world.domain(td).phase == .initialized)
        #expect(try world.domain(td).activeOperation == nil)
        #expect(world.records(td).count == created.plan.callCount)
        let (_, deletion) = try world.engine.deleteTD(.id(td), by: world.lab)
        #expect(try world.engine.operation(deletion).state == .succeeded)
        #expect(try world.domain(td).phase == .deleted)
        #expect(world.scheduler.runOne() == false)
        #expect(world.capacity == before)
        world.expectInvariants("a life in place")
    }

    @Test("Who waits for the end of what ended in place is told at once")
    func told() throws {
        let world = try World(startsInPlace: true)
        let (_, creation) = try world.engine.createTD(world.request(world.spec()), by: world.lab)
        let told = Locked<[TDLifecycle.Operation.State]>([])
        try world.engine.awaitEnd(of: creation, timeout: .seconds(30)) { operation in
            told.withLock { $0.append(operation.state) }
        }
        #expect(told.withLock { $0 } == [.succeeded])
        #expect(world.scheduler.runOne() == false)
    }

    @Test("After the leaves it may make in place the scheduler's threads go on, and meanwhile it is seen running")
    func bounded() throws {
        var limits = EngineLimits()
        limits.stepCallsInPlace = 3
        let world = try World(limits: limits, startsInPlace: true)
        let (td, creation) = try world.engine.createTD(world.request(world.spec(vcpus: 2)), by: world.lab)
        let running = try world.engine.operation(creation)
        #expect(running.state == .running)
        #expect(running.progress.done == 3)
        #expect(world.port.calls == 3)
        #expect(try world.domain(td).activeOperation == creation)
        #expect(try world.end(creation).state == .succeeded)
        world.expectInvariants("a creation in two parts")
    }

    @Test(
        "Nothing begins in place where calls take time",
        arguments: [
            FakeTiming(cacheWriteBack: .microseconds(1)), FakeTiming(keyConfiguration: .microseconds(1)),
            FakeTiming(call: .microseconds(1)),
        ])
    func slow(timing: FakeTiming) throws {
        let world = try World(timing: timing, startsInPlace: true)
        let (_, creation) = try world.engine.createTD(world.request(world.spec()), by: world.lab)
        #expect(world.port.calls == 0)
        #expect(try world.engine.operation(creation).state == .pending)
        #expect(try world.end(creation).state == .succeeded)
    }

    @Test("Where a store lasts, the intent and what is reserved are written before the first leaf")
    func lasting() throws {
        let store = SlowStore()
        let world = try World(store: store, startsInPlace: true)
        _ = try world.engine.createTD(world.request(world.spec()), by: world.lab)
        world.scheduler.runUntilQuiet()
        #expect(world.port.calls == 0)
        // The intent; then the reservation.
        #expect(store.completeOne())
        world.scheduler.runUntilQuiet()
        #expect(world.port.calls == 0)
        #expect(store.completeOne())
        world.scheduler.runUntilQuiet()
        #expect(world.port.calls > 0)
        while store.completeOne() { world.scheduler.runUntilQuiet() }
        world.expectInvariants("a creation with a store that lasts")
    }

    @Test("A refusal of any of its leaves leaves nothing behind that is not accounted for")
    func refusals() throws {
        for number in 1...50 {
            let world = try World(startsInPlace: true)
            let before = world.capacity
            world.port.arm(.answer(.operandBusy), atCall: number, times: 6)
            let (td, creation) = try world.engine.createTD(world.request(world.spec(vcpus: 2)), by: world.lab)
            #expect(try world.end(creation).state == .succeeded, "refused at call \(number)")
            #expect(try world.delete(td).state == .succeeded, "refused at call \(number)")
            #expect(world.port.fired == 6, "refused at call \(number)")
            #expect(world.capacity == before)
            world.expectInvariants("refused at call \(number)")
        }
    }

    @Test("A creation that a leaf refuses for good is taken back before its id is told")
    func takenBack() throws {
        let world = try World(startsInPlace: true)
        let before = world.capacity
        world.port.arm(.answer(.operandInvalid), on: .mngInit)
        let (td, creation) = try world.engine.createTD(world.request(world.spec(vcpus: 2)), by: world.lab)
        let ended = try world.engine.operation(creation)
        #expect(ended.state == .failed)
        #expect(ended.rollback == .done)
        #expect(try world.domain(td).isDeleted)
        #expect(world.capacity == before)
        world.expectInvariants("a creation taken back")
    }
}
