internal import CMicroHTTPD
internal import Glibc
internal import HTTPExchange
internal import Logging
internal import Synchronization

/// What the callbacks of one listener share.
final class Server: Sendable {
    let name: String
    let limits: Limits
    let responder: any Responder
    let logger: Logger
    let libraryLog: LibraryLog
    let connections = ConnectionTable()
    private let draining = Atomic(false)
    private let sleepless = Atomic(false)

    init(name: String, limits: Limits, responder: any Responder, logger: Logger) {
        self.name = name
        self.limits = limits
        self.responder = responder
        self.logger = logger
        libraryLog = LibraryLog(logger)
    }

    /// Every answer is the last one of its connection from now on.
    func beginDraining() { draining.store(true, ordering: .releasing) }

    var isDraining: Bool { draining.load(ordering: .acquiring) }

    /// From now on every connection behaves as if it were cut. To be called before the connections are cut: one that
    /// comes into being meanwhile finds this set, all others are found in the table.
    func forbidSleep() { sleepless.store(true, ordering: .sequentiallyConsistent) }

    var forbidsSleep: Bool { sleepless.load(ordering: .sequentiallyConsistent) }

    /// Who is at the other end, asked once for each connection.
    func peer(of descriptor: Int32) -> Peer { Peer(listener: name, transport: SocketAddress.transport(of: descriptor)) }
}
