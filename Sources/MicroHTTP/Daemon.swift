internal import CMicroHTTPD
internal import Glibc

/// A running libmicrohttpd daemon: threads and an event loop, without a listening socket of its own.
///
/// The library would listen by itself, but then it can only stop listening through `MHD_quiesce_daemon`, which in
/// this version races with its own worker threads and aborts the process when it loses (it panics when the socket
/// has left the epoll set already).
@safe final class Daemon: Sendable {
    private let server: Server
    // SAFETY: the library's functions on it are thread-safe; it is freed once, by `stop`.
    private nonisolated(unsafe) let handle: OpaquePointer

    init?(_ server: Server, workers: Int) {
        self.server = server
        let context = unsafe Unmanaged.passUnretained(server).toOpaque()
        // The library gives each thread of its pool an equal share of this number, and a thread that reaches its share
        // forgets to release a lock: no thread may ever reach it, even if all connections fall to one.
        let connections = (server.limits.connections + Limits.spareConnections) * workers
        var settings = unsafe microhttpd_settings(
            handle: requestAdvanced, completed: requestEnded, connection: connectionChanged, target: targetArrived,
            log: troubleLogged, context: context, workers: UInt32(workers), connections: UInt32(connections),
            connection_memory_bytes: server.limits.connectionMemoryBytes, tls_priorities: nil)
        // SAFETY: the settings are read during the call; the server is held by this object for as long as the daemon
        // runs.
        guard let handle = unsafe Self.start(&settings, isTLS: server.door != nil) else { return nil }
        unsafe self.handle = handle
    }

    private static func start(_ settings: inout microhttpd_settings, isTLS: Bool) -> OpaquePointer? {
        guard isTLS else { return unsafe microhttpd_start(&settings) }
        return unsafe TLSContext.priorities.withCString { priorities in
            unsafe settings.tls_priorities = priorities
            // SAFETY: the text is read during the call.
            return unsafe microhttpd_start(&settings)
        }
    }

    /// Hands over an accepted socket; the library closes it, also when it cannot take it.
    func take(_ descriptor: Int32, from address: SocketAddress) {
        unsafe address.withSockaddr { pointer, count in
            // SAFETY: the address is copied during the call.
            _ = unsafe MHD_add_connection(handle, descriptor, pointer, count)
        }
    }

    /// Ends the threads and what connections are left. None may sleep, and none may fall asleep any more.
    func stop() {
        // SAFETY: called once, by the listener.
        unsafe MHD_stop_daemon(handle)
    }
}
