internal import Threading

/// Wall-clock time, UTC.
public struct WallTime: Hashable, Comparable, Sendable {
    public let nanosecondsSince1970: UInt64

    public init(nanosecondsSince1970: UInt64) { self.nanosecondsSince1970 = nanosecondsSince1970 }

    public static func < (left: Self, right: Self) -> Bool {
        left.nanosecondsSince1970 < right.nanosecondsSince1970
    }
}

// What the engine takes from the world, so that a test or a simulation can be the world.

public protocol WallClock: Sendable {
    var now: WallTime { get }
}

/// Elapsed time, for step bounds, retry budgets and durations.
public protocol ElapsedClock: Sendable {
    /// Nanoseconds since some fixed instant.
    var nanoseconds: UInt64 { get }
}

public protocol RandomSource: Sendable {
    func next() -> UInt64
}

/// Runs the engine's jobs: on threads of its own in production, one by one on the caller's in a test.
public protocol StepScheduler: Sendable {
    /// Jobs start in the order they came, as far as there are threads.
    func enqueue(_ job: @escaping @Sendable () -> Void)
    @discardableResult
    func enqueue(after delay: Duration, _ job: @escaping @Sendable () -> Void) -> DelayedJob
    /// Drops a job whose time has not come; does nothing if it has.
    func cancel(_ job: DelayedJob)
}

/// Names a job that waits for its time, for the scheduler that took it.
public struct DelayedJob: Hashable, Sendable {
    let id: UInt64

    public init(id: UInt64) { self.id = id }
}

public struct EngineEnvironment: Sendable {
    public var wallClock: any WallClock
    public var elapsedClock: any ElapsedClock
    public var random: any RandomSource
    public var scheduler: any StepScheduler
    /// Whether an operation's first step may run on the thread that asks for it, where no call waits.
    public var startsInPlace: Bool

    public init(
        wallClock: any WallClock, elapsedClock: any ElapsedClock, random: any RandomSource,
        scheduler: any StepScheduler, startsInPlace: Bool = false
    ) {
        self.startsInPlace = startsInPlace
        self.wallClock = wallClock
        self.elapsedClock = elapsedClock
        self.random = random
        self.scheduler = scheduler
    }

    /// The real world, with `threads` engine threads.
    public static func production(threads: Int) -> EngineEnvironment {
        EngineEnvironment(
            wallClock: SystemWallClock(), elapsedClock: SystemElapsedClock(), random: SystemRandom(),
            scheduler: ThreadedScheduler(threads: threads))
    }
}

public struct SystemWallClock: WallClock {
    public init() {}
    public var now: WallTime { WallTime(nanosecondsSince1970: wallClockNanoseconds()) }
}

public struct SystemElapsedClock: ElapsedClock {
    public init() {}
    public var nanoseconds: UInt64 { MonotonicTime.now.nanoseconds }
}

public struct SystemRandom: RandomSource {
    public init() {}
    public func next() -> UInt64 { UInt64.random(in: .min ... .max) }
}
