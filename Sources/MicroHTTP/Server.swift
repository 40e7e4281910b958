internal import CMicroHTTPD
internal import Glibc
internal import HTTPExchange
internal import Logging
internal import Synchronization

/// What the callbacks of one listener share.
final class Server: Sendable {
    let name: String
    private let isUnix: Bool
    /// Nil without TLS.
    let door: TLSDoor?
    let limits: Limits
    let responder: any Responder
    let logger: Logger
    let troubleLog: TroubleLog
    let connections = ConnectionTable()
    private let draining = Atomic(false)
    private let doorIsClosed = Atomic(false)

    init(
        name: String, isUnix: Bool, door: TLSDoor?, limits: Limits, responder: any Responder, logger: Logger
    ) {
        self.name = name
        self.isUnix = isUnix
        self.door = door
        self.limits = limits
        self.responder = responder
        self.logger = logger
        troubleLog = TroubleLog(logger)
    }

    /// Every answer is the last one of its connection from now on.
    func beginDraining() { draining.store(true, ordering: .releasing) }

    var isDraining: Bool { draining.load(ordering: .acquiring) }

    /// From now on a connection is cut as soon as it begins.
    func closeDoor() { doorIsClosed.store(true, ordering: .releasing) }

    /// Enters a new connection. Whoever closes the door and then cuts all connections in the table misses none: this
    /// one is in the table by then, or finds the door closed.
    func welcome(_ connection: Connection) {
        connections.insert(connection)
        if connection.peer == nil || doorIsClosed.load(ordering: .acquiring) { connection.cut() }
    }

    /// Of what is asked for here.
    var scheme: String { door == nil ? "http" : "https" }

    /// Who is at the other end, asked once for each connection; nil when the system does not say, and then nobody
    /// must be served.
    func peer(of descriptor: Int32) -> Peer? {
        let transport =
            isUnix
            ? SocketAddress.unixPeer(of: descriptor)
            : SocketAddress.tcpPeer(of: descriptor, isTLS: door != nil)
        return transport.map { Peer(listener: name, transport: $0) }
    }
}
