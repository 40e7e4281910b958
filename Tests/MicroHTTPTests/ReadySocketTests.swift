import Glibc
import HTTPExchange
import MicroHTTP
import Testing

@Suite("Sockets that are handed over")
struct ReadySocketTests {
    private static let stream: Int32 = 1
    private static let datagram: Int32 = 2

    /// A socket on a loopback port of the system's choice.
    private func socketOnLoopback(_ kind: Int32 = stream, listening: Bool = true) -> (descriptor: Int32, port: UInt16) {
        let descriptor = socket(AF_INET, kind, 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        // SAFETY: the calls read or write one address of the size that they are told.
        unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe bind(descriptor, $0, size)
                unsafe getsockname(descriptor, $0, &size)
            }
        }
        if listening { listen(descriptor, 8) }
        return (descriptor, UInt16(bigEndian: address.sin_port))
    }

    private func listener(_ descriptor: Int32, at endpoint: Endpoint) throws(ListenerError) -> Listener {
        try Listener(name: "test", at: endpoint, readySocket: descriptor, responder: echo, logger: quietLogger)
    }

    @Test("A listening socket is served where it listens, and kept from children")
    func served() throws {
        let (descriptor, port) = socketOnLoopback()
        let listener = try listener(descriptor, at: .plainTCP(address: "127.0.0.1", port: port))
        defer { listener.stop(within: .zero) }
        #expect(listener.port == port)
        #expect(fcntl(descriptor, F_GETFD) == FD_CLOEXEC)
        let client = try RawClient(port: port)
        client.get("/a")
        #expect(try client.takeAnswer().text == "GET /a ")
    }

    @Test("A socket's port counts when the endpoint leaves it open")
    func anyPort() throws {
        let (descriptor, port) = socketOnLoopback()
        let listener = try listener(descriptor, at: .plainTCP(address: "127.0.0.1", port: 0))
        defer { listener.stop(within: .zero) }
        #expect(listener.port == port)
    }

    @Test("What is no stream socket, does not listen, or listens elsewhere is refused and closed")
    func refused() throws {
        let (datagram, _) = socketOnLoopback(Self.datagram, listening: false)
        let (silent, _) = socketOnLoopback(listening: false)
        let (elsewhere, port) = socketOnLoopback()
        let (tcp, _) = socketOnLoopback()
        let (other, _) = socketOnLoopback()
        let any = Endpoint.plainTCP(address: "127.0.0.1", port: 0)
        for (descriptor, endpoint, reason) in [
            (datagram, any, "it is no stream socket"), (silent, any, "it does not listen"),
            (
                elsewhere, .plainTCP(address: "127.0.0.1", port: port ^ 1),
                "it does not listen on '127.0.0.1', port \(port ^ 1)"
            ),
            (tcp, .unixSocket(path: "/tmp/none", mode: 0o600), "it does not listen on '/tmp/none'"),
            (other, .plainTCP(address: "127.0.0.2", port: 0), "it does not listen on '127.0.0.2', port 0"),
        ] {
            #expect(throws: ListenerError.unusableSocket(reason)) { try listener(descriptor, at: endpoint) }
        }
    }

    @Test("A descriptor that is not open is refused")
    func notOpen() {
        #expect(throws: ListenerError.unusableSocket("it is no stream socket")) {
            // Beyond any limit of open files: no other test can have it, and lose it here.
            try listener(1 << 30, at: .plainTCP(address: "127.0.0.1", port: 0))
        }
    }
}
