import HTTPExchange
import HTTPTypes
import MicroHTTP
import Testing
import Threading

@Suite("Clients that stop sending")
struct HalfClosedTests {
    /// Less than any deadline; the listener looks once a second.
    static let soon = Duration.seconds(5)
    static let clients = 20

    @Test(
        "An end of stream that comes together with the last bytes is noticed long before a deadline",
        arguments: [
            "GET / HTT", "\u{16}\u{3}\u{1}", "GET / HTTP/1.1\r\nHost: t\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 9\r\n\r\nabc",
        ])
    func noticed(request: String) throws {
        var limits = Limits()
        (limits.headSeconds, limits.bodySeconds, limits.idleSeconds) = (60, 60, 60)
        let (listener, port) = try serve(echo, limits: limits)
        defer { listener.stop(within: .zero) }
        let start = MonotonicTime.now
        let clients = try (0..<Self.clients).map { _ in try RawClient(port: port) }
        for client in clients {
            client.send(request)
            client.stopSending()
        }
        for client in clients {
            let rest = try client.takeRest()
            #expect(rest.isEmpty == !request.hasSuffix("\r\n\r\n"))
        }
        #expect(eventually { listener.connectionCount == 0 })
        #expect(MonotonicTime.now.duration(since: start) < Self.soon)
    }
}
