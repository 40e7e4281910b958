internal import Glibc
internal import Threading

/// The connections of a listener. A descriptor is valid as long as its connection is in here and the lock is held.
final class ConnectionTable: Sendable {
    private struct State {
        var connections: [ObjectIdentifier: Connection] = [:]
        /// Handed to the library, which has not begun with them yet.
        var announced = 0
        var lastAnnounced = MonotonicTime(nanoseconds: 0)
    }

    /// The library says nothing when it cannot begin with a connection for want of memory; after this time one that
    /// was announced is taken for lost and its place given away.
    private static let patience = Duration.seconds(5)

    /// The peer will send no more; hidden behind a feature macro that the importer does not set.
    private static let peerHasStopped = Int16(0x2000)

    private let state = Monitor(State())

    var count: Int { state.withLock { $0.connections.count } }

    /// How many more connections may come.
    func room(under limit: Int) -> Int {
        state.withLock { state in
            if state.announced > 0, MonotonicTime.now.duration(since: state.lastAnnounced) > Self.patience {
                state.announced = 0
            }
            return max(0, limit - state.connections.count - state.announced)
        }
    }

    /// A connection is about to be handed to the library.
    func announce() {
        state.withLock { state in
            state.announced += 1
            state.lastAnnounced = .now
        }
    }

    func insert(_ connection: Connection) {
        state.withLock { state in
            state.announced = max(0, state.announced - 1)
            state.connections[ObjectIdentifier(connection)] = connection
        }
    }

    func remove(_ connection: Connection) {
        _ = state.withLock { $0.connections.removeValue(forKey: ObjectIdentifier(connection)) }
    }

    /// Ends every connection and says how many there were.
    func cutAll() -> Int {
        state.withLock { state in
            for connection in state.connections.values { connection.cut() }
            return state.connections.count
        }
    }

    /// Ends the connections whose client was believed once and is not any more; says how many there were.
    func cutThoseNoLongerBelieved() -> Int {
        // Judging takes time, so it is done without the lock.
        let all = state.withLock { Array($0.connections.values) }
        let fallen = all.filter { connection in connection.proof?.stillHolds() == false }
        return state.withLock { state in
            let open = fallen.filter { state.connections[ObjectIdentifier($0)] != nil }
            for connection in open { connection.cut() }
            return open.count
        }
    }

    func closeIdle() {
        state.withLock { state in
            for connection in state.connections.values { connection.closeIfIdle() }
        }
    }

    /// Waits until no connection is left; false when `timeout` passes first.
    func waitUntilEmpty(timeout: Duration) -> Bool {
        state.wait(timeout: timeout) { $0.connections.isEmpty && $0.announced == 0 ? true : nil } ?? false
    }

    /// Looks which clients of sleeping connections have gone, since the library does not look while they sleep.
    ///
    /// A connection that is closed in both directions is cut. One whose client has only stopped sending is cut when
    /// it streams to that client; otherwise the client may well wait for its answer, so that is only noted.
    func noticeDepartures() {
        state.withLock { state in
            let asleep = state.connections.values.compactMap { connection in
                connection.turn.withLock { $0.sleep }.map { (connection, $0) }
            }
            var polled = asleep.map { pollfd(fd: $0.0.descriptor, events: Self.peerHasStopped, revents: 0) }
            guard !polled.isEmpty else { return }
            // SAFETY: as many entries as the array has; the descriptors are open while the lock is held.
            guard unsafe poll(&polled, nfds_t(polled.count), 0) > 0 else { return }
            for ((connection, sleep), result) in zip(asleep, polled) where result.revents != 0 {
                connection.turn.withLock { $0.clientHasGone = true }
                let isClosed = Int32(result.revents) & (POLLHUP | POLLERR) != 0
                if isClosed || sleep == .download { connection.cut() }
            }
        }
    }
}
