internal import Glibc

/// A connection, or a device, that takes and gives whole messages. One owner closes it.
final class MessageSocket: Sendable {
    let descriptor: Int32

    /// Takes the descriptor over.
    init(descriptor: Int32) { self.descriptor = descriptor }

    deinit { close(descriptor) }

    /// What became of a message that was to be received.
    enum Received {
        case message([UInt8])
        /// The other end is gone, silent for too long, or sent what is no message.
        case nothing(String)
    }

    /// Sends a message whole or not at all.
    ///
    /// - Returns: why it was not sent; nil if it was.
    func send(_ bytes: [UInt8]) -> String? {
        while true {
            // SAFETY: the bytes are read during the call.
            let sent = unsafe Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
            if sent == bytes.count { return nil }
            if sent < 0, errno == EINTR { continue }
            return sent < 0 ? Self.explanation(errno) : "a message was cut off"
        }
    }

    func receive() -> Received {
        let limit = MessageLimits.bytesMax
        var failure = ""
        // SAFETY: `count` is what the kernel wrote, at most what the buffer has; with MSG_TRUNC it tells of more that was cut
        // off, which is refused.
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
            while true {
                let received = unsafe recv(descriptor, buffer.baseAddress, limit, Int32(MSG_TRUNC))
                if received < 0, errno == EINTR { continue }
                if received < 0 { failure = Self.explanation(errno) }
                if received == 0 { failure = "the other end has closed the connection" }
                if received > limit { failure = "a message is longer than \(limit) bytes" }
                count = failure.isEmpty ? received : 0
                return
            }
        }
        return failure.isEmpty ? .message(bytes) : .nothing(failure)
    }

    /// Ends both directions: who waits for a message gets none.
    func shutDown() { shutdown(descriptor, Int32(SHUT_RDWR)) }

    /// How long to wait for a message, or for room for one.
    func setPatience(seconds: Int) {
        var patience = timeval(tv_sec: seconds, tv_usec: 0)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            // SAFETY: the call reads one structure.
            unsafe setsockopt(descriptor, SOL_SOCKET, option, &patience, socklen_t(MemoryLayout<timeval>.size))
        }
    }

    /// The uid of the process at the other end, when it connected; nil if the kernel does not say.
    var peerUserID: uid_t? {
        // `struct ucred`: pid, uid, gid, 32 bits each.
        var peer: [UInt32] = [0, 0, 0]
        let structureBytes = socklen_t(peer.count * MemoryLayout<UInt32>.size)
        var size = structureBytes
        // SAFETY: the kernel fills no more than the size it is told, which is the array's.
        guard unsafe getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0, size == structureBytes
        else { return nil }
        return peer[1]
    }

    static func explanation(_ number: Int32) -> String {
        switch number {
        case EPIPE, ECONNRESET: "the other end has closed the connection"
        case EAGAIN: "the other end has been silent for too long"
        case ECONNREFUSED: "nobody listens there"
        case ENOENT: "there is no such socket"
        case EACCES: "permission denied"
        case ENOTSOCK: "it is no socket"
        case EPROTOTYPE: "it is a socket of another kind"
        case EADDRINUSE: "something of that name is there already"
        case EMFILE, ENFILE: "too many files are open"
        default: "errno \(number)"
        }
    }
}
