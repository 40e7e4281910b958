import HTTPExchange
import HTTPTypes
import MicroHTTP
import Testing
import Threading

@Suite("Bodies and their limits")
struct BodyLimitTests {
    /// 1,000 bytes may be collected, 10,000 are swallowed.
    private func limited() throws -> (listener: Listener, port: UInt16) {
        var limits = Limits()
        limits.swallowedBytes = 10_000
        return try serve(
            ClosureResponder(
                planner: { _ in .collect(maximumBytes: 1_000) },
                answerer: { request, exchange in exchange.answer(.text("\(request.body.count)")) }), limits: limits)
    }

    private static func chunked(_ chunks: [Int]) -> String {
        let body = chunks.map { "\(String($0, radix: 16))\r\n\(String(repeating: "x", count: $0))\r\n" }.joined()
        return "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n\(body)0\r\n\r\n"
    }

    private static func counted(_ count: Int, fields: String = "", isSent: Bool = true) -> String {
        "POST / HTTP/1.1\r\nHost: t\r\n\(fields)Content-Length: \(count)\r\n\r\n"
            + (isSent ? String(repeating: "x", count: count) : "")
    }

    @Test("A body of exactly the limit is taken, however it is framed")
    func atTheLimit() throws {
        let (listener, port) = try limited()
        defer { listener.stop(within: .zero) }
        let client = try RawClient(port: port)
        client.send(Self.counted(1_000))
        #expect(try client.takeAnswer().text == "1000")
        client.send(Self.chunked([999, 1]))
        #expect(try client.takeAnswer().text == "1000")
    }

    @Test("One byte more is 413 with a problem, and a small body does not cost the connection")
    func aboveTheLimit() throws {
        let (listener, port) = try limited()
        defer { listener.stop(within: .zero) }
        let client = try RawClient(port: port)
        client.send(Self.counted(1_001))
        let answer = try client.takeAnswer()
        #expect(answer.status == 413)
        #expect(answer["Content-Type"] == "application/problem+json")
        #expect(answer.text.contains(#""code":"body-too-large""#))
        #expect(answer["Connection"] == nil)
        client.send(Self.counted(1))
        #expect(try client.takeAnswer().text == "1")
    }

    @Test("A large body is refused before any of it is sent, and the connection closed")
    func early() throws {
        let (listener, port) = try limited()
        defer { listener.stop(within: .zero) }
        let client = try RawClient(port: port)
        client.send(Self.counted(1 << 30, isSent: false))
        let answer = try client.takeAnswer()
        #expect(answer.status == 413)
        #expect(answer["Connection"] == "close")
        #expect(try client.isClosedCleanly())
    }

    @Test("A client that waits for 100 Continue is told 413 instead")
    func earlyWithExpectation() throws {
        let (listener, port) = try limited()
        defer { listener.stop(within: .zero) }
        let client = try RawClient(port: port)
        client.send(Self.counted(1_001, fields: "Expect: 100-continue\r\n", isSent: false))
        #expect(try client.takeAnswer().status == 413)
        #expect(try client.isClosedCleanly())
    }

    @Test("A chunked body over the limit is swallowed, then 413 and the end of the connection")
    func chunkedOverTheLimit() throws {
        let (listener, port) = try limited()
        defer { listener.stop(within: .zero) }
        let client = try RawClient(port: port)
        client.send(Self.chunked([600, 600, 5_000]))
        let answer = try client.takeAnswer()
        #expect(answer.status == 413)
        #expect(answer["Connection"] == "close")
        #expect(try client.isClosedCleanly())
    }

    @Test("A chunked body beyond what is swallowed is cut off")
    func chunkedWithoutEnd() throws {
        let (listener, port) = try limited()
        defer { listener.stop(within: .zero) }
        let client = try RawClient(port: port)
        client.send("POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n")
        let chunk = "400\r\n\(String(repeating: "x", count: 1_024))\r\n"
        var sent = 0
        while sent < 64 << 20, client.send(chunk) == chunk.utf8.count { sent += chunk.utf8.count }
        #expect(sent < 64 << 20)
        #expect(eventually { listener.connectionCount == 0 })
    }

    @Test("A plan that refuses answers at once when there is no body, and keeps the connection")
    func refusedPlan() throws {
        let (listener, port) = try serve(
            ClosureResponder(
                planner: { _ in .refuse(.text("no", status: .notFound)) },
                answerer: { _, exchange in
                    Issue.record("the responder was asked about a refused request")
                    exchange.answer(.text(""))
                }))
        defer { listener.stop(within: .zero) }
        let client = try RawClient(port: port)
        client.get("/")
        #expect(try client.takeAnswer().status == 404)
        client.send(Self.counted(500))
        #expect(try client.takeAnswer().status == 404)
        client.send(Self.counted(1 << 30, isSent: false))
        let last = try client.takeAnswer()
        #expect(last.status == 404)
        #expect(last["Connection"] == "close")
    }

    @Test("A plan cannot ask for more than the listener allows")
    func ceiling() throws {
        var limits = Limits()
        limits.bodyBytes = 10
        let (listener, port) = try serve(
            ClosureResponder(
                planner: { _ in .collect(maximumBytes: .max) },
                answerer: { request, exchange in exchange.answer(.text("\(request.body.count)")) }), limits: limits)
        defer { listener.stop(within: .zero) }
        let client = try RawClient(port: port)
        client.send(Self.counted(10))
        #expect(try client.takeAnswer().text == "10")
        client.send(Self.counted(11))
        #expect(try client.takeAnswer().status == 413)
    }
}
