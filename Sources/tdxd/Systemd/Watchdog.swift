internal import Logging
internal import Threading

/// The thread that tells the supervisor we are alive, after it has made sure.
final class Watchdog: Sendable {
    private let supervisor: Supervisor
    private let isAlive: @Sendable () -> Bool
    private let logger: Logger
    private let isOver = Monitor(false)
    private let thread = Locked<Threading.Thread?>(nil)

    /// - Parameter isAlive: tries what the daemon is there for; false when that fails. May block.
    /// - Returns: nil when nobody wants to hear.
    init?(_ supervisor: Supervisor, _ logger: Logger, isAlive: @escaping @Sendable () -> Bool) {
        guard let interval = supervisor.watchdogInterval else { return nil }
        self.supervisor = supervisor
        self.isAlive = isAlive
        self.logger = logger
        // Often enough that one sign may be lost.
        thread.withLock { $0 = Threading.Thread { [self] in run(every: interval / 3) } }
    }

    func stop() {
        isOver.withLock { $0 = true }
        let running = thread.withLock { thread in
            defer { thread = nil }
            return thread
        }
        running?.join()
    }

    private func run(every pause: Duration) {
        repeat {
            if isAlive() {
                supervisor.isAlive()
            } else {
                logger.error("The daemon does not answer itself; the supervisor is not told that it lives")
            }
        } while isOver.wait(timeout: pause, until: { $0 ? true : nil }) == nil
    }
}
