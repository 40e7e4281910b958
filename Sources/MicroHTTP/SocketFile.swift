internal import CMicroHTTPD
internal import Glibc

/// The file of a Unix socket, known by its inode so that nobody else's is taken away.
struct SocketFile: Sendable {
    private let path: String
    private let device: UInt
    private let inode: UInt

    init(_ path: String) throws(ListenerError) {
        guard let status = Self.status(path) else { throw .system(call: "lstat", errno: errno) }
        self.path = path
        device = UInt(status.st_dev)
        inode = UInt(status.st_ino)
    }

    func remove() {
        guard let status = Self.status(path) else { return }
        if UInt(status.st_dev) == device, UInt(status.st_ino) == inode { Self.unlink(path) }
    }

    @discardableResult static func unlink(_ path: String) -> Int32 {
        // SAFETY: the path is read during the call.
        unsafe Glibc.unlink(path)
    }

    /// Takes away a socket nobody listens on any more, as a crash leaves it.
    static func clearStale(_ path: String, _ address: SocketAddress) throws(ListenerError) {
        guard let status = status(path) else { return }
        guard status.st_mode & S_IFMT == S_IFSOCK else { throw .notASocket(path: path) }
        let probe = socket(AF_UNIX, microhttpd_stream_socket, 0)
        guard probe >= 0 else { throw .system(call: "socket", errno: errno) }
        defer { close(probe) }
        // SAFETY: the address is read during the call.
        let result = unsafe address.withSockaddr { unsafe connect(probe, $0, $1) }
        if result == 0 || errno == EAGAIN { throw .inUse(path) }  // EAGAIN is a full backlog: somebody is there.
        guard errno == ECONNREFUSED else { throw .system(call: "connect", errno: errno) }
        guard unlink(path) == 0 || errno == ENOENT else { throw .system(call: "unlink", errno: errno) }
    }

    private static func status(_ path: String) -> stat? {
        var status = stat()
        // SAFETY: the call fills the structure it is given, or fails.
        return unsafe lstat(path, &status) == 0 ? status : nil
    }
}
