import HTTPExchange
import HTTPTypes
import MicroHTTP
import Testing
import Threading

@Suite("Clients that are too slow")
struct DeadlineTests {
    /// Everything is long except what the case is about.
    private func limits(_ change: (inout Limits) -> Void) -> Limits {
        var limits = Limits()
        (limits.idleSeconds, limits.headSeconds, limits.bodySeconds, limits.answerSeconds) = (60, 60, 60, 60)
        change(&limits)
        return limits
    }

    /// Sends `text` again and again, byte by byte or as a whole, with pauses; says after which time the server closed,
    /// or nil when it had not after `patience`.
    private func drip(
        _ text: String, into client: RawClient, every pause: Duration = .milliseconds(200),
        patience: Duration = .seconds(15)
    ) -> Duration? {
        let start = MonotonicTime.now
        while !client.hasEnded {
            if MonotonicTime.now.duration(since: start) > patience { return nil }
            client.send(text)
            sleepBlocking(pause)
        }
        return MonotonicTime.now.duration(since: start)
    }

    private static let silent = ClosureResponder { _, exchange in
        Issue.record("the responder was asked about half a request")
        exchange.answer(.text(""))
    }

    /// A deadline of two seconds is looked at once a second; the rest is patience with a busy machine.
    private static let two = Duration.milliseconds(1_900)...Duration.milliseconds(5_500)

    @Test("A head that comes byte by byte is cut off", arguments: ["", "GET / HTTP/1.1\r\nHost: t\r\n"])
    func slowHead(beginning: String) throws {
        let (listener, port) = try serve(Self.silent, limits: limits { $0.headSeconds = 2 })
        defer { listener.stop(within: .zero) }
        let client = try RawClient(port: port)
        client.send(beginning)
        let time = try #require(drip("a", into: client))
        #expect(Self.two.contains(time))
        #expect(eventually { listener.connectionCount == 0 })
    }

    @Test("A head of many small fields is cut off, too")
    func slowFields() throws {
        let (listener, port) = try serve(Self.silent, limits: limits { $0.headSeconds = 2 })
        defer { listener.stop(within: .zero) }
        let client = try RawClient(port: port)
        client.send("GET / HTTP/1.1\r\nHost: t\r\n")
        #expect(Self.two.contains(try #require(drip("A: b\r\n", into: client))))
    }

    @Test("A request line that comes byte by byte does not keep an idle connection")
    func slowSecondRequest() throws {
        let (listener, port) = try serve(echo, limits: limits { $0.idleSeconds = 2 })
        defer { listener.stop(within: .zero) }
        let client = try RawClient(port: port)
        client.get("/")
        #expect(try client.takeAnswer().status == 200)
        #expect(Self.two.contains(try #require(drip("G", into: client))))
    }

    @Test("The head of a second request has its own time")
    func slowSecondHead() throws {
        let (listener, port) = try serve(echo, limits: limits { $0.headSeconds = 2 })
        defer { listener.stop(within: .zero) }
        let client = try RawClient(port: port)
        client.get("/")
        #expect(try client.takeAnswer().status == 200)
        sleepBlocking(.seconds(3))
        client.get("/late")
        #expect(try client.takeAnswer().text == "GET /late ")
        client.send("GET / HTTP/1.1\r\nHost: t\r\n")
        #expect(Self.two.contains(try #require(drip("a", into: client))))
    }

    @Test("Empty lines before a request are no request")
    func emptyLines() throws {
        let (listener, port) = try serve(Self.silent, limits: limits { $0.headSeconds = 2 })
        defer { listener.stop(within: .zero) }
        let client = try RawClient(port: port)
        #expect(Self.two.contains(try #require(drip("\r\n", into: client))))
    }

    @Test(
        "A body that comes byte by byte is cut off, however it is framed",
        arguments: [("Content-Length: 100000", "x"), ("Transfer-Encoding: chunked", "1\r\nx\r\n")])
    func slowBody(framing: String, drop: String) throws {
        let (listener, port) = try serve(
            ClosureResponder(planner: { _ in .collect(maximumBytes: 200_000) }, answerer: Self.silent.answerer),
            limits: limits { $0.bodySeconds = 2 })
        defer { listener.stop(within: .zero) }
        let client = try RawClient(port: port)
        client.send("POST / HTTP/1.1\r\nHost: t\r\n\(framing)\r\n\r\n")
        #expect(Self.two.contains(try #require(drip(drop, into: client))))
    }

    @Test("An unwanted body that is read away is held to the same rate")
    func slowUnwanted() throws {
        let (listener, port) = try serve(
            ClosureResponder(planner: { _ in .refuse(.text("no", status: .notFound)) }, answerer: Self.silent.answerer),
            limits: limits { $0.bodySeconds = 2 })
        defer { listener.stop(within: .zero) }
        let client = try RawClient(port: port)
        client.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 1000\r\n\r\n")
        #expect(Self.two.contains(try #require(drip("x", into: client))))
    }

    @Test("A body that comes at the rate asked for may take longer")
    func fastEnough() throws {
        let (listener, port) = try serve(
            ClosureResponder(
                planner: { _ in .collect(maximumBytes: 100_000) },
                answerer: { request, exchange in exchange.answer(.text("\(request.body.count)")) }),
            limits: limits {
                $0.bodySeconds = 1
                $0.bodyBytesPerSecond = 1_000
            })
        defer { listener.stop(within: .zero) }
        let client = try RawClient(port: port)
        client.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 40000\r\n\r\n")
        for _ in 0..<20 {
            client.send([UInt8](repeating: 1, count: 2_000))
            sleepBlocking(.milliseconds(200))
        }
        #expect(try client.takeAnswer().text == "40000")
    }

