internal import Threading

/// Engine threads that take jobs in order of arrival; delayed jobs join the queue when their time has come.
public final class ThreadedScheduler: StepScheduler {
    private typealias Job = @Sendable () -> Void

    private struct Queue: Sendable {
        var jobs: [Job] = []
        var first = 0
        /// Threads that are at work on jobs.
        var workers: [UInt] = []
        /// Those of them that have none, the last to fall idle at the end.
        var idle: [Seat] = []
        var isStopped = false

        var isEmpty: Bool { first == jobs.count }

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

    /// Where an idle thread waits for a job of its own. Whoever was at work last gets the next one: what it needs is
    /// still in its processor's caches.
    private final class Seat: Sendable {
        enum Summons: Sendable { case job(Job), stop }

        private let summons = Monitor<Summons?>(nil)

        func summon(_ order: Summons) {
            summons.withLockWakingOne { summons in
                summons = order
                return true
            }
        }

        func wait() -> Summons? { summons.wait(wakesOthers: false) { $0.take() } }
    }

    /// Jobs whose time has not come.
    private struct Timetable: Sendable {
        struct Delayed: Sendable {
            let due: MonotonicTime
            let id: UInt64
            let job: Job
        }

        /// Ascending by due time; a few thousand at most, one for each client that waits.
        var delayed: [Delayed] = []
        var lastID: UInt64 = 0
        /// When the thread that keeps the time will look by itself; nil if it would sleep on, or is about to look.
        var alarm: MonotonicTime?
        var isStopped = false

        /// After all that are due at that time or before.
        func place(_ due: MonotonicTime) -> Int {
            var low = 0
            var high = delayed.count
            while low < high {
                let middle = (low + high) / 2
                if due < delayed[middle].due { high = middle } else { low = middle + 1 }
            }
            return low
        }
    }

    private let queue = Locked(Queue())
    private let timetable = Monitor(Timetable())
    private let threads = Locked<[Thread]>([])

    public init(threads count: Int) {
        precondition(count > 0, "an engine without threads does nothing")
        let queue = queue
        let timetable = timetable
        var started = (0..<count).map { _ in Thread { Self.work(queue) } }
        started.append(Thread { Self.keepTime(queue, timetable) })
        threads.withLock { $0 = started }
    }

    public func enqueue(_ job: @escaping @Sendable () -> Void) { Self.add(job, to: queue) }

    private static func add(_ job: @escaping Job, to queue: Locked<Queue>) {
        let thread = Thread.current
        let called = queue.withLock { queue -> (Seat, Job)? in
            // What a worker queues as the last act of its job it takes itself, a moment later.
            let isTakenAtOnce = queue.isEmpty && queue.workers.contains(thread)
            queue.jobs.append(job)
            guard !isTakenAtOnce, let seat = queue.idle.popLast(), let oldest = queue.take() else { return nil }
            return (seat, oldest)
        }
        if let (seat, job) = called { seat.summon(.job(job)) }
    }

    @discardableResult
    public func enqueue(after delay: Duration, _ job: @escaping @Sendable () -> Void) -> DelayedJob {
        let due = MonotonicTime.now.advanced(by: delay)
        var id: UInt64 = 0
        timetable.withLockWakingOne { timetable in
            timetable.lastID += 1
            id = timetable.lastID
            timetable.delayed.insert(Timetable.Delayed(due: due, id: id, job: job), at: timetable.place(due))
            // The clock has to be set anew if it would go off too late. Most jobs are cancelled long before their time,
            // and the next ones are due later still.
            return timetable.alarm.map { due < $0 } ?? true
        }
        return DelayedJob(id: id)
    }

    public func cancel(_ job: DelayedJob) {
        timetable.withLockWakingOne { timetable in
            if let place = timetable.delayed.firstIndex(where: { $0.id == job.id }) {
                timetable.delayed.remove(at: place)
            }
            return false
        }
    }

    /// Finishes the jobs that are queued, drops the delayed ones, and ends the threads.
    public func stop() {
        let idle = queue.withLock { queue in
            queue.isStopped = true
            defer { queue.idle = [] }
            return queue.idle
        }
        for seat in idle { seat.summon(.stop) }
        timetable.withLock { $0.isStopped = true }
        let stopping = threads.withLock { threads in
            defer { threads = [] }
            return threads
        }
        stopping.forEach { $0.join() }
    }

    private static func work(_ queue: Locked<Queue>) {
        let thread = Thread.current
        let seat = Seat()
        queue.withLock { $0.workers.append(thread) }
        while true {
            let (next, isStopped) = queue.withLock { queue -> (Job?, Bool) in
                if let job = queue.take() { return (job, false) }
                if !queue.isStopped { queue.idle.append(seat) }
                return (nil, queue.isStopped)
            }
            if isStopped { return }
            if let next {
                next()
            } else if case .job(let job) = seat.wait() {
                job()
            } else {
                return
            }
        }
    }

    private static func keepTime(_ queue: Locked<Queue>, _ timetable: Monitor<Timetable>) {
        var next: MonotonicTime?
        while true {
            var isStopped = false
            let set = next
            let due = timetable.wait(timeout: next.map { $0.duration(since: .now) }, wakesOthers: false) {
                timetable -> [Job]? in
                isStopped = timetable.isStopped
                timetable.alarm = nil
                guard !isStopped else { return [] }
                let now = MonotonicTime.now
                let count = timetable.place(now)
                let due = timetable.delayed[..<count].map(\.job)
                timetable.delayed.removeFirst(count)
                next = timetable.delayed.first?.due
                if count > 0 { return due }
                // Set too early it does no harm; too late, or not at all, and it has to be set anew.
                let isSet = set.map { set in set > now && next.map { set <= $0 } ?? true } ?? (next == nil)
                guard isSet else { return [] }
                timetable.alarm = set
                return nil
            }
            if isStopped { return }
            if next == nil, let set, set > .now { next = set }
            for job in due ?? [] { add(job, to: queue) }
        }
    }
}

/// Runs jobs one by one on the caller's thread, with time of its own: what tests and simulations use.
public final class ManualScheduler: StepScheduler, ElapsedClock, WallClock {
    private struct State: Sendable {
        var jobs: [@Sendable () -> Void] = []
        var delayed: [(due: UInt64, id: UInt64, job: @Sendable () -> Void)] = []
        var lastID: UInt64 = 0
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

    @discardableResult
    public func enqueue(after delay: Duration, _ job: @escaping @Sendable () -> Void) -> DelayedJob {
        state.withLock { state in
            let due = state.now + delay.nanoseconds
            let place = state.delayed.firstIndex { due < $0.due } ?? state.delayed.endIndex
            state.lastID += 1
            state.delayed.insert((due, state.lastID, job), at: place)
            return DelayedJob(id: state.lastID)
        }
    }

    public func cancel(_ job: DelayedJob) {
        state.withLock { state in state.delayed.removeAll { $0.id == job.id } }
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
