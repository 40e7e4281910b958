internal import Glibc

/// A Unix socket by its path, for whole messages.
struct SocketPlace: Sendable {
    let path: String

    private static let kind = Int32(SOCK_SEQPACKET.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    /// Connections that wait to be accepted.
    private static let backlog: Int32 = 64
    /// Nobody but us and root.
    private static let mode: mode_t = 0o600

    /// - Throws: ``TransportError`` if nobody listens there who may.
    func connect() throws(TransportError) -> MessageSocket {
        let socket = try make()
        // SAFETY: the address is read during the call.
        guard unsafe try withAddress({ unsafe Glibc.connect(socket.descriptor, $0, $1) }) == 0 else {
            throw TransportError("\(path): \(MessageSocket.explanation(errno))")
        }
        return socket
    }

    /// A socket that listens; one that nobody listens on any more is replaced.
    ///
    /// - Throws: ``TransportError`` if the path is taken, or no socket can be there.
    func listen() throws(TransportError) -> MessageSocket {
        var status = stat()
        // SAFETY: the path is read and the structure filled during the call.
        if unsafe lstat(path, &status) == 0 {
            guard status.st_mode & S_IFMT == S_IFSOCK else {
                throw TransportError("\(path): there is something else already")
            }
            guard (try? connect()) == nil else { throw TransportError("\(path): somebody serves there already") }
            // SAFETY: the path is read during the call.
            unsafe unlink(path)
        }
        let socket = try make()
        // Until it is ours alone nobody can connect, because nothing listens yet.
        // SAFETY: the path is read during the call, and the address as withAddress gives it.
        guard unsafe try withAddress({ unsafe bind(socket.descriptor, $0, $1) }) == 0,
            unsafe chmod(path, Self.mode) == 0, Glibc.listen(socket.descriptor, Self.backlog) == 0
        else { throw TransportError("\(path): \(MessageSocket.explanation(errno))") }
        return socket
    }

    /// Removes the name.
    func remove() {
        // SAFETY: the path is read during the call.
        unsafe unlink(path)
    }

    private func make() throws(TransportError) -> MessageSocket {
        let descriptor = socket(AF_UNIX, Self.kind, 0)
        guard descriptor >= 0 else { throw TransportError("no socket: \(MessageSocket.explanation(errno))") }
        return MessageSocket(descriptor: descriptor)
    }

    private func withAddress(
        _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) throws(TransportError) -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = [UInt8](path.utf8)
        guard !bytes.isEmpty, bytes.count < MemoryLayout.size(ofValue: address.sun_path) else {
            throw TransportError("\(path): the path of a socket is 1 to 107 bytes long")
        }
        // SAFETY: fewer bytes than the field has; the rest is zero already.
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: bytes) }
        return unsafe withUnsafePointer(to: address) { pointer in
            // SAFETY: a Unix address begins as sockaddr does.
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }
}

/// Why there is no connection.
public struct TransportError: Error, Hashable, Sendable, CustomStringConvertible {
    /// A sentence with the place.
    public let description: String

    init(_ description: String) { self.description = description }
}
