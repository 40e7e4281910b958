internal import CMicroHTTPD
internal import HTTPExchange
internal import Threading

/// A connection's seat in the library's event loop, which it leaves while it sleeps.
///
/// The one part of a connection that a stream's wake holds on to: a source that keeps its wake longer than it should
/// does not keep the server.
@safe final class Seat: Sendable {
    // SAFETY of all uses: touched only while the library has the connection: on its own thread, or while it sleeps under the lock.
    private nonisolated(unsafe) let handle: OpaquePointer
    let turn = Locked(Turn())

    init(handle: OpaquePointer) { unsafe self.handle = handle }

    /// What the client has shown in its handshake: DER, its own certificate first; empty when it showed nothing. To be
    /// called on the connection's own thread.
    func certificateChain() -> [[UInt8]] {
        var count: UInt32 = 0
        // SAFETY: the library has the connection and its session; what the session hands out is good until the session
        // is used again, and is copied here.
        guard let session = unsafe microhttpd_session(handle),
            let first = unsafe gnutls_certificate_get_peers(session, &count)
        else { return [] }
        let certificates = unsafe UnsafeBufferPointer(start: first, count: Int(count))
        return unsafe certificates.prefix(TLSConfiguration.largestChain + 1).map { certificate in
            unsafe [UInt8](UnsafeBufferPointer(start: certificate.data, count: Int(certificate.size)))
        }
    }

    /// Takes the connection out of the event loop until `resume`. To be called in a callback, with the lock held.
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

    /// Wakes the stream of the request with this serial number; harmless once that request is over.
    func wake(for serial: UInt64) -> Wake {
        Wake { [self] in
            turn.withLock { turn in
                guard turn.serial == serial else { return }
                switch turn.sleep {
                case .upload, .download: resume(&turn)
                case .answer: break
                case nil: turn.woken = true
                }
            }
        }
    }
}
