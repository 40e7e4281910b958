import Testing
import Threading

@Suite("How many lines may be written")
struct LineBudgetTests {
    private func at(_ seconds: UInt64) -> MonotonicTime { MonotonicTime(nanoseconds: seconds * 1_000_000_000) }

    @Test("So many in a period, then none; the first of the next period tells how many were left out")
    func budget() {
        let budget = LineBudget(lines: 2, every: .seconds(10))
        #expect(budget.spend(at: at(5)) == .write(suppressed: 0))
        #expect(budget.spend(at: at(6)) == .write(suppressed: 0))
        for second: UInt64 in [6, 7, 14] { #expect(budget.spend(at: at(second)) == .suppress) }
        #expect(budget.spend(at: at(15)) == .write(suppressed: 3))
        #expect(budget.spend(at: at(16)) == .write(suppressed: 0))
        #expect(budget.spend(at: at(24)) == .suppress)
        #expect(budget.suppressed == 4)
    }

    @Test("Somebody who looks now and then is told once, after the period, what no line has told")
    func settle() {
        let budget = LineBudget(lines: 1, every: .seconds(10))
        _ = budget.spend(at: at(1))
        #expect(budget.settle(at: at(2)) == 0)
        _ = budget.spend(at: at(2))
        _ = budget.spend(at: at(3))
        #expect(budget.settle(at: at(10)) == 0)
        #expect(budget.settle(at: at(11)) == 2)
        #expect(budget.settle(at: at(12)) == 0)
        #expect(budget.spend(at: at(12)) == .write(suppressed: 0))
        #expect(budget.suppressed == 2)
    }
}
