internal import Glibc
internal import Threading

/// SIGTERM, SIGINT and SIGHUP, taken by a thread that waits for them: no handler interrupts anybody.
final class StopSignals: Sendable {
    private let first = Monitor<Int32?>(nil)

    /// Keeps the signals from ending the process. To be called before any thread is started: threads inherit it.
    ///
    /// SIGPIPE goes too: a client that hangs up is an error of one write, not the end of the daemon.
    static func block() {
        signal(SIGPIPE, SIG_IGN)
        var set = stopSet()
        // SAFETY: the set is read during the call.
        unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
    }

    /// - Parameters:
    ///   - onHangup: what to do each time SIGHUP comes; must be quick.
    ///   - onSecond: what to do when told to stop again while the first is being followed; need not return.
    init(
        onHangup: @escaping @Sendable () -> Void,
        onSecond: @escaping @Sendable (_ signal: Int32) -> Void
    ) {
        let first = first
        // Not joined: it waits for signals as long as the process lives.
        _ = Thread {
            while let signal = Self.next() {
                if signal == SIGHUP {
                    onHangup()
                    continue
                }
                let isFirst = first.withLock { known in
                    defer { known = known ?? signal }
                    return known == nil
                }
                if !isFirst { onSecond(signal) }
            }
        }
    }

    /// Blocks until the first signal to stop has come.
    func wait() -> Int32 {
        while true {
            if let signal = first.wait(until: { $0 }) { return signal }
        }
    }

    private static func next() -> Int32? {
        var set = stopSet()
        var signal: Int32 = 0
        // SAFETY: the set is read and the number written during the call.
        return unsafe sigwait(&set, &signal) == 0 ? signal : nil
    }

    private static func stopSet() -> sigset_t {
        var set = sigset_t()
        // SAFETY: the calls change the set they are given.
        unsafe sigemptyset(&set)
        unsafe sigaddset(&set, SIGTERM)
        unsafe sigaddset(&set, SIGINT)
        unsafe sigaddset(&set, SIGHUP)
        return set
    }
}
