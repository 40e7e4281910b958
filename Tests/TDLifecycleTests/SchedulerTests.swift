import Synchronization
import TDLifecycle
import Testing
import Threading

@Suite("Engine threads and their clock")
struct SchedulerTests {
    @Test("A job that is due earlier runs earlier, also when it came later; one that was cancelled never runs")
    func delayed() {
        let scheduler = ThreadedScheduler(threads: 1)
        defer { scheduler.stop() }
        let ran = Monitor<[String]>([])
        func note(_ name: String) -> @Sendable () -> Void {
            { ran.withLock { $0.append(name) } }
        }
        scheduler.enqueue(after: .seconds(2), note("late"))
        // The clock sleeps towards the late one by now, or soon.
        sleepBlocking(.milliseconds(20))
        scheduler.enqueue(after: .milliseconds(20), note("early"))
        let cancelled = scheduler.enqueue(after: .milliseconds(60), note("cancelled"))
        scheduler.cancel(cancelled)
        scheduler.cancel(cancelled)
        let names = ran.wait(timeout: .seconds(20)) { $0.count == 2 ? $0 : nil }
        #expect(names == ["early", "late"])
    }

    @Test("Jobs that queue jobs keep all threads at work, and none is lost")
    func chains() {
        let scheduler = ThreadedScheduler(threads: 3)
        let left = Atomic(3_000)
        let done = Monitor(false)
        @Sendable func job(_ depth: Int) {
            if depth > 0 { scheduler.enqueue { job(depth - 1) } }
            if left.subtract(1, ordering: .relaxed).newValue == 0 { done.withLock { $0 = true } }
        }
        for _ in 0..<30 { scheduler.enqueue { job(99) } }
        #expect(done.wait(timeout: .seconds(60)) { $0 ? true : nil } == true)
        scheduler.stop()
        #expect(left.load(ordering: .relaxed) == 0)
    }

    @Test("A job that takes long does not keep what it queued from an idle thread")
    func longJob() {
        let scheduler = ThreadedScheduler(threads: 2)
        defer { scheduler.stop() }
        let ran = Monitor(0)
        let mayEnd = Monitor(false)
        scheduler.enqueue {
            // The first is left for this thread; the second finds the queue not empty and wakes the other.
            scheduler.enqueue { ran.withLock { $0 += 1 } }
            scheduler.enqueue { ran.withLock { $0 += 1 } }
            _ = mayEnd.wait(timeout: .seconds(20)) { $0 ? true : nil }
        }
        #expect(ran.wait(timeout: .seconds(20)) { $0 == 2 ? true : nil } == true)
        mayEnd.withLock { $0 = true }
    }
}
