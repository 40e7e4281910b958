import Testing
import Threading

@testable import ControlAPI

@Suite("A table of the most recently used")
struct RecentTableTests {
    /// Counts its uses.
    private final class Uses: Sendable {
        private let number = Locked(0)

        func next() -> Int {
            number.withLock { number in
                number += 1
                return number
            }
        }
    }

    private func count(_ table: inout RecentTable<String, Uses>, _ key: String) -> Int {
        table.use(key) { Uses() }.next()
    }

    @Test("What was not used for longest goes, and comes back as new")
    func eviction() {
        var table = RecentTable<String, Uses>(capacity: 3)
        for key in ["a", "b", "c", "a"] { _ = count(&table, key) }
        #expect(count(&table, "d") == 1)
        #expect(table.count == 3)
        // "b" has made room for "d"; the others are as they were.
        #expect(count(&table, "a") == 3)
        #expect(count(&table, "c") == 2)
        #expect(count(&table, "d") == 2)
        #expect(count(&table, "b") == 1)
        #expect(count(&table, "a") == 1)
    }

    @Test("A table with one place keeps the last one")
    func single() {
        var table = RecentTable<String, Uses>(capacity: 1)
        #expect(["a", "a", "b", "a"].map { count(&table, $0) } == [1, 2, 1, 1])
        #expect(table.count == 1)
    }

    @Test("Random use agrees with a list that is searched")
    func random() {
        let seed = UInt64.random(in: 1...UInt64.max)
        print("recent table seed \(seed)")
        var state = seed
        var table = RecentTable<UInt64, Uses>(capacity: 8)
        var model: [(key: UInt64, value: Int)] = []
        for step in 0..<20_000 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let key = (state >> 33) % 14
            var value = 1
            if let place = model.firstIndex(where: { $0.key == key }) { value = model.remove(at: place).value + 1 }
            model.append((key, value))
            if model.count > 8 { model.removeFirst() }
            let seen = table.use(key) { Uses() }.next()
            guard seen == value, table.count == model.count else {
                Issue.record("differs at step \(step) of seed \(seed)")
                return
            }
        }
    }
}
