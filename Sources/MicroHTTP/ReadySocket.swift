internal import CMicroHTTPD
internal import Glibc

// Sockets that somebody else has opened, bound and let listen. Nothing about them is believed.
extension ListeningSocket {
    /// - Throws: `unusableSocket` unless it is a stream socket that listens where the endpoint says.
    static func ready(_ descriptor: Int32, for endpoint: Endpoint) throws(ListenerError) -> ListeningSocket {
        do throws(ListenerError) {
            let port = try check(descriptor, for: endpoint)
            guard fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0 else { throw .system(call: "fcntl", errno: errno) }
            let flags = fcntl(descriptor, F_GETFL)
            guard flags >= 0, fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) == 0 else {
                throw .system(call: "fcntl", errno: errno)
            }
            return ListeningSocket(descriptor: descriptor, port: port, file: nil)
        } catch {
            Glibc.close(descriptor)
            throw error
        }
    }

    private static func check(_ descriptor: Int32, for endpoint: Endpoint) throws(ListenerError) -> UInt16? {
        guard option(SO_TYPE, of: descriptor) == streamType else { throw .unusableSocket("it is no stream socket") }
        guard option(SO_ACCEPTCONN, of: descriptor) == 1 else { throw .unusableSocket("it does not listen") }
        // SAFETY: the call writes no more than the storage has room for.
        let (result, bound) = unsafe SocketAddress.filled { unsafe getsockname(descriptor, $0, $1) }
        guard result == 0 else { throw .system(call: "getsockname", errno: errno) }
        switch endpoint {
        case .unixSocket(let path, _):
            guard bound.unixPath == path else { throw .unusableSocket("it does not listen on '\(path)'") }
            return nil
        case .plainTCP(let address, let port), .tlsTCP(let address, let port, _):
            guard let wanted = SocketAddress.numeric(address, port: port) else { throw .unusableAddress(address) }
            if case .plainTCP = endpoint, !wanted.isLoopback { throw .notLoopback(address) }
            guard let place = bound.numeric, place.address == wanted.numeric?.address, port == 0 || place.port == port
            else { throw .unusableSocket("it does not listen on '\(address)', port \(port)") }
            return place.port
        }
    }

    private static func option(_ name: Int32, of descriptor: Int32) -> Int32? {
        var value: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        // SAFETY: the call writes one Int32.
        return unsafe getsockopt(descriptor, SOL_SOCKET, name, &value, &size) == 0 ? value : nil
    }

    /// SOCK_STREAM without flags.
    private static var streamType: Int32 { microhttpd_stream_socket & 0xF }
}
