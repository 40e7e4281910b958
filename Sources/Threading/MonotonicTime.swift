internal import Glibc

/// Nanoseconds on the monotonic clock: for deadlines and durations, never for dates.
public struct MonotonicTime: Hashable, Comparable, Sendable {
    public var nanoseconds: UInt64

    public init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

    public static var now: Self {
        var time = Glibc.timespec()
        // SAFETY: the kernel fills the structure it is given.
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return Self(nanoseconds: UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec))
    }

    public static func < (left: Self, right: Self) -> Bool { left.nanoseconds < right.nanoseconds }

    public func advanced(by duration: Duration) -> Self {
        Self(nanoseconds: nanoseconds &+ duration.nanoseconds)
    }

    /// How long ago `earlier` was; zero if it lies ahead.
    public func duration(since earlier: Self) -> Duration {
        .nanoseconds(nanoseconds > earlier.nanoseconds ? Int64(nanoseconds - earlier.nanoseconds) : 0)
    }

    var timespec: Glibc.timespec {
        Glibc.timespec(tv_sec: Int(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
    }
}

/// Blocks the calling thread: for engine threads and tests, never for an HTTP thread.
public func sleepBlocking(_ duration: Duration) {
    let end = MonotonicTime.now.advanced(by: duration)
    var time = end.timespec
    // SAFETY: reads only the structure it is given; an interrupted sleep goes on to the same instant.
    while unsafe clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, nil) == EINTR {}
}

/// Nanoseconds since 1970 on the wall clock, UTC; 0 before that.
public func wallClockNanoseconds() -> UInt64 {
    var time = timespec()
    // SAFETY: the kernel fills the structure it is given.
    unsafe clock_gettime(CLOCK_REALTIME, &time)
    return time.tv_sec < 0 ? 0 : UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

extension Duration {
    /// Whole nanoseconds; 0 for a negative duration.
    public var nanoseconds: UInt64 {
        let (seconds, attoseconds) = components
        return UInt64(max(0, seconds * 1_000_000_000 + attoseconds / 1_000_000_000))
    }
}
