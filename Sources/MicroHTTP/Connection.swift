internal import CMicroHTTPD
internal import Glibc
internal import HTTPExchange
internal import Threading

/// One accepted socket, from its first byte to its end; the library's connection points to it.
@safe final class Connection: Sendable {
    /// Nil when the system did not say who it is; the connection is cut at once then.
    let peer: Peer?
    /// Closed by the library, after it has told us that the connection is over.
    let descriptor: Int32
    let server: Server
    // SAFETY: touched only while the library has the connection: on its own thread, or while it sleeps under the lock.
    private nonisolated(unsafe) let handle: OpaquePointer
    let turn = Locked(Turn())

    init(peer: Peer?, descriptor: Int32, server: Server, handle: OpaquePointer) {
        self.peer = peer
        self.descriptor = descriptor
        self.server = server
        unsafe self.handle = handle
    }

    /// Takes the connection out of the event loop until `wake`. To be called in a callback, with the lock held.
    func suspend(_ turn: inout Turn, for sleep: Turn.Sleep) {
        turn.sleep = sleep
        // SAFETY: in a callback for this connection, as the library asks; it was not asleep.
        unsafe MHD_suspend_connection(handle)
    }

    /// Puts the connection back into the event loop if it sleeps. To be called with the lock held.
    func resume(_ turn: inout Turn) {
        guard turn.sleep != nil else { return }
        turn.sleep = nil
        // SAFETY: it sleeps, hence the library cannot have freed it.
        unsafe MHD_resume_connection(handle)
    }

    /// Ends the connection at the next opportunity. The socket itself is shut, so that also a client who is slow to
    /// take its answer does not hold it. The descriptor must still be ours: to be called with the table's lock held, or
    /// on the connection's own thread.
    func cut() {
        turn.withLock { turn in
            turn.isCut = true
            resume(&turn)
        }
        shutdown(descriptor, Int32(SHUT_RDWR))
    }

    /// Closes the connection if no request is under way. What has been sent already is still read and answered.
    func closeIfIdle() {
        if !turn.withLock({ $0.isBusy }) { shutdown(descriptor, Int32(SHUT_RD)) }
    }
}
