import TDXCalls
import Testing
import Threading

@testable import TDLifecycle

@Suite("Limits of one principal")
struct AllowanceTests {
    private let alice = Requester(principal: "alice", requestID: ResourceID(.request, 1))
    private let bob = Requester(principal: "bob", requestID: ResourceID(.request, 2))

    private func world(operations: Int? = nil, keyIDs: Int? = nil) throws -> World {
        var limits = EngineLimits()
        limits.operationsPerPrincipal = operations
        limits.keyIDsPerPrincipal = keyIDs
        return try World(limits: limits)
    }

    private func reached(_ body: () throws -> Void) -> LimitReached? {
        do {
            try body()
        } catch LifecycleError.limitReached(let reached) {
            return reached
        } catch {
            Issue.record("\(error)")
        }
        return nil
    }

    @Test("A KeyID counts from the request on, for whoever created the TD, until TDH.MNG.KEY.FREEID")
    func keyIDs() throws {
        let world = try world(keyIDs: 2)
        let request = world.request(world.spec())
        let (first, _) = try world.engine.createTD(request, by: alice)
        let (second, _) = try world.engine.createTD(request, by: alice)
        let expected = LimitReached(kind: .keyIDs, principal: "alice", limit: 2, used: 2)
        // Nothing has been issued yet.
        #expect(world.port.calls == 0)
        #expect(reached { _ = try world.engine.createTD(request, by: alice) } == expected)
        #expect(reached { _ = try world.engine.planTD(request, by: alice) } == expected)
        _ = try world.engine.createTD(request, by: bob)
        world.scheduler.runUntilQuiet()
        #expect(reached { _ = try world.engine.createTD(request, by: alice) } == expected)
        // Whoever deletes it, it was alice's.
        _ = try world.end(try world.engine.deleteTD(.id(first), by: bob).operation)
        _ = try world.engine.createTD(request, by: alice)
        world.scheduler.runUntilQuiet()
        for leaf: Call in [.flushDone, .writeBack(Package(rawValue: 0), resume: false)] {
            #expect(try world.step(second, leaf).state == .succeeded)
        }
        #expect(reached { _ = try world.engine.createTD(request, by: alice) } == expected)
        #expect(try world.step(second, .writeBack(Package(rawValue: 1), resume: false)).state == .succeeded)
        #expect(try world.step(second, .freeKey).state == .succeeded)
        // The TD is there still, without its KeyID.
        _ = try world.engine.createTD(request, by: alice)
        world.scheduler.runUntilQuiet()
        world.expectInvariants("the limit")
    }

    @Test("A creation that is taken back no longer counts")
    func takenBack() throws {
        let world = try world(keyIDs: 1)
        world.port.arm(.answer(.operandInvalid), on: .mngInit)
        let request = world.request(world.spec())
        let (_, failed) = try world.engine.createTD(request, by: alice)
        #expect(try world.end(failed).state == .failed)
        let (_, again) = try world.engine.createTD(request, by: alice)
        #expect(try world.end(again).state == .succeeded)
        world.expectInvariants("a creation was taken back")
    }

    @Test("Operations count until they have ended, each kind of them; refusals promise nothing")
    func operations() throws {
        let world = try world(operations: 1)
        let request = world.request(world.spec())
        let (td, _) = try world.engine.createTD(request, by: alice)
        let expected = LimitReached(kind: .operations, principal: "alice", limit: 1, used: 1)
        #expect(reached { _ = try world.engine.createTD(request, by: alice) } == expected)
        #expect(world.engine.state.withLock { $0.ledger.keyIDsPromised } == 1)
        world.scheduler.runUntilQuiet()
        let (_, busy) = try world.engine.createTD(request, by: alice)
        let flush = StepRequest(call: .flushDone)
        #expect(reached { _ = try world.engine.step(.id(td), flush, by: alice) } == expected)
        #expect(reached { _ = try world.engine.createVCPUs(.id(td), [VCPUSpec()], by: alice) } == expected)
        #expect(reached { _ = try world.engine.deleteTD(.id(td), by: alice) } == expected)
        let (_, theirs) = try world.engine.deleteTD(.id(td), by: bob)
        #expect(try world.end(busy).state == .succeeded)
        #expect(try world.end(theirs).state == .succeeded)
        world.expectInvariants("the limit")
    }

    @Test("Asking for a deletion that runs already is no new operation")
    func repeatedDeletion() throws {
        let world = try world(operations: 1)
        let (td, creation) = try world.engine.createTD(world.request(world.spec()), by: alice)
        _ = try world.end(creation)
        let (_, first) = try world.engine.deleteTD(.id(td), by: alice)
        #expect(try world.engine.deleteTD(.id(td), by: alice).operation == first)
        world.scheduler.runUntilQuiet()
    }
}
