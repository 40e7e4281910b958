public import TDXCalls
internal import Threading

/// Counts what a port answers, by leaf and completion, and how long it takes.
///
/// Both labels come from the tables of leaves and completions, so there are only so many series: a completion without a
/// name is `unknown`, and a call that did not reach the module is `not_executed`.
public final class CallMeter: SEAMCALLPort, MetricSource {
    static let unknown = "unknown"
    static let notExecuted = "not_executed"

    /// Nanoseconds: 1 µs, the flush of a cache line, to 1 s, the write-back of a cache.
    static let bounds: [UInt64] = [
        1_000, 2_500, 10_000, 25_000, 100_000, 250_000, 1_000_000, 2_500_000, 10_000_000, 100_000_000, 1_000_000_000,
    ]

    private struct Tally: Sendable {
        /// By far the most.
        var successes: UInt64 = 0
        /// All others, by name.
        var refusals: [String: UInt64] = [:]
        let durations = Histogram(bounds: CallMeter.bounds)

        mutating func note(_ completion: String?, nanoseconds: UInt64) {
            if let completion { refusals[completion, default: 0] += 1 } else { successes += 1 }
            durations.observe(nanoseconds: nanoseconds)
        }

        var completions: [String: UInt64] {
            var all = refusals
            if successes > 0 { all[CallMeter.success, default: 0] += successes }
            return all
        }
    }

    private let base: any SEAMCALLPort
    /// Nanoseconds on the monotonic clock.
    private let clock: @Sendable () -> UInt64
    private let tallies = Locked<[UInt16: Tally]>([:])

    public init(_ base: any SEAMCALLPort) {
        self.base = base
        clock = { MonotonicTime.now.nanoseconds }
    }

    init(_ base: any SEAMCALLPort, clock: @escaping @Sendable () -> UInt64) {
        self.base = base
        self.clock = clock
    }

    public var retriesEntropy: Bool { base.retriesEntropy }
    public var isPrompt: Bool { base.isPrompt }

    public func call(
        _ leaf: Leaf, _ registers: inout Registers, on processor: Processor
    ) throws(PortError) -> Completion {
        let start = clock()
        do throws(PortError) {
            let completion = try base.call(leaf, &registers, on: processor)
            note(leaf, completion.rawValue == 0 ? nil : completion.name ?? Self.unknown, since: start)
            return completion
        } catch {
            note(leaf, Self.notExecuted, since: start)
            throw error
        }
    }

    /// - Parameter completion: nil for success.
    private func note(_ leaf: Leaf, _ completion: String?, since start: UInt64) {
        let end = clock()
        tallies.withLock { tallies in
            tallies[leaf.number, default: Tally()].note(completion, nanoseconds: end > start ? end - start : 0)
        }
    }

    /// How often a leaf has answered so.
    public func count(_ leaf: Leaf, _ completion: String) -> UInt64 {
        tallies.withLock { $0[leaf.number]?.completions[completion] ?? 0 }
    }

    public func write(to exposition: inout Exposition) {
        let tallies = tallies.withLock { $0 }.sorted { $0.key < $1.key }
        exposition.family("tdxd_seamcalls_total", .counter, "SEAMCALLs issued, by leaf and by what they answered.") {
            for (leaf, tally) in tallies {
                for (completion, count) in tally.completions.sorted(by: { $0.key < $1.key }) {
                    $0.add(["leaf": Self.name(leaf), "completion": completion], count)
                }
            }
        }
        exposition.family("tdxd_seamcall_duration_seconds", .histogram, "How long SEAMCALLs took, by leaf.") {
            for (leaf, tally) in tallies { $0.add(["leaf": Self.name(leaf)], tally.durations) }
        }
        exposition.family(
            "tdxd_cache_write_backs_total", .counter,
            "Answers of TDH.PHYMEM.CACHE.WB, by what became of the write-back."
        ) {
            let answers = tallies.first { $0.key == Leaf.phymemCacheWB.number }?.value.completions ?? [:]
            let completed = answers[Self.success, default: 0]
            let interrupted = answers[Self.interrupted, default: 0]
            $0.add(["outcome": "completed"], completed)
            $0.add(["outcome": "interrupted"], interrupted)
            $0.add(["outcome": "refused"], answers.values.reduce(0, +) - completed - interrupted)
        }
    }

    private static let success = Completion(rawValue: 0).name ?? unknown
    private static let interrupted = Completion.interruptedResumable.name ?? unknown

    private static func name(_ number: UInt16) -> String { Leaf(number).name }
}
