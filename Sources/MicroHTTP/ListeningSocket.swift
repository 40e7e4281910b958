internal import CMicroHTTPD
internal import Glibc
internal import HTTPExchange
internal import Threading

/// A bound and listening socket, and for a Unix socket the file that stands for it.
final class ListeningSocket: Sendable {
    let descriptor: Int32
    let port: UInt16?
    private let file: SocketFile?
    private let isOpen = Locked(true)

    init(descriptor: Int32, port: UInt16?, file: SocketFile?) {
        self.descriptor = descriptor
        self.port = port
        self.file = file
    }

    deinit { close() }

    /// Refuses new connections from now on and takes the file away. Does nothing the second time.
    func close() {
        let wasOpen = isOpen.withLock { isOpen in
            defer { isOpen = false }
            return isOpen
        }
        guard wasOpen else { return }
        file?.remove()
        Glibc.close(descriptor)
    }

    static func tcp(_ text: String, port: UInt16, onLoopbackOnly: Bool) throws(ListenerError) -> ListeningSocket {
        guard let address = SocketAddress.numeric(text, port: port) else { throw .unusableAddress(text) }
        guard address.isLoopback || !onLoopbackOnly else { throw .notLoopback(text) }
        let descriptor = try open(address.family)
        do throws(ListenerError) {
            var on: Int32 = 1
            // SAFETY: the call reads one Int32.
            unsafe setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
            if address.family == AF_INET6 {
                // SAFETY: the call reads one Int32.
                unsafe setsockopt(
                    descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, &on, socklen_t(MemoryLayout<Int32>.size))
            }
            try bind(descriptor, to: address, named: "\(text):\(port)")
            try listen(on: descriptor, named: "\(text):\(port)")
            // SAFETY: the call writes no more than the storage has room for.
            let (result, bound) = unsafe SocketAddress.filled { unsafe getsockname(descriptor, $0, $1) }
            guard result == 0, let numeric = bound.numeric else { throw .system(call: "getsockname", errno: errno) }
            return ListeningSocket(descriptor: descriptor, port: numeric.port, file: nil)
        } catch {
            Glibc.close(descriptor)
            throw error
        }
    }

    static func unix(_ path: String, mode: UInt32) throws(ListenerError) -> ListeningSocket {
        guard let address = SocketAddress.unix(path) else { throw .unusablePath(path) }
        try SocketFile.clearStale(path, address)
        let descriptor = try open(AF_UNIX)
        do throws(ListenerError) {
            // The file is born with the socket's own mode less the umask: never wider than asked, not for an instant.
            guard fchmod(descriptor, mode) == 0 else { throw .system(call: "fchmod", errno: errno) }
            try bind(descriptor, to: address, named: path)
            do throws(ListenerError) {
                // SAFETY: the path is read during the call.
                guard unsafe chmod(path, mode) == 0 else { throw .system(call: "chmod", errno: errno) }
                try listen(on: descriptor, named: path)
                return ListeningSocket(descriptor: descriptor, port: nil, file: try SocketFile(path))
            } catch {
                SocketFile.unlink(path)
                throw error
            }
        } catch {
            Glibc.close(descriptor)
            throw error
        }
    }

    private static func open(_ family: Int32) throws(ListenerError) -> Int32 {
        let descriptor = socket(family, microhttpd_stream_socket, 0)
        guard descriptor >= 0 else { throw .system(call: "socket", errno: errno) }
        return descriptor
    }

    private static func bind(
        _ descriptor: Int32, to address: SocketAddress, named name: String
    ) throws(ListenerError) {
        // SAFETY: the address is read during the call.
        let result = unsafe address.withSockaddr { unsafe Glibc.bind(descriptor, $0, $1) }
        if result == 0 { return }
        throw errno == EADDRINUSE ? .inUse(name) : .system(call: "bind", errno: errno)
    }

    private static func listen(on descriptor: Int32, named name: String) throws(ListenerError) {
        if Glibc.listen(descriptor, Limits.backlog) == 0 { return }
        throw errno == EADDRINUSE ? .inUse(name) : .system(call: "listen", errno: errno)
    }
}
