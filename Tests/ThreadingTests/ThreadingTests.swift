import Testing
import Threading

@Suite("Locks and threads")
struct ThreadingTests {
    @Test("A locked counter loses no increment of eight threads")
    func lockedCounter() {
        let counter = Locked(0)
        let threads = (0..<8).map { _ in
            Threading.Thread {
                for _ in 0..<1_000 { counter.withLock { $0 += 1 } }
            }
        }
        threads.forEach { $0.join() }
        #expect(counter.withLock { $0 } == 8_000)
    }

    @Test("A monitor hands a value to the thread that waits for it")
    func monitorHandsOver() {
        let mailbox = Monitor<Int?>(nil)
        let sender = Threading.Thread {
            sleepBlocking(.milliseconds(5))
            mailbox.withLock { $0 = 7 }
        }
        #expect(mailbox.wait(until: { $0 }) == 7)
        sender.join()
    }

    @Test("A wait with a timeout gives up after it, and not before")
    func waitTimesOut() {
        let never = Monitor<Int?>(nil)
        let start = MonotonicTime.now
        #expect(never.wait(timeout: .milliseconds(20), until: { $0 }) == nil)
        #expect(MonotonicTime.now.duration(since: start) >= .milliseconds(20))
    }
}
