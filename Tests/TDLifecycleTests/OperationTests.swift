import FakeTDX
import TDXCalls
import Testing
import Threading

@testable import TDLifecycle

@Suite("Operations")
struct OperationTests {
    /// A host on which each step is one call.
    private func stepwise(stepCalls: Int = 1, store: any LifecycleStore = InMemoryStore()) throws -> World {
        var limits = EngineLimits()
        limits.stepCalls = stepCalls
        return try World(limits: limits, store: store)
    }

    @Test("A creation cancelled after any number of steps is taken back", arguments: [1, 3])
    func cancelCreation(_ stepCalls: Int) throws {
        let world = try stepwise(stepCalls: stepCalls)
        let before = world.capacity
        for steps in 0..<60 {
            let (td, id) = try world.engine.createTD(world.request(world.spec(vcpus: 2), name: "x"), by: world.lab)
            for _ in 0..<steps { world.scheduler.runOne() }
            if try world.engine.operation(id).state.isTerminal {
                #expect(steps > 8, "cancelled before each of \(steps) steps")
                #expect(throws: LifecycleError.self) { try world.engine.cancel(id) }
                try world.expectDeletable(td, "a creation")
                return
            }
            #expect(try world.engine.cancel(id).state == .cancelling)
            #expect(try world.engine.cancel(id).state == .cancelling)
            let hasDoneAll = try world.engine.operation(id).progress.done == 24
            let operation = try world.end(id)
            if hasDoneAll {
                // There is nothing left to cancel.
                #expect(operation.state == .succeeded)
                try world.expectDeletable(td, "a creation")
                continue
            }
            #expect(operation.state == .cancelled && operation.rollback == .done && operation.residue == nil)
            guard case .cancelled = operation.failure else {
                Issue.record("it failed with \(String(describing: operation.failure))")
                return
            }
            #expect(try world.domain(td).phase == .deleted)
            #expect(world.capacity == before)
            world.expectInvariants("a cancellation after \(steps) steps")
        }
        Issue.record("the creation never ended")
    }

    @Test("A creation of vCPUs cancelled after any number of steps keeps what exists, and goes on when asked again")
    func cancelVCPUs() throws {
        let world = try stepwise()
        for steps in 0..<40 {
            let (td, _) = try world.create(world.spec())
            let specs = [VCPUSpec(), VCPUSpec()]
            let (_, id) = try world.engine.createVCPUs(.id(td), specs, by: world.lab)
            for _ in 0..<steps { world.scheduler.runOne() }
            let isOver = try world.engine.operation(id).state.isTerminal
            if try world.engine.operation(id).progress.done < 14 {
                _ = try world.engine.cancel(id)
                let operation = try world.end(id)
                #expect(operation.state == .cancelled && operation.rollback == .notNeeded)
                #expect(operation.residue?.pages ?? 0 == (try world.domain(td)).pages.count - 7)
                world.expectInvariants("a cancellation after \(steps) steps")
                let again = try world.end(try world.engine.createVCPUs(.id(td), specs, by: world.lab).operation)
                #expect(again.state == .succeeded)
                #expect(try world.domain(td).pages.count == 7 + 12 && world.domain(td).vcpusInitialized == 2)
            }
            world.scheduler.runUntilQuiet()
            try world.expectDeletable(td, "a cancellation after \(steps) steps")
            if isOver {
                #expect(steps > 14)
                return
            }
        }
        Issue.record("the creation never ended")
    }

