internal import Threading

/// Engine threads that take jobs in order of arrival; delayed jobs join the queue when their time has come.
public final class ThreadedScheduler: StepScheduler {
    private typealias Job = @Sendable () -> Void

    private struct Delayed: Sendable {
        let due: MonotonicTime
        let job: Job
    }

    private struct Queue: Sendable {
        var jobs: [Job] = []
        var first = 0
        /// Ascending by due time; a few thousand at most, one for each client that waits.
        var delayed: [Delayed] = []
        var isStopped = false

        /// After all that are due at that time or before.
        func placeForDelayed(_ due: MonotonicTime) -> Int {
            var low = 0
            var high = delayed.count
            while low < high {
                let middle = (low + high) / 2
                if due < delayed[middle].due { high = middle } else { low = middle + 1 }
            }
            return low
        }

        mutating func take() -> Job? {
            guard first < jobs.count else { return nil }
            let job = jobs[first]
            first += 1
            // Drop what was taken now and then, not each time.
            if first >= 256, first * 2 >= jobs.count {
                jobs.removeFirst(first)
                first = 0
            }
            return job
        }
    }

    private let queue = Monitor(Queue())
    private let timerWake = Monitor(UInt64(0))
    private let threads = Locked<[Thread]>([])

    public init(threads count: Int) {
        precondition(count > 0, "an engine without threads does nothing")
        let queue = queue
        let timerWake = timerWake
        var started = (0..<count).map { _ in Thread { Self.work(queue) } }
        started.append(Thread { Self.keepTime(queue, timerWake) })
        threads.withLock { $0 = started }
    }

    public func enqueue(_ job: @escaping @Sendable () -> Void) {
        queue.withLock { $0.jobs.append(job) }
    }

    public func enqueue(after delay: Duration, _ job: @escaping @Sendable () -> Void) {
        let due = MonotonicTime.now.advanced(by: delay)
        queue.withLock { queue in
            queue.delayed.insert(Delayed(due: due, job: job), at: queue.placeForDelayed(due))
        }
        timerWake.withLock { $0 &+= 1 }
    }

    /// Finishes the jobs that are queued, drops the delayed ones, and ends the threads.
    public func stop() {
        queue.withLock { $0.isStopped = true }
        timerWake.withLock { $0 &+= 1 }
        let stopping = threads.withLock { threads in
            defer { threads = [] }
            return threads
        }
        stopping.forEach { $0.join() }
    }

    private static func work(_ queue: Monitor<Queue>) {
        while true {
            let next: Job?? = queue.wait { queue in
                if let job = queue.take() { return .some(.some(job)) }
                return queue.isStopped ? .some(.none) : nil
            }
            guard case .some(.some(let job)) = next else { return }
            job()
        }
    }

    private static func keepTime(_ queue: Monitor<Queue>, _ wake: Monitor<UInt64>) {
        while true {
            let seen = wake.withLock { $0 }
            let (isStopped, next) = queue.withLock { queue -> (Bool, MonotonicTime?) in
                let now = MonotonicTime.now
                let count = queue.placeForDelayed(now)
                queue.jobs.append(contentsOf: queue.delayed[..<count].map(\.job))
                queue.delayed.removeFirst(count)
                return (queue.isStopped, queue.delayed.first?.due)
            }
            if isStopped { return }
            let timeout = next.map { $0.duration(since: .now) }
            _ = wake.wait(timeout: timeout) { $0 == seen ? nil : $0 }
        }
    }
}

/// Runs jobs one by one on the caller's thread, with time of its own: what tests and simulations use.
public final class ManualScheduler: StepScheduler, ElapsedClock, WallClock {
    private struct State: Sendable {
        var jobs: [@Sendable () -> Void] = []
        var delayed: [(due: UInt64, job: @Sendable () -> Void)] = []
        var now: UInt64
    }

    private let state: Locked<State>
    private let start: WallTime

    public init(start: WallTime = WallTime(nanosecondsSince1970: 1_700_000_000_000_000_000)) {
        self.start = start
        state = Locked(State(now: 0))
    }

    public var nanoseconds: UInt64 { state.withLock { $0.now } }
    public var now: WallTime { WallTime(nanosecondsSince1970: start.nanosecondsSince1970 + nanoseconds) }

    public func enqueue(_ job: @escaping @Sendable () -> Void) {
        state.withLock { $0.jobs.append(job) }
    }

    public func enqueue(after delay: Duration, _ job: @escaping @Sendable () -> Void) {
        state.withLock { state in
            let due = state.now + delay.nanoseconds
            let place = state.delayed.firstIndex { due < $0.due } ?? state.delayed.endIndex
            state.delayed.insert((due, job), at: place)
        }
    }

    /// Runs one job, moving time on to the next delayed one if nothing else is left. False when all is quiet.
    @discardableResult
    public func runOne() -> Bool {
        let job = state.withLock { state -> (@Sendable () -> Void)? in
            if !state.jobs.isEmpty { return state.jobs.removeFirst() }
            guard !state.delayed.isEmpty else { return nil }
            let next = state.delayed.removeFirst()
            state.now = max(state.now, next.due)
            return next.job
        }
        job?()
        return job != nil
    }

    /// Runs until nothing is queued, or `limit` jobs have run; says whether all is quiet.
    @discardableResult
    public func runUntilQuiet(limit: Int = 1_000_000) -> Bool {
        for _ in 0..<limit where !runOne() { return true }
        return false
    }

    /// Runs what is due now and lets `condition` stop it; delayed jobs run only as time reaches them.
    public func run(until condition: () -> Bool, limit: Int = 1_000_000) -> Bool {
        for _ in 0..<limit {
            if condition() { return true }
            if !runOne() { return condition() }
        }
        return condition()
    }
}
