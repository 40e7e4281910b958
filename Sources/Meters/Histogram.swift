/// Durations, sorted into buckets. Observing one is two atomic additions.
public final class Histogram: Sendable {
    /// Upper ends of the buckets in nanoseconds, ascending, each inclusive; what is longer than the last is counted
    /// apart.
    public let bounds: [UInt64]
    private let counts: [Counter]
    private let nanoseconds = Counter()

    public init(bounds: [UInt64]) {
        precondition(zip(bounds, bounds.dropFirst()).allSatisfy { $0 < $1 }, "the buckets do not ascend")
        self.bounds = bounds
        counts = (0...bounds.count).map { _ in Counter() }
    }

    public func observe(nanoseconds duration: UInt64) {
        var bucket = 0
        while bucket < bounds.count, bounds[bucket] < duration { bucket += 1 }
        counts[bucket].add()
        nanoseconds.add(duration)
    }

    /// What has been observed so far. While others observe, the sum may be ahead of the counts or behind them by what
    /// is being added.
    public var snapshot: Snapshot {
        var total: UInt64 = 0
        let cumulative = counts.map { count in
            total += count.value
            return total
        }
        return Snapshot(cumulative: cumulative, sumNanoseconds: nanoseconds.value)
    }

    public struct Snapshot: Hashable, Sendable {
        /// How many were no longer than each bound; the last entry counts all.
        public let cumulative: [UInt64]
        public let sumNanoseconds: UInt64

        public var count: UInt64 { cumulative.last ?? 0 }
    }
}
