import HTTPExchange
import HTTPTypes
import MicroHTTP
import Testing
import Threading

@Suite("Connections")
struct ConnectionTests {
    @Test("A connection is kept alive over requests with and without bodies")
    func keepAlive() throws {
        let (listener, port) = try serve(echo)
        defer { listener.stop(within: .zero) }
        let client = try RawClient(port: port)
        client.get("/a?b=%20")
        #expect(try client.takeAnswer().text == "GET /a?b=%20 ")
        client.send("POST /p HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\n\r\nxyz")
        #expect(try client.takeAnswer().text == "POST /p xyz")
        client.send("PUT /c HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n")
        #expect(try client.takeAnswer().text == "PUT /c abc")
        client.send("GET /g HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\n\r\nhi")
        let last = try client.takeAnswer()
        #expect(last.text == "GET /g hi")
        #expect(last["Connection"] == nil)
        #expect(last["Date"]?.hasSuffix("GMT") == true)
        #expect(listener.connectionCount == 1)
    }

    @Test("Pipelined requests are answered in order, also when some answers come late")
    func pipelining() throws {
        let late = LateCaller()
        let (listener, port) = try serve(
            ClosureResponder { request, exchange in
                let target = request.head.target.raw
                if target.hasSuffix("3") {
                    late.call { exchange.answer(.text(target)) }
                } else {
                    exchange.answer(.text(target))
                }
            })
        defer { listener.stop(within: .zero) }
        let client = try RawClient(port: port)
        client.send((0..<20).map { "GET /\($0) HTTP/1.1\r\nHost: t\r\n\r\n" }.joined())
        for number in 0..<20 { #expect(try client.takeAnswer().text == "/\(number)") }
    }

    @Test("A client that asks for it, or speaks HTTP/1.0, has its connection closed")
    func closing() throws {
        let (listener, port) = try serve(echo)
        defer { listener.stop(within: .zero) }
        let polite = try RawClient(port: port)
        polite.get("/", "Connection: close\r\n")
        #expect(try polite.takeAnswer()["Connection"] == "close")
        #expect(try polite.isClosedCleanly())
        let old = try RawClient(port: port)
        old.send("GET /old HTTP/1.0\r\n\r\n")
        #expect(try old.takeAnswer().text == "GET /old ")
        #expect(try old.isClosedCleanly())
    }

    @Test("HEAD gets the fields of GET and no body, and the connection lives on")
    func head() throws {
        let shared = EncodedBody([UInt8]("twelve bytes".utf8))
        let (listener, port) = try serve(
            ClosureResponder { _, exchange in exchange.answer(Response(status: .ok, body: .shared(shared))) })
        defer { listener.stop(within: .zero) }
        let client = try RawClient(port: port)
        client.send("HEAD / HTTP/1.1\r\nHost: t\r\n\r\n")
        #expect(try client.takeAnswer(isHead: true)["Content-Length"] == "12")
        client.get("/")
        #expect(try client.takeAnswer().text == "twelve bytes")
    }

    @Test("An answer's fields arrive, but not those that are the server's to set")
    func fields() throws {
        let (listener, port) = try serve(
            ClosureResponder { _, exchange in
                exchange.answer(
                    Response(
                        status: .created,
                        fields: [
                            .eTag: "\"r7\"", .date: "never", .contentLength: "99", .connection: "upgrade",
                            .setCookie: "a=1", .setCookie: "b=2",
                        ], body: .bytes([0x31])))
            })
        defer { listener.stop(within: .zero) }
        let client = try RawClient(port: port)
        client.get("/")
        let answer = try client.takeAnswer()
        #expect(answer.status == 201)
        #expect(answer["ETag"] == "\"r7\"")
        #expect(answer["Content-Length"] == "1")
        #expect(answer["Date"] != "never")
        #expect(answer["Connection"] == nil)
        #expect(answer.fields.filter { $0.name == "Set-Cookie" }.map(\.value) == ["a=1", "b=2"])
    }

    @Test("204 and 304 have no body, and the connection lives on", arguments: [204, 304])
    func bodiless(code: Int) throws {
        let (listener, port) = try serve(
            ClosureResponder { _, exchange in
                exchange.answer(Response(status: .init(code: code), body: code == 304 ? .bytes([1, 2, 3]) : .none))
            })
        defer { listener.stop(within: .zero) }
        let client = try RawClient(port: port)
        for _ in 0..<2 {
            client.get("/")
            let answer = try client.takeAnswer()
            #expect(answer.status == code)
            #expect(answer["Content-Length"] == (code == 304 ? "3" : nil))
        }
    }

    @Test("One encoded body is served by many connections at once")
    func sharedBody() throws {
        let bytes = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let shared = EncodedBody(bytes)
        let (listener, port) = try serve(
            ClosureResponder { _, exchange in exchange.answer(Response(status: .ok, body: .shared(shared))) })
        defer { listener.stop(within: .zero) }
        let wrong = Locked(0)
        let right = Locked(0)
        let threads = (0..<16).map { _ in
            Threading.Thread {
                for _ in 0..<5 {
                    let answer = try? {
                        let client = try RawClient(port: port)
                        client.get("/")
                        return try client.takeAnswer()
                    }()
                    (answer?.body == bytes ? right : wrong).withLock { $0 += 1 }
                }
            }
        }
        threads.forEach { $0.join() }
        #expect(right.withLock { $0 } == 80)
        #expect(wrong.withLock { $0 } == 0)
    }

    @Test("The head carries the peer, the listener's name, the method and the fields")
    func headOfRequest() throws {
        let seen = Locked<RequestHead?>(nil)
        let (listener, port) = try serve(
            ClosureResponder { request, exchange in
                seen.withLock { $0 = request.head }
                exchange.answer(.text(""))
            })
        defer { listener.stop(within: .zero) }
        let client = try RawClient(port: port)
        client.send("PATCH /x?y HTTP/1.1\r\nHost: h:1\r\nX-A: 1\r\nx-a: 2\r\nAccept: */*\r\n\r\n")
        _ = try client.takeAnswer()
        let head = try #require(seen.withLock { $0 })
        #expect(head.method == .patch)
        #expect(head.target.raw == "/x?y")
        #expect(head.request.authority == "h:1")
        #expect(head.fields[values: try #require(HTTPField.Name("X-A"))] == ["1", "2"])
        #expect(head.peer.listener == "test")
        guard case .tcp(let address, let port) = head.peer.transport else {
            Issue.record("not TCP")
            return
        }
        #expect(address == "127.0.0.1")
        #expect(port > 0)
    }

    @Test("More connections than the limit wait until one closes")
    func connectionLimit() throws {
        var limits = Limits()
        limits.connections = 3
        let (listener, port) = try serve(echo, limits: limits)
        defer { listener.stop(within: .zero) }
        let first = try (0..<3).map { _ in try RawClient(port: port) }
        for client in first {
            client.get("/first")
            #expect(try client.takeAnswer().status == 200)
        }
        let fourth = try RawClient(port: port)
        fourth.get("/fourth")
        sleepBlocking(.milliseconds(100))
        #expect(listener.connectionCount == 3)
        first[1].close()
        #expect(try fourth.takeAnswer().text == "GET /fourth ")
    }

    @Test("A silent connection is closed after the idle time")
    func idle() throws {
        var limits = Limits()
        limits.idleSeconds = 1
        let (listener, port) = try serve(echo, limits: limits)
        defer { listener.stop(within: .zero) }
        let client = try RawClient(port: port)
        client.get("/")
        _ = try client.takeAnswer()
        let start = MonotonicTime.now
        #expect(try client.isClosedCleanly())
        #expect(MonotonicTime.now.duration(since: start) >= .milliseconds(900))
    }
}
