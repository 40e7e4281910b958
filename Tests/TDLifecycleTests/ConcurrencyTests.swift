import FakeTDX
import Logging
import TDXCalls
import Testing
import Threading

@testable import TDLifecycle

@Suite("Many at once, on threads")
struct ConcurrencyTests {
    private static let clients = 8
    private static let cyclesEach = 12

    @Test(
        "Eight clients' cycles of create, read and delete end well, and leave all as it was", .timeLimit(.minutes(5)),
        arguments: [false, true])
    func cycles(startsInPlace: Bool) throws {
        // What takes time is not done in place.
        let timing =
            startsInPlace
            ? FakeTiming() : FakeTiming(cacheWriteBack: .microseconds(400), cacheWriteBackSlice: .microseconds(100))
        let fake = try FakeTDX(platform: .oracle(processors: 8, packages: 2), timing: timing) { hazard in
            Issue.record("the host owed something: \(hazard)")
        }
        let scheduler = ThreadedScheduler(threads: 4)
        var environment = EngineEnvironment.production(threads: 1)
        environment.scheduler = scheduler
        environment.startsInPlace = startsInPlace
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        // A machine with other work must not look like a host whose locks are never let go.
        var limits = EngineLimits()
        limits.retryBudget = .seconds(60)
        let engine = Engine(
            calls: fake, host: fake, tables: fake, environment: environment, limits: limits, logger: logger)
        let world = try World(fake: fake, engine: engine)
        let before = world.capacity
        let failures = Locked<[String]>([])
        let field = try #require(FieldInfo.named("PEND_NMI", in: .vp)?.id)
        let threads = (0..<Self.clients).map { client in
            Thread {
                for cycle in 0..<Self.cyclesEach {
                    let outcome = Client(engine: engine, world: world, field: field).live(name: "c\(client)-\(cycle)")
                    if let outcome { failures.withLock { $0.append(outcome) } }
                }
            }
        }
        let watch = InvariantWatch()
        let watcher = watch.watch(engine)
        threads.forEach { $0.join() }
        watch.end()
        watcher.join()
        scheduler.stop()
        #expect(watch.broken == [] && watch.looks > 0)
        #expect(failures.withLock { $0 } == [])
        #expect(world.capacity == before)
        world.expectInvariants("\(Self.clients) times \(Self.cyclesEach) cycles")
        let records = engine.records(RecordFilter(), limit: 100_000).rows
        #expect(records.map(\.sequence) == records.map(\.sequence).sorted())
        #expect(records.allSatisfy { $0.handledAs != .failed && $0.handledAs != .quarantined })
    }

    /// One whole life, as a client sees it.
    private struct Client: Sendable {
        let engine: Engine
        let world: World
        let field: FieldID

        /// - Returns: what went wrong.
        func live(name: String) -> String? {
            do {
                let (td, creation) = try engine.createTD(world.request(world.spec(vcpus: 1), name: name), by: world.lab)
                guard end(creation) == .succeeded else { return "creation of \(name)" }
                let (_, more) = try engine.createVCPUs(.id(td), [VCPUSpec()], by: world.lab)
                _ = try engine.changeTD(.name(name), TDChange(name: nil) { $0.merging(["a": "b"]) { $1 } })
                guard read(td, .vcpu(0)) else { return "read of \(name)" }
                guard end(more) == .succeeded else { return "vCPUs of \(name)" }
                guard try engine.td(.id(td)).labels == ["a": "b"] else { return "labels of \(name)" }
                let (_, step) = try engine.step(.id(td), StepRequest(call: .flushVCPU(1)), by: world.lab)
                guard end(step) == .succeeded, read(td, .vcpu(1)) else { return "flush of \(name)" }
                let (_, deletion) = try engine.deleteTD(.name(name), by: world.lab)
                guard end(deletion) == .succeeded else { return "deletion of \(name)" }
                guard try engine.td(.id(td)).phase == .deleted else { return "\(name) is there" }
                return nil
            } catch {
                return "\(name): \(error)"
            }
        }

        private func end(_ operation: ResourceID) -> TDLifecycle.Operation.State? {
            let ended = Monitor<TDLifecycle.Operation.State?>(nil)
            try? engine.awaitEnd(of: operation, timeout: .seconds(60)) { operation in
                ended.withLock { $0 = operation.state }
            }
            return ended.wait(timeout: .seconds(90)) { $0 }
        }

        private func read(_ td: ResourceID, _ target: FieldAccess.Target) -> Bool {
            let answer = Monitor<Bool?>(nil)
            let access = FieldAccess(target: target, elements: [field], requester: world.lab) { result in
                answer.withLock { $0 = (try? result.get()) != nil }
            }
            do { try engine.access(.id(td), access) } catch { return false }
            return answer.wait(timeout: .seconds(90)) { $0 } ?? false
        }
    }

    @Test("Delayed jobs run when their time has come, in the order of their times")
    func delays() {
        let scheduler = ThreadedScheduler(threads: 1)
        let order = Monitor<[Int]>([])
        let start = MonotonicTime.now
        for delay in [30, 10, 20, 10] {
            scheduler.enqueue(after: .milliseconds(delay)) { order.withLock { $0.append(delay) } }
        }
        scheduler.enqueue { order.withLock { $0.append(0) } }
        #expect(order.wait(timeout: .seconds(10)) { $0.count == 5 ? $0 : nil } == [0, 10, 10, 20, 30])
        #expect(MonotonicTime.now.duration(since: start) >= .milliseconds(30))
        scheduler.stop()
        scheduler.stop()
    }
}
