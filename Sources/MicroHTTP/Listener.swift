public import HTTPExchange
public import Logging
internal import Threading

/// Where a listener listens.
public enum Endpoint: Sendable {
    /// A Unix socket. `mode` is the file's, such as `0o660`: who may connect is decided by the file system first.
    case unixSocket(path: String, mode: UInt32)
    /// Plain HTTP over TCP, on a numeric loopback address only. Port 0 lets the system choose.
    case plainTCP(address: String, port: UInt16)
    /// HTTP over TLS 1.2 or 1.3, on any numeric address. Port 0 lets the system choose.
    case tlsTCP(address: String, port: UInt16, tls: TLSConfiguration)
}

/// One listening socket and the server behind it.
///
/// Serves from `init` until `stop`. Several listeners may share a responder.
public final class Listener: Sendable {
    /// Threads that serve a listener's connections, if nothing else is said.
    public static let defaultWorkers = 2

    public let name: String
    private let server: Server
    private let daemon: Daemon
    private let acceptor: Acceptor
    private let socket: ListeningSocket
    private let isRunning = Locked(true)

    /// Binds, starts the threads and serves.
    ///
    /// - Parameters:
    ///   - name: what the configuration calls this listener; it comes back in each request's `Peer`.
    ///   - readySocket: a socket that listens there already, as systemd hands it over, instead of one of our own. It is
    ///     ours from now on, also when this throws; the file of a Unix socket stays where it is.
    ///   - workers: threads that serve connections, 1 to 64.
    ///   - logger: gets one line when serving begins and ends, what is our bug, and at debug level what
    ///     libmicrohttpd says (at most a few lines a second).
    /// - Throws: why it cannot listen; then nothing is left behind.
    public init(
        name: String, at endpoint: Endpoint, readySocket: Int32? = nil, limits: Limits = Limits(),
        workers: Int = Listener.defaultWorkers, responder: any Responder, logger: Logger
    ) throws(ListenerError) {
        self.name = name
        if let problem = limits.problem { throw .unusableLimits(problem) }
        guard (1...Limits.largestPool).contains(workers) else {
            throw .unusableLimits("workers must lie between 1 and \(Limits.largestPool)")
        }
        let ready = try readySocket.map { (descriptor) throws(ListenerError) in
            try ListeningSocket.ready(descriptor, for: endpoint)
        }
        let door: TLSDoor?
        switch endpoint {
        case .unixSocket(let path, let mode):
            door = nil
            if let ready { socket = ready } else { socket = try ListeningSocket.unix(path, mode: mode) }
        case .plainTCP(let address, let port):
            door = nil
            if let ready {
                socket = ready
            } else {
                socket = try ListeningSocket.tcp(address, port: port, onLoopbackOnly: true)
            }
        case .tlsTCP(let address, let port, let tls):
            door = TLSDoor(try TLSContext(tls))
            if let ready {
                socket = ready
            } else {
                socket = try ListeningSocket.tcp(address, port: port, onLoopbackOnly: false)
            }
        }
        var logger = logger
        logger[metadataKey: "listener"] = "\(name)"
        let isUnix = if case .unixSocket = endpoint { true } else { false }
        server = Server(
            name: name, isUnix: isUnix, door: door, limits: limits, responder: responder, logger: logger)
        guard let daemon = Daemon(server, workers: workers) else { throw .libraryRefused }
        self.daemon = daemon
        do throws(ListenerError) {
            acceptor = try Acceptor(server, daemon, socket)
        } catch {
            daemon.stop()
            throw error
        }
        acceptor.start()
        logger.notice("Serving")
    }

    deinit { stop(within: .zero) }

    /// The port in use; nil for a Unix socket.
    public var port: UInt16? { socket.port }

    /// Log lines about connections that were left out because there were too many at once.
    public var suppressedLogLines: UInt64 { server.troubleLog.suppressed }

    /// Connections open now, idle ones included.
    public var connectionCount: Int { server.connections.count }

    /// Shows another certificate from now on, and believes other clients.
    ///
    /// Open connections go on. Each client that has been believed is judged again, and where it is not believed any
    /// more its connection is cut. Earlier sessions are not resumed, so that every new connection sees the new
    /// certificate.
    ///
    /// - Precondition: this is a TLS listener.
    /// - Returns: how many connections were cut.
    /// - Throws: `unusableCertificate`; everything stays as it was then.
    @discardableResult
    public func replace(tls: TLSConfiguration) throws(ListenerError) -> Int {
        guard let door = server.door else { preconditionFailure("only a TLS listener has certificates") }
        door.replace(with: try TLSContext(tls))
        let cut = server.connections.cutThoseNoLongerBelieved()
        server.logger.notice("Certificates and trust replaced", metadata: ["connectionsCut": "\(cut)"])
        return cut
    }

    /// Judges every client again that has been believed, and cuts those that are not believed any more: certificates
    /// expire while connections are open, and what `verify` consults may have changed.
    ///
    /// - Returns: how many connections were cut; 0 without TLS.
    @discardableResult
    public func judgeClientsAgain() -> Int {
        server.door?.voidJudgements()
        return server.connections.cutThoseNoLongerBelieved()
    }

    /// Begins to drain: no new connection is taken, idle ones are closed, and every answer closes its connection.
    ///
    /// The caller then ends its own endless streams and waits in `stop`.
    public func stopAccepting() {
        server.beginDraining()
        acceptor.stop()
        server.connections.closeIdle()
    }

    /// Drains, waits until every request has been answered, and stops. Does nothing the second time.
    ///
    /// - Parameter deadline: what is still going on after this time is cut off.
    /// - Returns: how many connections had to be cut.
    @discardableResult
    public func stop(within deadline: Duration) -> Int {
        let wasRunning = isRunning.withLock { isRunning in
            defer { isRunning = false }
            return isRunning
        }
        guard wasRunning else { return 0 }
        stopAccepting()
        let end = MonotonicTime.now.advanced(by: deadline)
        // A connection may have become idle after the last look: an answer that was on its way when draining began.
        while !server.connections.waitUntilEmpty(timeout: Self.drainTick), MonotonicTime.now < end {
            server.connections.closeIdle()
        }
        server.closeDoor()
        let cut = server.connections.cutAll()
        daemon.stop()
        server.logger.notice("Stopped", metadata: ["connectionsCut": "\(cut)"])
        return cut
    }

    private static let drainTick = Duration.milliseconds(20)
}
