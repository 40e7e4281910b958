import HTTPExchange
import HTTPTypes
import MicroHTTP
import Testing
import Threading

@Suite("Requests that are refused before anybody is asked")
struct ProtocolTests {
    struct Case: CustomTestStringConvertible, Sendable {
        var name: String
        var request: String
        var status: Int
        var code: String

        init(_ name: String, _ request: String, _ status: Int, _ code: String) {
            self.name = name
            self.request = request
            self.status = status
            self.code = code
        }

        var testDescription: String { name }
    }

    static let cases = [
        Case("NUL in the target, encoded", "GET /m%00x HTTP/1.1\r\nHost: t\r\n\r\n", 400, "bad-target"),
        Case("NUL in the target, raw", "GET /m\0x HTTP/1.1\r\nHost: t\r\n\r\n", 400, "bad-target"),
        Case("NUL at the target's end", "GET /m\0 HTTP/1.1\r\nHost: t\r\n\r\n", 400, "bad-target"),
        Case("NUL in the query, raw", "GET /m?a\0b HTTP/1.1\r\nHost: t\r\n\r\n", 400, "bad-target"),
        Case("slash in a segment, encoded", "GET /a%2Fb HTTP/1.1\r\nHost: t\r\n\r\n", 400, "bad-target"),
        Case("percent sign without digits", "GET /a%2 HTTP/1.1\r\nHost: t\r\n\r\n", 400, "bad-target"),
        Case("query that is not UTF-8", "GET /a?b=%ff HTTP/1.1\r\nHost: t\r\n\r\n", 400, "bad-target"),
        Case("space in the target", "GET /a b HTTP/1.1\r\nHost: t\r\n\r\n", 400, "bad-target"),
        Case("fragment in the target", "GET /a#b HTTP/1.1\r\nHost: t\r\n\r\n", 400, "bad-target"),
        Case("control character in the target", "GET /a\u{1}b HTTP/1.1\r\nHost: t\r\n\r\n", 400, "bad-target"),
        Case("target beyond ASCII", "GET /é HTTP/1.1\r\nHost: t\r\n\r\n", 400, "bad-target"),
        Case("relative target", "GET a/b HTTP/1.1\r\nHost: t\r\n\r\n", 400, "bad-target"),
        Case("foreign scheme", "GET ftp://t/ HTTP/1.1\r\nHost: t\r\n\r\n", 400, "bad-target"),
        Case("asterisk without OPTIONS", "GET * HTTP/1.1\r\nHost: t\r\n\r\n", 400, "bad-target"),
        Case("user information in the target", "GET http://u@t/ HTTP/1.1\r\nHost: t\r\n\r\n", 400, "bad-host"),
        Case("CONNECT", "CONNECT t:443 HTTP/1.1\r\nHost: t\r\n\r\n", 501, "connect"),
        Case("method that is no token", "G@T / HTTP/1.1\r\nHost: t\r\n\r\n", 400, "bad-method"),
        Case("no Host", "GET / HTTP/1.1\r\n\r\n", 400, "bad-host"),
        Case("two Hosts", "GET / HTTP/1.1\r\nHost: t\r\nHost: t\r\n\r\n", 400, "bad-host"),
        Case("two Hosts in one field", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", 400, "bad-host"),
        Case("Host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400, "bad-host"),
        Case(
            "two different Content-Lengths",
            "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400, "bad-framing"),
        Case(
            "two equal Content-Lengths",
            "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na", 400, "bad-framing"),
        Case(
            "Content-Length with chunked",
            "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400,
            "bad-framing"),
        Case(
            "chunked in HTTP/1.0", "POST / HTTP/1.0\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400,
            "bad-framing"),
        Case(
            "space before the colon", "POST / HTTP/1.1\r\nHost: t\r\nContent-Length : 2\r\n\r\nhi", 400,
            "bad-field-name"),
        Case("field name that is no token", "GET / HTTP/1.1\r\nHost: t\r\nA(: b\r\n\r\n", 400, "bad-field-name"),
        Case("control character in a field", "GET / HTTP/1.1\r\nHost: t\r\nA: b\u{1}\r\n\r\n", 400, "bad-field-value"),
        Case(
            "unknown transfer coding", "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: gzip\r\n\r\n", 501,
            "unknown-transfer-coding"),
        Case(
            "two transfer codings", "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501,
            "unknown-transfer-coding"),
        Case(
            "a transfer coding in two fields",
            "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            501,
            "unknown-transfer-coding"),
        Case(
            "a transfer coding twice", "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked, chunked\r\n\r\n", 501,
            "unknown-transfer-coding"),
        Case(
            "the transfer coding identity", "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: identity\r\n\r\n", 501,
            "unknown-transfer-coding"),
        Case(
            "a transfer coding behind a control character",
            "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: \u{b}chunked\r\n\r\n", 400, "bad-field-value"),
        Case(
            "a transfer coding in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400,
            "bad-framing"),
        Case("CR alone in a field", "GET / HTTP/1.1\r\nHost: t\r\nA: b\rC: d\r\n\r\n", 400, "bad-field-value"),
        Case("CR alone in the target", "GET /a\rb HTTP/1.1\r\nHost: t\r\n\r\n", 400, "bad-target"),
        Case("space before the colon of Host", "GET / HTTP/1.1\r\nHost : t\r\n\r\n", 400, "bad-field-name"),
        Case(
            "unknown expectation", "GET / HTTP/1.1\r\nHost: t\r\nExpect: a-miracle\r\n\r\n", 417,
            "unknown-expectation"),
        Case(
            "long target", "GET /\(String(repeating: "a", count: 4_096)) HTTP/1.1\r\nHost: t\r\n\r\n", 414,
            "target-too-long"),
        Case(
            "long head", "GET / HTTP/1.1\r\nHost: t\r\nA: \(String(repeating: "a", count: 8_192))\r\n\r\n", 431,
            "head-too-large"),
        Case(
            "many fields",
            "GET / HTTP/1.1\r\nHost: t\r\n\((0..<64).map { "A\($0): b\r\n" }.joined())\r\n", 431, "head-too-large"),
    ]

    @Test("A refusal is a problem, and closes the connection", arguments: cases)
    func refused(_ example: Case) throws {
        let (listener, port) = try serve(
            ClosureResponder { request, exchange in
                Issue.record("the responder was asked: \(request.head.request)")
                exchange.answer(.text(""))
            })
        defer { listener.stop(within: .zero) }
        let client = try RawClient(port: port)
        client.send(example.request)
        let answer = try client.takeAnswer()
        #expect(answer.status == example.status)
        #expect(answer["Content-Type"] == "application/problem+json")
        #expect(answer["Connection"] == "close")
        #expect(answer.text.contains(#""code":"\#(example.code)""#))
        #expect(answer.text.contains(#""status":\#(example.status)"#))
        #expect(try client.isClosedCleanly())
    }

    @Test(
        "What is unusual and right is served",
        arguments: [
            ("GET http://other:8/a?b HTTP/1.1\r\nHost: t\r\n\r\n", "GET /a?b other:8"),
            ("GET http://other HTTP/1.1\r\nHost: t\r\n\r\n", "GET / other"),
            ("GET http://other?q HTTP/1.1\r\nHost: t\r\n\r\n", "GET /?q other"),
            ("OPTIONS * HTTP/1.1\r\nHost: t\r\n\r\n", "OPTIONS * t"),
            ("GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", "GET / [::1]:80"),
            ("GET /a%252F?x=%20/ HTTP/1.1\r\nHost: t\r\n\r\n", "GET /a%252F?x=%20/ t"),
            ("BREW /pot HTTP/1.1\r\nHost: t\r\n\r\n", "BREW /pot t"),
            ("\r\nGET / HTTP/1.1\r\nHost: t\r\n\r\n", "GET / t"),
            // Ends of line without CR, and folded fields: the library takes them in before anybody can see.
            ("GET /lf HTTP/1.1\nHost: t\n\n", "GET /lf t"),
            ("GET /folded HTTP/1.1\r\nHost: t\r\nA: b\r\n c\r\n\r\n", "GET /folded t"),
            ("POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: CHUNKED\r\n\r\n0\r\n\r\n", "POST / t"),
        ])
    func served(request: String, expected: String) throws {
        let (listener, port) = try serve(
            ClosureResponder { request, exchange in
                let head = request.head.request
                exchange.answer(.text("\(head.method) \(head.path ?? "") \(head.authority ?? "")"))
            })
        defer { listener.stop(within: .zero) }
        let client = try RawClient(port: port)
        client.send(request)
        #expect(try client.takeAnswer().text == expected)
    }

    @Test("The largest head, target and number of fields are served")
    func atTheLimits() throws {
        let (listener, port) = try serve(
            ClosureResponder { request, exchange in
                exchange.answer(.text("\(request.head.target.raw.utf8.count) \(request.head.fields.count)"))
            })
        defer { listener.stop(within: .zero) }
        let client = try RawClient(port: port)
        let target = "/" + String(repeating: "a", count: 4_095)
        var head = "GET \(target) HTTP/1.1\r\nHost: t\r\n" + (0..<62).map { "A\($0): b\r\n" }.joined()
        let rest = 8_192 - head.utf8.count - "Z: \r\n\r\n".utf8.count
        head += "Z: \(String(repeating: "z", count: rest))\r\n\r\n"
        #expect(head.utf8.count == 8_192)
        client.send(head)
        // Host is not among the fields: it is the authority.
        #expect(try client.takeAnswer().text == "4096 63")
    }

    @Test("Other limits are kept just as well", arguments: [(1, 300), (8, 1_000), (64, 65_536), (1_024, 65_536)])
    func otherLimits(fields: Int, headBytes: Int) throws {
        var limits = Limits()
        (limits.fields, limits.headBytes, limits.targetBytes) = (fields, headBytes, headBytes)
        let (listener, port) = try serve(
            ClosureResponder { request, exchange in exchange.answer(.text("\(request.head.fields.count)")) },
            limits: limits)
        defer { listener.stop(within: .zero) }
        let client = try RawClient(port: port)
        var head = "GET / HTTP/1.1\r\nHost: " + (fields == 1 ? "" : "t\r\n")
        head += (0..<(fields - 1)).dropLast().map { "A\($0): b\r\n" }.joined() + (fields == 1 ? "" : "Z: ")
        head += String(repeating: "z", count: headBytes - head.utf8.count - 4)
        client.send(head + "\r\n\r\n")
        #expect(try client.takeAnswer().text == "\(fields - 1)")
        client.send(head + "z\r\n\r\n")
        let refused = try client.takeAnswer()
        #expect(refused.status == 431)
        #expect(refused.text.contains("head-too-large"))
    }

    @Test("The responder may word the refusals itself")
    func ownWords() throws {
        struct Wordy: Responder {
            func plan(for head: RequestHead) -> BodyPlan { .collect(maximumBytes: 0) }
            func respond(to request: Request, through exchange: Exchange) { exchange.answer(.text("")) }
            func response(to refusal: Refusal, of head: RequestHead?) -> Response {
                .text("\(refusal.code) \(head?.target.raw ?? "-")", status: refusal.status)
            }
        }
        let (listener, port) = try serve(Wordy())
        defer { listener.stop(within: .zero) }
        let client = try RawClient(port: port)
        client.send("POST /p HTTP/1.1\r\nHost: t\r\nContent-Length: 1\r\n\r\nx")
        #expect(try client.takeAnswer().text == "body-too-large /p")
        client.send("GET / HTTP/1.1\r\n\r\n")
        #expect(try client.takeAnswer().text == "bad-host -")
    }

    /// Not ours to word: libmicrohttpd answers before it asks anybody. Pinned, so that a change is noticed.
    static let libraryCases = [
        Case("unknown version", "GET / HTTP/2.0\r\nHost: t\r\n\r\n", 505, "<html>"),
        Case("CR alone after the version", "GET / HTTP/1.1\rHost: t\r\n\r\n", 400, "<html>"),
        Case(
            "target larger than the library's memory",
            "GET /\(String(repeating: "a", count: 40_000)) HTTP/1.1\r\nHost: t\r\n\r\n", 414, "<html>"),
        Case("field without a colon", "GET / HTTP/1.1\r\nHost\r\n\r\n", 400, "<html>"),
        Case(
            "Content-Length that is no number", "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: x\r\n\r\n", 400,
            "HTTP/1.1 400"),
        Case(
            "Content-Length beyond 64 bits",
            "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 20000000000000000000\r\n\r\n", 413, "HTTP/1.1 413"),
        Case(
            "head larger than the library's memory",
            "GET / HTTP/1.1\r\nHost: t\r\nA: \(String(repeating: "a", count: 40_000))\r\n\r\n", 431, "<html>"),
    ]

    @Test("The library answers these itself, in HTML without a type", arguments: libraryCases)
    func libraryRefusals(_ example: Case) throws {
        let (listener, port) = try serve(echo)
        defer { listener.stop(within: .zero) }
        let client = try RawClient(port: port)
        client.send(example.request)
        let head = try client.takeHead()
        #expect(head.status == example.status)
        #expect(head["Content-Type"] == nil)
        #expect(try client.takeRest().hasPrefix(example.code))
        #expect(eventually { listener.connectionCount == 0 })
    }

    @Test(
        "A chunk whose size is none is not taken for a body",
        arguments: ["x", "-1", "0x1", "+1", " 1", "10000000000000000", ""])
    func badChunks(size: String) throws {
        let (listener, port) = try serve(
            ClosureResponder { request, exchange in
                Issue.record("the responder was asked: \(request.body.count) bytes")
                exchange.answer(.text(""))
            })
        defer { listener.stop(within: .zero) }
        let client = try RawClient(port: port)
        client.send("POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n\(size)\r\na\r\n0\r\n\r\n")
        client.stopSending()
        let rest = try client.takeRest()
        // The library says 413 to a size that is larger than 64 bits.
        #expect(rest.isEmpty || rest.hasPrefix(size.utf8.count > 16 ? "HTTP/1.1 413 " : "HTTP/1.1 400 "))
        #expect(eventually { listener.connectionCount == 0 })
    }
}
