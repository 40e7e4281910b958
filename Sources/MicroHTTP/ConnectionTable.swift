internal import Glibc
internal import Threading

/// The connections of a listener. A descriptor is valid as long as its connection is in here and the lock is held.
final class ConnectionTable: Sendable {
    private struct State {
        var connections: [ObjectIdentifier: (connection: Connection, origin: Origin?)] = [:]
        /// By descriptor: handed to the library, which has not begun with them yet.
        var announced: [Int32: Origin?] = [:]
        var lastAnnounced = MonotonicTime(nanoseconds: 0)
        /// How many there are of each origin, the announced ones included.
        var count: [Origin: Int] = [:]

        mutating func release(_ origin: Origin?) {
            guard let origin, let count = count[origin] else { return }
            self.count[origin] = count > 1 ? count - 1 : nil
        }

        mutating func forget(announced descriptor: Int32) -> Origin? {
            guard let origin = announced.removeValue(forKey: descriptor) else { return nil }
            return origin
        }
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
            if !state.announced.isEmpty, MonotonicTime.now.duration(since: state.lastAnnounced) > Self.patience {
                for descriptor in Array(state.announced.keys) { state.release(state.forget(announced: descriptor)) }
            }
            return max(0, limit - state.connections.count - state.announced.count)
        }
    }

    /// A connection is about to be handed to the library; false, and then it must not be, when its origin has as many
    /// as it may.
    func announce(_ descriptor: Int32, from origin: Origin?, atMost limit: Int) -> Bool {
        state.withLock { state in
            // The system gives out a descriptor again only when it has been closed: that one was lost.
            state.release(state.forget(announced: descriptor))
            if let origin {
                let count = state.count[origin, default: 0]
                guard count < limit else { return false }
                state.count[origin] = count + 1
            }
            state.announced[descriptor] = .some(origin)
            state.lastAnnounced = .now
            return true
        }
    }

    func insert(_ connection: Connection) {
        state.withLock { state in
            let origin = state.forget(announced: connection.descriptor)
            state.connections[ObjectIdentifier(connection)] = (connection, origin)
        }
    }

    func remove(_ connection: Connection) {
        state.withLock { state in
            let entry = state.connections.removeValue(forKey: ObjectIdentifier(connection))
            state.release(entry?.origin)
        }
    }

    /// Ends every connection and says how many there were.
    func cutAll() -> Int {
        state.withLock { state in
            for entry in state.connections.values { entry.connection.cut() }
            return state.connections.count
        }
    }

    /// Ends the connections whose client was believed once and is not any more; says how many there were.
    func cutThoseNoLongerBelieved() -> Int {
        // Judging takes time, so it is done without the lock.
        let all = state.withLock { $0.connections.values.map(\.connection) }
        let fallen = all.filter { connection in connection.proof?.stillHolds() == false }
        return state.withLock { state in
            let open = fallen.filter { state.connections[ObjectIdentifier($0)] != nil }
            for connection in open { connection.cut() }
            return open.count
        }
    }

    func closeIdle() {
        state.withLock { state in
            for entry in state.connections.values { entry.connection.closeIfIdle() }
        }
    }

    /// Ends the connections whose client has missed a deadline; says what they owed and how many there were.
    func closeLate(at now: MonotonicTime) -> [Deadline.Duty: Int] {
        state.withLock { state in
            var late: [Deadline.Duty: Int] = [:]
            for entry in state.connections.values {
                guard let duty = entry.connection.deadline.late(at: now) else { continue }
                late[duty, default: 0] += 1
                entry.connection.leaveLate(duty, at: now)
            }
            return late
        }
    }

    /// Waits until no connection is left; false when `timeout` passes first.
    func waitUntilEmpty(timeout: Duration) -> Bool {
        state.wait(timeout: timeout) { $0.connections.isEmpty && $0.announced.isEmpty ? true : nil } ?? false
    }

    /// Looks which clients have gone without the library's noticing.
    ///
    /// It does not look while a connection sleeps. One that is closed in both directions is cut then; one whose client
    /// has only stopped sending is cut when it streams to that client; otherwise the client may well wait for its
    /// answer, so that is only noted.
    ///
    /// And it misses an end of stream that comes together with the last bytes, and would wait for more until a deadline
    /// passes. Shutting what has ended already makes it look again.
    func noticeDepartures() {
        state.withLock { state in
            let all = state.connections.values.map { entry in
                (entry.connection, entry.connection.turn.withLock { $0.sleep })
            }
            var polled = all.map { pollfd(fd: $0.0.descriptor, events: Self.peerHasStopped, revents: 0) }
            guard !polled.isEmpty else { return }
            // SAFETY: as many entries as the array has; the descriptors are open while the lock is held.
            guard unsafe poll(&polled, nfds_t(polled.count), 0) > 0 else { return }
            for ((connection, sleep), result) in zip(all, polled) where result.revents != 0 {
                guard let sleep else {
                    connection.lookForEnd()
                    continue
                }
                connection.turn.withLock { $0.clientHasGone = true }
                let isClosed = Int32(result.revents) & (POLLHUP | POLLERR) != 0
                if isClosed || sleep == .download { connection.cut() }
            }
        }
    }
}
