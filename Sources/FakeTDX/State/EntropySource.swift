internal import Synchronization

/// The processor's random source and its key generator, with failures to order.
final class EntropySource: Sendable {
    private let state: Atomic<UInt64>
    /// Draws that are still to fail.
    let drawFailures = Atomic<Int>(0)
    /// Key generations that are still to fail.
    let keyFailures = Atomic<Int>(0)

    /// How often the module itself tries to draw a word before it gives up.
    static let drawAttemptsMax = 10

    init(seed: UInt64) { state = Atomic(seed) }

    /// A random word, or nil if the source fails ``drawAttemptsMax`` times in a row.
    func draw() -> UInt64? {
        for _ in 0..<Self.drawAttemptsMax where !Self.takeFailure(drawFailures) {
            return next()
        }
        return nil
    }

    /// Whether a key could be generated.
    func generateKey() -> Bool { !Self.takeFailure(keyFailures) }

    /// SplitMix64: every call its own word, whatever the threads.
    private func next() -> UInt64 {
        var word = state.wrappingAdd(0x9e37_79b9_7f4a_7c15, ordering: .relaxed).newValue
        word = (word ^ word >> 30) &* 0xbf58_476d_1ce4_e5b9
        word = (word ^ word >> 27) &* 0x94d0_49bb_1331_11eb
        return word ^ word >> 31
    }

    private static func takeFailure(_ failures: borrowing Atomic<Int>) -> Bool {
        var current = failures.load(ordering: .relaxed)
        while current > 0 {
            let outcome = failures.weakCompareExchange(
                expected: current, desired: current == .max ? .max : current - 1, ordering: .relaxed)
            if outcome.exchanged { return true }
            current = outcome.original
        }
        return false
    }
}
