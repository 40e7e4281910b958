internal import CMicroHTTPD
internal import Glibc
internal import HTTPExchange
internal import Threading

/// One accepted socket, from its first byte to its end; the library's connection points to it.
final class Connection: Sendable {
    /// Nil when the system did not say who it is; the connection is cut at once then.
    let peer: Peer?
    /// Closed by the library, after it has told us that the connection is over.
    let descriptor: Int32
    let server: Server
    let seat: Seat
    /// Nil without TLS.
    let proof: ClientProof?
    /// Nil without TLS.
    let transport: TLSTransport?
    let deadline = Deadline()
    let kept = KeptAnswer()
    let memory = HeadMemory()

    init(
        peer: Peer?, proof: ClientProof?, transport: TLSTransport?, descriptor: Int32, server: Server, seat: Seat
    ) {
        self.peer = peer
        self.proof = proof
        self.transport = transport
        self.descriptor = descriptor
        self.server = server
        self.seat = seat
        deadline.set(.head, .coarse.advanced(bySeconds: server.limits.headSeconds))
    }

    var turn: Locked<Turn> { seat.turn }

    /// Changes whenever the client may have to be judged again.
    var generation: UInt64 { server.door?.generation ?? 0 }

    /// Who is at the other end, judged by what is believed now. To be called on the connection's own thread, once the
    /// first request has come.
    func peerNow() -> Peer? {
        guard let proof, var peer else { return peer }
        guard case .tls(let address, let port, _) = peer.transport else { return peer }
        let identity = proof.identity { seat.certificateChain() }
        peer.transport = .tls(address: address, port: port, identity: identity)
        return peer
    }

    /// Ends the connection at the next opportunity. The socket itself is shut, so that also a client who is slow to
    /// take its answer does not hold it. The descriptor must still be ours: to be called with the table's lock held, or
    /// on the connection's own thread.
    func cut() {
        turn.withLock { turn in
            turn.isCut = true
            seat.resume(&turn)
        }
        shutdown(descriptor, microhttpd_shut_both)
    }

    /// Ends the connection because its client has missed a deadline. To be called with the table's lock held.
    ///
    /// A request that is just arriving on an idle connection is still served. But a client that goes on sending can
    /// hide the end of the stream from the library, so the second time is final.
    func leaveLate(_ duty: Deadline.Duty, at now: MonotonicTime) {
        guard duty == .nextRequest else {
            deadline.clear()
            return cut()
        }
        deadline.set(.head, now.advanced(bySeconds: 1))
        closeIfIdle()
    }

    /// Closes the connection if no request is under way. What has been sent already is still read and answered.
    func closeIfIdle() {
        if !turn.withLock({ $0.isBusy }) { lookForEnd() }
    }

    /// Lets the library find that the client sends no more. What has been sent already is still read and answered.
    func lookForEnd() { shutdown(descriptor, microhttpd_shut_reading) }
}
