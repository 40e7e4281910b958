internal import Threading

/// A few threads for what waits for the disk; none before the first job.
final class Workers: Sendable {
    private struct State: Sendable {
        var jobs: [@Sendable () -> Void] = []
        var threads: [Thread] = []
        var idle = 0
        var isStopped = false
    }

    private let threadsMax: Int
    private let state = Monitor(State())

    init(threadsMax: Int) { self.threadsMax = threadsMax }

    /// Jobs start in the order they came, as far as there are threads. Who has stopped runs nothing more.
    func enqueue(_ job: @escaping @Sendable () -> Void) {
        state.withLock { state in
            guard !state.isStopped else { return }
            state.jobs.append(job)
            if state.idle < state.jobs.count, state.threads.count < threadsMax {
                state.threads.append(Thread { [self] in work() })
            }
        }
    }

    /// Waits for what runs; what waits is dropped.
    func stop() {
        let threads = state.withLock { state -> [Thread] in
            state.isStopped = true
            state.jobs = []
            return state.threads
        }
        for thread in threads { thread.join() }
    }

    private func work() {
        while let job = next() { job() }
    }

    private func next() -> (@Sendable () -> Void)? {
        state.withLock { $0.idle += 1 }
        let job = state.wait(wakesOthers: false) { state -> (@Sendable () -> Void)?? in
            if state.isStopped { return .some(nil) }
            return state.jobs.isEmpty ? nil : .some(state.jobs.removeFirst())
        }
        state.withLock { $0.idle -= 1 }
        return job ?? nil
    }
}