    @Test("However fast a body comes, the request ends in its time")
    func wholeRequest() throws {
        let receiver = SummingReceiver()
        let (listener, port) = try serve(
            ClosureResponder(planner: { _ in .stream(receiver) }, answerer: Self.silent.answerer),
            limits: limits { $0.requestSeconds = 2 })
        defer { listener.stop(within: .zero) }
        let client = try RawClient(port: port)
        client.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 1000000000\r\n\r\n")
        let block = String(repeating: "x", count: 10_000)
        #expect(Self.two.contains(try #require(drip(block, into: client, every: .milliseconds(50)))))
        #expect(eventually { receiver.ends.withLock { $0 } == [.broken] })
    }

    @Test("Time for which a receiver holds the client back is not the client's")
    func heldBack() throws {
        let receiver = PausingReceiver()
        let (listener, port) = try serve(
            ClosureResponder(
                planner: { _ in .stream(receiver) }, answerer: { _, exchange in exchange.answer(.text("done")) }),
            limits: limits {
                $0.bodySeconds = 2
                $0.requestSeconds = 2
            })
        defer { listener.stop(within: .zero) }
        let client = try RawClient(port: port)
        client.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 4\r\n\r\nab")
        sleepBlocking(.seconds(4))
        receiver.release()
        client.send("cd")
        #expect(try client.takeAnswer().text == "done")
    }

    @Test("A reader who takes an answer too slowly is cut off", arguments: [false, true])
    func slowReader(isStream: Bool) throws {
        let size = 32 << 20
        let body = EncodedBody([UInt8](repeating: 7, count: isStream ? 0 : size))
        let source = CountingSource(total: size, pieces: 1_024)
        let (listener, port) = try serve(
            ClosureResponder { _, exchange in
                exchange.answer(Response(status: .ok, body: isStream ? .stream(source) : .shared(body)))
            },
            limits: limits {
                $0.answerSeconds = 2
                $0.answerBytesPerSecond = 1 << 30
            })
        defer { listener.stop(within: .zero) }
        let client = try RawClient(port: port)
        client.shrinkReceiveBuffer(to: 2_048)
        client.get("/")
        #expect(try client.takeHead().status == 200)
        let start = MonotonicTime.now
        while listener.connectionCount > 0, MonotonicTime.now.duration(since: start) < .seconds(15) {
            _ = try client.take(100)
            sleepBlocking(.milliseconds(100))
        }
        #expect(Self.two.contains(MonotonicTime.now.duration(since: start)))
        if isStream { #expect(source.ends.withLock { $0 } == [.broken]) }
    }

    @Test("Whoever waits for an answer, or for more of a stream, owes nothing")
    func patientClients() throws {
        let shelf = SuspendedAnswerTests.Shelf()
        let wake = Locked<Wake?>(nil)
        let source = ClosureSource { count, itsWake in
            switch count {
            case 0: return .bytes([1])
            case 1:
                wake.withLock { $0 = itsWake }
                return .nothingYet
            case 2: return .bytes([2])
            default: return .end
            }
        }
        var limits = Limits()
        (limits.idleSeconds, limits.headSeconds, limits.bodySeconds, limits.answerSeconds) = (1, 1, 1, 1)
        limits.requestSeconds = 1
        let (listener, port) = try serve(
            ClosureResponder { request, exchange in
                if request.head.target.raw == "/stream" {
                    exchange.answer(Response(status: .ok, body: .stream(source)))
                } else {
                    shelf.respond(to: request, through: exchange)
                }
            }, limits: limits)
        defer { listener.stop(within: .zero) }
        let waiting = try RawClient(port: port)
        waiting.get("/wait")
        let streaming = try RawClient(port: port)
        streaming.get("/stream")
        _ = try streaming.takeHead()
        #expect(try streaming.takeChunk() == [1])
        #expect(shelf.waitFor(1))
        sleepBlocking(.seconds(4))
        for exchange in shelf.takeAll() { exchange.answer(.text("at last")) }
        wake.withLock { $0 }?()
        #expect(try waiting.takeAnswer().text == "at last")
        #expect(try streaming.takeChunk() == [2])
        #expect(try streaming.takeChunk() == [])
    }

    /// Nothing at all, or the head of a handshake record of 512 bytes that then come one by one.
    @Test(
        "A TLS handshake that does not end is cut off", arguments: [("", ""), ("\u{16}\u{3}\u{1}\u{2}\u{0}", "\u{1}")])
    func slowHandshake(beginning: String, drop: String) throws {
        let certificates = try TestCertificates.get()
        let (listener, port) = try serveTLS(
            try certificates.configuration(), Self.silent, limits: limits { $0.headSeconds = 2 })
        defer { listener.stop(within: .zero) }
        let client = try RawClient(port: port)
        client.send(beginning)
        #expect(Self.two.contains(try #require(drip(drop, into: client))))
        #expect(eventually { listener.connectionCount == 0 })
    }
}

/// Is full after the first piece, until it is released.
private final class PausingReceiver: BodyReceiver {
    private let wake = Locked<Wake?>(nil)

    func receive(_ bytes: Span<UInt8>, wake: Wake) -> Reception {
        self.wake.withLock { held in
            if held != nil { return .more }
            held = wake
            return .full
        }
    }

    func release() { wake.withLock { $0 }?() }

    func end(_ end: StreamEnd) {}
}
