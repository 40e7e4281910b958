import HTTPExchange
import HTTPTypes
import MicroHTTP
import Testing
import Threading

/// A listener remembers the head and the answer of a connection's last request; nobody may notice but by the clock.
@Suite("The same request again")
struct RepeatedRequestTests {
    /// Says all that it is told of a request, and whether it was told the same before.
    private final class Reading: HeadReading {}

    private static let witness = ClosureResponder { request, exchange in
        let head = request.head
        let isKnown = head.reading != nil
        head.reading = Reading()
        let fields = head.fields.map { "\($0.name.canonicalName)=\($0.value)" }.joined(separator: ";")
        exchange.answer(
            .text("\(head.method) \(head.target.raw) \(head.request.authority ?? "-") [\(fields)] \(isKnown)"))
    }

    private func answers(to requests: [String], limits: Limits = Limits()) throws -> [String] {
        let (listener, port) = try serve(Self.witness, limits: limits)
        defer { listener.stop(within: .zero) }
        let client = try RawClient(port: port)
        return try requests.map { request in
            client.send(request)
            return try client.takeAnswer().text
        }
    }

    @Test("A head that is sent again means the same, and what was read out of it is found again")
    func same() throws {
        let request = "GET /a?b HTTP/1.1\r\nHost: t\r\nAccept: x\r\nX-Y:\r\n\r\n"
        #expect(
            try answers(to: [request, request, request]) == [
                "GET /a?b t [accept=x;x-y=] false", "GET /a?b t [accept=x;x-y=] true",
                "GET /a?b t [accept=x;x-y=] true",
            ])
    }

    @Test(
        "A head that differs in anything is another one",
        arguments: [
            ("GET /b HTTP/1.1\r\nHost: t\r\nA: 12\r\n\r\n", "GET /b t [a=12] false"),
            ("GET /aa HTTP/1.1\r\nHost: t\r\nA: 12\r\n\r\n", "GET /aa t [a=12] false"),
            ("PUT /a HTTP/1.1\r\nHost: t\r\nA: 12\r\n\r\n", "PUT /a t [a=12] false"),
            ("GETS /a HTTP/1.1\r\nHost: t\r\nA: 12\r\n\r\n", "GETS /a t [a=12] false"),
            ("GET /a HTTP/1.1\r\nHost: u\r\nA: 12\r\n\r\n", "GET /a u [a=12] false"),
            ("GET /a HTTP/1.1\r\nHost: t\r\nA: 13\r\n\r\n", "GET /a t [a=13] false"),
            ("GET /a HTTP/1.1\r\nHost: t\r\nA1: 2\r\n\r\n", "GET /a t [a1=2] false"),
            ("GET /a HTTP/1.1\r\nHost: t\r\nA: 1\r\n\r\n", "GET /a t [a=1] false"),
            ("GET /a HTTP/1.1\r\nHost: t\r\n\r\n", "GET /a t [] false"),
            ("GET /a HTTP/1.1\r\nHost: t\r\nA: 12\r\nB: 3\r\n\r\n", "GET /a t [a=12;b=3] false"),
            ("GET /a HTTP/1.1\r\nA: 12\r\nHost: t\r\n\r\n", "GET /a t [a=12] false"),
        ])
    func different(request: String, expected: String) throws {
        let first = "GET /a HTTP/1.1\r\nHost: t\r\nA: 12\r\n\r\n"
        let texts = try answers(to: [first, request, request, first])
        #expect(texts[0] == "GET /a t [a=12] false")
        #expect(texts[1] == expected)
        #expect(texts[2] == expected.replacing("false", with: "true"))
        #expect(texts[3] == "GET /a t [a=12] false")
    }

    @Test("A request with a body is read anew each time")
    func withBody() throws {
        let request = "POST /a HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\n\r\nhi"
        let expected = "POST /a t [content-length=2] false"
        #expect(try answers(to: [request, request]) == [expected, expected])
    }

    @Test("A long head is not remembered")
    func long() throws {
        let request = "GET /a HTTP/1.1\r\nHost: t\r\nA: \(String(repeating: "a", count: 2_000))\r\n\r\n"
        let texts = try answers(to: [request, request])
        #expect(texts.allSatisfy { $0.hasSuffix("false") })
    }

    @Test(
        "What is refused is refused after any number of good requests, and not remembered",
        arguments: [
            ("GET /a\0b HTTP/1.1\r\nHost: t\r\n\r\n", "bad-target"),
            ("GET /a HTTP/1.1\r\nHost: t\r\nHost: t\r\n\r\n", "bad-host"),
            ("GET /a HTTP/1.1\r\n\r\n", "bad-host"),
            ("GET /a HTTP/1.1\r\nHost: t\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n", "bad-framing"),
            ("GET /a HTTP/1.1\r\nHost: t\u{1}\r\n\r\n", "bad-field-value"),
        ])
    func refused(request: String, code: String) throws {
        let good = "GET /a HTTP/1.1\r\nHost: t\r\n\r\n"
        let texts = try answers(to: [good, good, request])
        #expect(texts[1] == "GET /a t [] true")
        #expect(texts[2].contains(#""code":"\#(code)""#))
    }

    @Test("A head that is the same but for white space is still too large when it is too large")
    func tooLarge() throws {
        var limits = Limits()
        (limits.headBytes, limits.targetBytes) = (300, 300)
        let padding = String(repeating: " ", count: 300)
        let texts = try answers(
            to: ["GET /a HTTP/1.1\r\nHost: t\r\n\r\n", "GET /a HTTP/1.1\r\nHost:\(padding)t\r\n\r\n"], limits: limits)
        #expect(texts[0] == "GET /a t [] false")
        #expect(texts[1].contains("head-too-large"))
    }

    @Test("A representation shown again has its fields, its bytes, and each time another request id")
    func representation() throws {
        let shown = [1, 2].map { number in
            Representation(
                fields: [.eTag: "\"\(number)\"", .contentType: "text/plain"],
                body: EncodedBody([UInt8]("body \(number)".utf8)))
        }
        let count = Locked(0)
        let responder = ClosureResponder { request, exchange in
            let number = count.withLock { count in
                count += 1
                return count
            }
            let status: HTTPResponse.Status = request.head.target.raw.hasSuffix("old") ? .notModified : .ok
            var response = Response(
                status: status, requestID: "id-\(number)",
                body: .representation(shown[request.head.target.raw.hasPrefix("/2") ? 1 : 0]))
            if request.head.target.raw.hasSuffix("more") { response.fields[.server] = "more" }
            exchange.answer(response)
        }
        let (listener, port) = try serve(responder)
        defer { listener.stop(within: .zero) }
        let client = try RawClient(port: port)
        for (number, path) in ["/1", "/1", "/1old", "/1", "/2", "/2", "/1more", "/2", "/1"].enumerated() {
            client.send("GET \(path) HTTP/1.1\r\nHost: t\r\n\r\n")
            let answer = try client.takeAnswer()
            let which = path.dropFirst().prefix(1)
            #expect(answer.status == (path.hasSuffix("old") ? 304 : 200))
            #expect(answer["ETag"] == "\"\(which)\"")
            #expect(answer["Content-Type"] == "text/plain")
            #expect(answer.fields.filter { $0.name == "X-Request-Id" }.map(\.value) == ["id-\(number + 1)"])
            #expect(answer.fields.filter { $0.name == "ETag" }.count == 1)
            #expect(answer["Server"] == (path.hasSuffix("more") ? "more" : nil))
            #expect(answer.text == (path.hasSuffix("old") ? "" : "body \(which)"))
        }
    }
}