    @Test("A cancellation that comes too late changes nothing")
    func cancelTooLate() throws {
        let world = try World()
        let (_, creation) = try world.create(world.spec())
        #expect {
            try world.engine.cancel(creation.id)
        } throws: { error in
            if case LifecycleError.notCancellable(.succeeded) = error { true } else { false }
        }
        #expect(throws: LifecycleError.self) { try world.engine.cancel(ResourceID(.operation, 1)) }
    }

    @Test("A deletion and a step cannot be cancelled")
    func cancelDeletion() throws {
        let world = try World()
        let (td, _) = try world.create(world.spec())
        let (_, step) = try world.engine.step(.id(td), StepRequest(call: .flushDone), by: world.lab)
        #expect(throws: LifecycleError.self) { try world.engine.cancel(step) }
        world.scheduler.runUntilQuiet()
        let (_, id) = try world.engine.deleteTD(.id(td), by: world.lab)
        #expect(throws: LifecycleError.self) { try world.engine.cancel(id) }
        #expect(try world.end(id).state == .succeeded)
    }

    @Test("A cancellation that meets a failure is a failure")
    func cancelOfAFailure() throws {
        let world = try stepwise()
        world.port.arm(.answer(Completion(.operandInvalid, operand: .rcx)), atCall: 4)
        let (_, id) = try world.engine.createTD(world.request(world.spec()), by: world.lab)
        // The wish to cancel arrives while the failing call is made.
        world.port.onCall(4) { _ = try? world.engine.cancel(id) }
        let operation = try world.end(id)
        #expect(operation.state == .failed && operation.rollback == .done)
        guard case .refused = operation.failure else {
            Issue.record("it failed with \(String(describing: operation.failure))")
            return
        }
        world.expectInvariants("both")
    }

    @Test("A cancellation during the last call lets the creation succeed")
    func cancelDuringTheLastCall() throws {
        let world = try stepwise(stepCalls: 512)
        let (td, id) = try world.engine.createTD(world.request(world.spec()), by: world.lab)
        world.port.onCall(10) { #expect((try? world.engine.cancel(id))?.state == .cancelling) }
        #expect(try world.end(id).state == .succeeded)
        world.expectInvariants("a late cancellation")
        try world.expectDeletable(td, "a late cancellation")
    }

    @Test("A PATCH while a step runs is not lost")
    func patchDuringStep() throws {
        let world = try World()
        let (td, id) = try world.engine.createTD(world.request(world.spec(), name: "before"), by: world.lab)
        world.port.onCall(5) {
            let change = TDChange(name: .set("after")) { $0.merging(["a": "b"]) { $1 } }
            #expect((try? world.engine.changeTD(.id(td), change))?.name == "after")
        }
        #expect(try world.end(id).state == .succeeded)
        let domain = try world.domain(td)
        #expect(domain.name == "after" && domain.labels == ["a": "b"] && domain.phase == .initialized)
        #expect(try world.engine.td(.name("after")).id == td)
        #expect(throws: LifecycleError.self) { try world.engine.td(.name("before")) }
        world.expectInvariants("a PATCH")
    }

    @Test("DELETE asked twice names the same operation, and none once the TD is deleted")
    func deleteTwice() throws {
        let world = try stepwise()
        let (td, _) = try world.create(world.spec(vcpus: 1))
        let first = try world.engine.deleteTD(.id(td), by: world.lab).operation
        for _ in 0..<5 {
            world.scheduler.runOne()
            #expect(try world.engine.deleteTD(.id(td), ifRevision: 1, by: world.lab).operation == first)
        }
        #expect(try world.end(first).state == .succeeded)
        #expect {
            try world.engine.deleteTD(.id(td), by: world.lab)
        } throws: { error in
            if case LifecycleError.wrongState(let state) = error { state.phase == .deleted } else { false }
        }
        world.expectInvariants("two deletions")
    }

    @Test("A TD with an operation takes no other")
    func oneAtATime() throws {
        let world = try stepwise()
        let (td, id) = try world.engine.createTD(world.request(world.spec()), by: world.lab)
        func isRefused(_ body: () throws -> Void) -> Bool {
            do {
                try body()
                return false
            } catch LifecycleError.operationRunning(id) {
                return true
            } catch {
                return false
            }
        }
        for _ in 0..<3 {
            #expect(isRefused { _ = try world.engine.deleteTD(.id(td), by: world.lab) })
            #expect(isRefused { _ = try world.engine.createVCPUs(.id(td), [VCPUSpec()], by: world.lab) })
            #expect(isRefused { _ = try world.engine.step(.id(td), StepRequest(call: .flushDone), by: world.lab) })
            world.scheduler.runOne()
        }
        #expect(try world.end(id).state == .succeeded)
        world.expectInvariants("refusals")
    }

    @Test("A name is free as soon as its TD is deleted, and taken until then")
    func names() throws {
        let world = try World()
        let (first, _) = try world.create(world.spec(), name: "web")
        #expect {
            try world.engine.createTD(world.request(world.spec(), name: "web"), by: world.lab)
        } throws: { error in
            if case LifecycleError.nameTaken("web", by: first) = error { true } else { false }
        }
        _ = try world.delete(first)
        let (second, _) = try world.create(world.spec(), name: "web")
        #expect(try world.engine.td(.name("web")).id == second)
        #expect(try world.domain(first).name == "web")
        world.expectInvariants("a name used again")
        #expect(throws: LifecycleError.self) {
            try world.engine.changeTD(.id(first), TDChange(name: .remove, labels: nil), dryRun: true)
        }
        #expect(try world.engine.changeTD(.id(second), TDChange(name: .remove, labels: nil)).name == nil)
        #expect(throws: LifecycleError.self) { try world.engine.td(.name("web")) }
        world.expectInvariants("a name removed")
    }

    @Test("If-Match decides, and a dry run changes nothing")
    func preconditions() throws {
        let world = try World()
        let (td, _) = try world.create(world.spec())
        let revision = try world.domain(td).revision
        func isRefused(_ body: () throws -> Void) -> Bool {
            do {
                try body()
                return false
            } catch LifecycleError.preconditionFailed(revision) {
                return true
            } catch {
                return false
            }
        }
        let change = TDChange(name: .set("x"), labels: nil)
        let step = StepRequest(call: .flushDone)
        #expect(isRefused { _ = try world.engine.changeTD(.id(td), change, ifRevision: 1) })
        #expect(isRefused { _ = try world.engine.deleteTD(.id(td), ifRevision: 1, by: world.lab) })
        #expect(isRefused { _ = try world.engine.createVCPUs(.id(td), [VCPUSpec()], ifRevision: 1, by: world.lab) })
        #expect(isRefused { _ = try world.engine.step(.id(td), step, ifRevision: 1, by: world.lab) })
        #expect(try world.engine.changeTD(.id(td), change, ifRevision: revision, dryRun: true).name == "x")
        #expect(try world.engine.planVCPUs(.id(td), [VCPUSpec()], ifRevision: revision).callCount == 7)
        #expect(try world.plannedDeletion(td, ifRevision: revision)?.callCount == 12)
        #expect(try world.engine.planStep(.id(td), step, ifRevision: revision, by: world.lab).leaf == .mngVPFlushDone)
        #expect(try world.domain(td).revision == revision)
        let access = FieldAccess(target: .td, elements: [FieldID(rawValue: 0)], requester: world.lab) { _ in }
        #expect(isRefused { try world.engine.access(.id(td), access, ifRevision: 1) })
        let changed = try world.engine.changeTD(.id(td), change, ifRevision: revision).revision
        #expect(changed > revision)
        #expect(try world.engine.changeTD(.id(td), change, ifRevision: changed).revision == changed)
        world.expectInvariants("preconditions")
    }

    @Test("Draining refuses all that is new, and lets what runs end")
    func draining() throws {
        let world = try stepwise()
        let (td, _) = try world.create(world.spec(vcpus: 1))
        let (other, id) = try world.engine.createTD(world.request(world.spec()), by: world.lab)
        world.engine.drain()
        func isRefused(_ body: () throws -> Void) -> Bool {
            do {
                try body()
                return false
            } catch LifecycleError.draining {
                return true
            } catch {
                return false
            }
        }
        #expect(isRefused { _ = try world.engine.createTD(world.request(world.spec()), by: world.lab) })
        #expect(isRefused { _ = try world.engine.deleteTD(.id(td), by: world.lab) })
        #expect(isRefused { _ = try world.engine.createVCPUs(.id(td), [VCPUSpec()], by: world.lab) })
        #expect(isRefused { _ = try world.engine.step(.id(td), StepRequest(call: .flushDone), by: world.lab) })
        #expect(isRefused { _ = try world.engine.changeTD(.id(td), TDChange(name: .remove, labels: nil)) })
        #expect(isRefused { _ = try world.read(td, .vcpu(0), "PEND_NMI") })
        #expect(world.engine.unfinishedOperations == [id])
        #expect(try world.end(id).state == .succeeded)
        #expect(try world.domain(other).phase == .initialized)
        #expect(world.engine.unfinishedOperations.isEmpty)
        world.expectInvariants("draining")
    }

    @Test("Whoever waits is told of the end once, or how things stand when the time is over")
    func waiting() throws {
        let world = try World()
        let told = Locked<[TDLifecycle.Operation.State]>([])
        let (_, id) = try world.engine.createTD(world.request(world.spec()), by: world.lab)
        for _ in 0..<3 {
            try world.engine.awaitEnd(of: id, timeout: .seconds(60)) { operation in
                told.withLock { $0.append(operation.state) }
            }
        }
        try world.engine.awaitEnd(of: id, timeout: .zero) { operation in told.withLock { $0.append(operation.state) } }
        #expect(told.withLock { $0 } == [.pending])
        world.scheduler.runUntilQuiet()
        #expect(told.withLock { $0 } == [.pending, .succeeded, .succeeded, .succeeded])
        try world.engine.awaitEnd(of: id, timeout: .seconds(60)) { operation in
            told.withLock { $0.append(operation.state) }
        }
        #expect(told.withLock { $0.count } == 5)
        #expect(throws: LifecycleError.self) {
            try world.engine.awaitEnd(of: ResourceID(.operation, 1), timeout: .zero) { _ in }
        }
    }

    @Test("A wait that ends before its operation tells that it runs")
    func timeout() throws {
        let world = try World()
        let (td, _) = try world.create(world.spec())
        #expect(world.fake.hold(.keyTable))
        let (_, id) = try world.engine.deleteTD(.id(td), by: world.lab)
        let told = Locked<[TDLifecycle.Operation.State]>([])
        try world.engine.awaitEnd(of: id, timeout: .milliseconds(100)) { operation in
            told.withLock { $0.append(operation.state) }
        }
        _ = world.scheduler.run(until: { told.withLock { !$0.isEmpty } })
        #expect(told.withLock { $0 } == [.running])
        #expect(world.scheduler.nanoseconds >= 100_000_000)
        #expect(world.fake.release(.keyTable))
        #expect(try world.end(id).state == .succeeded)
        #expect(told.withLock { $0.count } == 1)
    }

    @Test("Nothing is seen and nobody told before the store has it")
    func slowStore() throws {
        let store = SlowStore()
        let world = try stepwise(store: store)
        let told = Locked<[TDLifecycle.Operation.State]>([])
        let (td, id) = try world.engine.createTD(world.request(world.spec(), name: "x"), by: world.lab)
        #expect(throws: LifecycleError.self) { try world.engine.td(.id(td)) }
        try world.engine.awaitEnd(of: id, timeout: .seconds(3600)) { operation in
            told.withLock { $0.append(operation.state) }
        }
        #expect(store.waiting == 1)
        for _ in 0..<1_000 where told.withLock({ $0.isEmpty }) {
            // A step may only run once the batch before it is written.
            if !store.completeOne() { world.scheduler.runOne() }
        }
        #expect(told.withLock { $0 } == [.succeeded])
        #expect(try world.engine.td(.name("x")).phase == .initialized)
        while store.completeOne() {}
        world.expectInvariants("a slow store")
    }

    @Test("A field is read between the steps of an operation, and the operation goes on between reads")
    func readsBetweenSteps() throws {
        let world = try stepwise()
        let (td, _) = try world.create(world.spec(vcpus: 2))
        let field = try #require(FieldInfo.named("PEND_NMI", in: .vp)?.id)
        let (_, id) = try world.engine.createVCPUs(.id(td), [VCPUSpec()], by: world.lab)
        let answers = Locked(0)
        for _ in 0..<20 {
            let access = FieldAccess(target: .vcpu(0), elements: [field], requester: world.lab) { _ in
                answers.withLock { $0 += 1 }
            }
            try world.engine.access(.id(td), access)
        }
        let before = world.records(td).count
        world.scheduler.runUntilQuiet()
        #expect(try world.engine.operation(id).state == .succeeded)
        #expect(answers.withLock { $0 } == 20)
        let leaves = world.records(td).dropFirst(before).prefix(14).map { $0.leaf == .vpRD }
        #expect(leaves.count { $0 } >= 5 && leaves.count { !$0 } >= 5, "\(leaves)")
        world.expectInvariants("reads between steps")
    }
}

/// Completes batches when it is told to.
final class SlowStore: LifecycleStore {
    private let pending = Locked<[@Sendable (Result<Void, StoreError>) -> Void]>([])

    var waiting: Int { pending.withLock { $0.count } }

    func commit(
        _ batch: Batch, durability: Durability, completion: @escaping @Sendable (Result<Void, StoreError>) -> Void
    ) {
        pending.withLock { $0.append(completion) }
    }

    func completeOne() -> Bool {
        let next = pending.withLock { $0.isEmpty ? nil : $0.removeFirst() }
        next?(.success(()))
        return next != nil
    }
}
