import Synchronization
import Testing
import Threading

@testable import FakeTDX

@Suite("Physical memory in blocks of 2 MiB, emptied beside being entered")
struct MemoryBlockTests {
    /// A block that is emptied again and again. With its room given back to the system each time, whoever still uses it
    /// then is seen by a sanitizer.
    private final class Shared: @unchecked Sendable {
        let block = MemoryBlock()
        let spare: SpareRoom

        init(blocksKept: Int) { spare = SpareRoom(blocksMax: blocksKept) }

        /// Writes a page of the caller's own, finds it as it was written, and removes it.
        func pass(_ place: Int, _ mark: UInt64) -> Bool {
            // SAFETY: nobody else uses the place, which is as good as its lock; a word lies inside its page.
            unsafe block.make(place, spare).storeBytes(of: mark, as: UInt64.self)
            for _ in 0..<Self.looks {
                // SAFETY: as above; the page is there until it is removed.
                guard unsafe block[place]?.load(as: UInt64.self) == mark else { return false }
            }
            block.remove(place, spare)
            // SAFETY: only compared with nil.
            return unsafe block[place] == nil
        }

        private static let looks = 20
    }

    @Test("Every thread finds its page as it has left it, whoever else empties the block", arguments: [0, 1])
    func emptied(_ blocksKept: Int) {
        let shared = Shared(blocksKept: blocksKept)
        let wrong = Atomic<Int>(0)
        run { number in
            for round in 0..<4_000 where !shared.pass(number, UInt64(round << 8 | number)) {
                wrong.wrappingAdd(1, ordering: .relaxed)
            }
        }
        #expect(wrong.load(ordering: .relaxed) == 0)
        for place in 0..<MemoryBlock.pages {
            // SAFETY: the threads have ended; only compared with nil.
            let isGone = unsafe shared.block[place] == nil
            #expect(isGone)
        }
    }

    @Test("What one TD leaves in a block the next one does not see: a page written in part is zero elsewhere")
    func passedOn() {
        let memory = PhysicalMemory(addressBits: 46)
        let bytesOfBlock = UInt64(MemoryBlock.pages * PhysicalMemory.pageBytes)
        let base: UInt64 = 0x1_0000_0000
        let wrong = Locked<[String]>([])
        run { number in
            for round in 0..<1_500 {
                // Two blocks, and everybody has pages of their own in both.
                let page = base + UInt64(round & 1) * bytesOfBlock + UInt64(number + 8 * (round % 5)) << 12
                let whole = [UInt8](repeating: UInt8(number + 1), count: PhysicalMemory.pageBytes)
                memory.write(whole, at: page)
                if memory.read(at: page, count: whole.count) != whole { wrong.withLock { $0.append("whole") } }
                memory.clear(MemoryRange(base: page, size: 4096))
                let offset = (round * 37 + number * 911) % (PhysicalMemory.pageBytes - 1)
                memory.write([0xff, 0xfe], at: page + UInt64(offset))
                var part = [UInt8](repeating: 0, count: PhysicalMemory.pageBytes)
                (part[offset], part[offset + 1]) = (0xff, 0xfe)
                if memory.read(at: page, count: part.count) != part {
                    wrong.withLock { $0.append("part at \(offset)") }
                }
                memory.clear(MemoryRange(base: page, size: 4096))
                if memory.word(at: page) != 0 { wrong.withLock { $0.append("cleared") } }
            }
        }
        #expect(wrong.withLock { $0 } == [])
    }

    /// On eight threads, which begin together.
    private func run(_ body: @escaping @Sendable (Int) -> Void) {
        let waiting = Monitor(8)
        let threads = (0..<8).map { number in
            Thread {
                waiting.withLock { $0 -= 1 }
                _ = waiting.wait(timeout: .seconds(20)) { $0 == 0 ? true : nil }
                body(number)
            }
        }
        for thread in threads { thread.join() }
    }
}
