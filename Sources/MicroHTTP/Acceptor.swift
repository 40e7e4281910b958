internal import CMicroHTTPD
internal import Glibc
internal import Logging
internal import Threading

/// The thread that accepts connections and, once a second, looks after those that sleep.
final class Acceptor: Sendable {
    private static let tickMilliseconds: Int32 = 1_000
    /// How long to wait when the system has no descriptor or memory left for another connection.
    private static let pauseWhenExhausted = Duration.milliseconds(100)

    private let server: Server
    private let daemon: Daemon
    private let socket: ListeningSocket
    /// Closing `ourBell` rings `theirBell`, which the thread polls.
    private let ourBell: Int32
    private let theirBell: Int32
    private let thread = Locked<Threading.Thread?>(nil)

    init(_ server: Server, _ daemon: Daemon, _ socket: ListeningSocket) throws(ListenerError) {
        self.server = server
        self.daemon = daemon
        self.socket = socket
        var pair: [Int32] = [-1, -1]
        // SAFETY: the call writes two descriptors.
        let result = unsafe socketpair(AF_UNIX, microhttpd_stream_socket, 0, &pair)
        guard result == 0 else { throw .system(call: "socketpair", errno: errno) }
        (ourBell, theirBell) = (pair[0], pair[1])
    }

    deinit {
        close(ourBell)
        close(theirBell)
    }

    func start() { thread.withLock { $0 = Threading.Thread { [self] in run() } } }

    /// Stops accepting and closes the socket. Does nothing the second time.
    func stop() {
        let running = thread.withLock { thread in
            defer { thread = nil }
            return thread
        }
        guard let running else { return }
        shutdown(ourBell, microhttpd_shut_both)
        running.join()
        socket.close()
    }

    private func run() {
        var lastLook = MonotonicTime.now
        var awaited = [
            pollfd(fd: theirBell, events: Int16(POLLIN), revents: 0),
            pollfd(fd: socket.descriptor, events: Int16(POLLIN), revents: 0),
        ]
        while true {
            let room = server.connections.room(under: server.limits.connections)
            // A negative descriptor is not polled: at the limit, the backlog holds the rest.
            awaited[1].fd = room > 0 ? socket.descriptor : -1
            let pause = room > 0 ? Self.tickMilliseconds : Self.tickMilliseconds / 20
            // SAFETY: as many entries as the array has.
            let ready = unsafe poll(&awaited, nfds_t(awaited.count), pause)
            if awaited[0].revents != 0, ready > 0 { return }
            if ready > 0, awaited[1].revents != 0 { accept(atMost: room) }
            if MonotonicTime.now.duration(since: lastLook) >= .milliseconds(Int64(Self.tickMilliseconds)) {
                lastLook = .now
                server.connections.noticeDepartures()
                closeLate()
                server.troubleLog.settle()
            }
        }
    }

    private func admit(_ descriptor: Int32, from address: SocketAddress) {
        let limit = server.limits.connectionsPerAddress
        if server.connections.announce(descriptor, from: Origin(address), atMost: limit) {
            daemon.take(descriptor, from: address)
        } else {
            close(descriptor)
            server.troubleLog.note("too many connections from \(address.numeric?.address ?? "")", at: .info)
        }
    }

    private func closeLate() {
        for (duty, count) in server.connections.closeLate(at: .now) {
            server.troubleLog.note("clients were too slow (\(duty)): \(count)", at: .info)
        }
    }

    private func accept(atMost room: Int) {
        for _ in 0..<room {
            // SAFETY: the call writes no more than the storage has room for.
            let (descriptor, address) = unsafe SocketAddress.filled {
                unsafe microhttpd_accept(socket.descriptor, $0, $1)
            }
            if descriptor >= 0 {
                admit(descriptor, from: address)
                continue
            }
            switch errno {
            case EAGAIN:
                return
            case EINTR, ECONNABORTED:
                continue
            case let reason:
                server.troubleLog.note("accept failed (errno \(reason))", at: .warning)
                sleepBlocking(Self.pauseWhenExhausted)
                return
            }
        }
    }
}
