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

    @Test("Waking one lets every item be taken, one by whoever is woken")
    func wakingOne() {
        struct Box {
            var items: [Int] = []
            var taken = 0
        }
        let box = Monitor(Box())
        let takers = (0..<4).map { _ in
            Threading.Thread {
                for _ in 0..<250 {
                    _ = box.wait(wakesOthers: false) { box -> Void? in
                        guard box.items.popLast() != nil else { return nil }
                        box.taken += 1
                        return ()
                    }
                }
            }
        }
        for item in 0..<1_000 {
            box.withLockWakingOne { box in
                box.items.append(item)
                return true
            }
        }
        takers.forEach { $0.join() }
        #expect(box.withLock { $0.taken } == 1_000)
    }
}
