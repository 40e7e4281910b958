internal import Synchronization

/// How many lines may be written about something that a client can bring about: so many in a while, and then one
/// with the number of those that were left out.
public final class LineBudget: Sendable {
    public static let linesDefault = 20
    public static let periodDefault = Duration.seconds(10)

    public enum Verdict: Hashable, Sendable {
        /// Write it.
        ///
        /// - Parameter suppressed: lines left out before, not told of yet; if there are any, say so first.
        case write(suppressed: UInt64)
        case suppress
    }

    private struct State {
        var periodEnd = MonotonicTime(nanoseconds: 0)
        var left = 0
        var untold: UInt64 = 0
    }

    private let lines: Int
    private let period: Duration
    private let state = Locked(State())
    private let suppressedCount = Atomic<UInt64>(0)

    public init(lines: Int = linesDefault, every period: Duration = periodDefault) {
        precondition(lines > 0, "a budget of no lines")
        self.lines = lines
        self.period = period
    }

    /// Lines left out since the start.
    public var suppressed: UInt64 { suppressedCount.load(ordering: .relaxed) }

    /// May a line be written?
    public func spend(at now: MonotonicTime) -> Verdict {
        state.withLock { state in
            if now >= state.periodEnd {
                state.periodEnd = now.advanced(by: period)
                state.left = lines
            }
            guard state.left > 0 else {
                state.untold += 1
                suppressedCount.wrappingAdd(1, ordering: .relaxed)
                return .suppress
            }
            state.left -= 1
            defer { state.untold = 0 }
            return .write(suppressed: state.untold)
        }
    }

    /// How many lines were left out, once their period is over and if nobody has told of them; 0 otherwise. For those
    /// who look now and then, so that the number comes out although no line follows.
    public func settle(at now: MonotonicTime) -> UInt64 {
        state.withLock { state in
            guard state.untold > 0, now >= state.periodEnd else { return 0 }
            defer { state.untold = 0 }
            return state.untold
        }
    }
}
