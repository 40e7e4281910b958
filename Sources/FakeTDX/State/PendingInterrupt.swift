internal import Threading

/// An interrupt ordered for CACHE.WB: at which of the coming polls it is there.
final class PendingInterrupt: Sendable {
    private let pollsLeft = Locked<Int>(0)

    /// - Parameter poll: 1 for the next poll; 0 for none.
    func order(at poll: Int) { pollsLeft.withLock { $0 = max(0, poll) } }

    /// Looks, once; an interrupt that was seen is gone.
    func poll() -> Bool {
        pollsLeft.withLock { left in
            guard left > 0 else { return false }
            left -= 1
            return left == 0
        }
    }
}
