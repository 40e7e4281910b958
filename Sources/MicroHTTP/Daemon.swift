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
        var settings = unsafe microhttpd_settings(
            handle: requestAdvanced, completed: requestEnded, connection: connectionChanged, target: targetArrived,
            log: troubleLogged, context: context, workers: UInt32(workers),
            connections: UInt32(server.limits.connections + Limits.spareConnections),
            idle_seconds: server.limits.idleSeconds, connection_memory_bytes: Limits.connectionMemoryBytes)
        // SAFETY: the settings are read during the call; the server is held by this object for as long as the daemon runs.
        guard let handle = unsafe microhttpd_start(&settings) else { return nil }
        unsafe self.handle = handle
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
