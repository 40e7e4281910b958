import HTTPExchange
import HTTPTypes
import MicroHTTP
import Testing
import Threading

@Suite("Draining and stopping")
struct DrainTests {
    private typealias Shelf = SuspendedAnswerTests.Shelf

    @Test("Idle connections are closed, new ones refused, and what is under way is answered with close")
    func drains() throws {
        let shelf = Shelf()
        let (listener, port) = try serve(
            ClosureResponder { request, exchange in
                if request.head.target.raw == "/slow" {
                    shelf.respond(to: request, through: exchange)
                } else {
                    exchange.answer(.text("fast"))
                }
            })
        let idle = try RawClient(port: port)
        idle.get("/")
        #expect(try idle.takeAnswer()["Connection"] == nil)
        let busy = try RawClient(port: port)
        busy.get("/slow")
        #expect(shelf.waitFor(1))
        let cut = Locked<Int?>(nil)
        let stopper = Threading.Thread {
            let count = listener.stop(within: .seconds(20))
            cut.withLock { $0 = count }
        }
        #expect(try idle.isClosedCleanly())
        #expect(throws: RawClient.Failure.self) { try RawClient(port: port) }
        #expect(cut.withLock { $0 } == nil)
        for exchange in shelf.takeAll() { exchange.answer(.text("slow")) }
        let answer = try busy.takeAnswer()
        #expect(answer.text == "slow")
        #expect(answer["Connection"] == "close")
        stopper.join()
        #expect(cut.withLock { $0 } == 0)
    }

    @Test("What does not end in time is cut: sleeping answers, streams and uploads alike")
    func cuts() throws {
        let shelf = Shelf()
        let source = ClosureSource { count, _ in count == 0 ? .bytes([1]) : .nothingYet }
        let receiver = StuckReceiver()
        let (listener, port) = try serve(
            ClosureResponder(
                planner: { head in head.target.raw == "/up" ? .stream(receiver) : .collect(maximumBytes: 0) },
                answerer: { request, exchange in
                    if request.head.target.raw == "/down" {
                        exchange.answer(Response(status: .ok, body: .stream(source)))
                    } else {
                        shelf.respond(to: request, through: exchange)
                    }
                }))
        let waiting = try (0..<10).map { _ in try RawClient(port: port) }
        for client in waiting { client.get("/wait") }
        let down = try RawClient(port: port)
        down.get("/down")
        _ = try down.takeHead()
        #expect(try down.takeChunk() == [1])
        let up = try RawClient(port: port)
        up.send("POST /up HTTP/1.1\r\nHost: t\r\nContent-Length: 100\r\n\r\nabc")
        #expect(eventually { receiver.pieces.withLock { $0 } == 1 })
        #expect(shelf.waitFor(10))
        #expect(listener.stop(within: .milliseconds(50)) == 12)
        for client in waiting + [down, up] { #expect(try client.isClosedCleanly()) }
        #expect(source.ends.withLock { $0 } == [.broken])
        #expect(receiver.ends.withLock { $0 } == [.broken])
        for exchange in shelf.takeAll() {
            #expect(exchange.clientHasGone)
            exchange.answer(.text("too late"))
        }
        receiver.release()
        #expect(listener.stop(within: .zero) == 0)
    }

    @Test("Stopping races with requests that fall asleep, and neither hangs nor aborts")
    func race() throws {
        for round in 0..<20 {
            let shelf = Shelf()
            let (listener, port) = try serve(shelf)
            let clients = try (0..<8).map { _ in try RawClient(port: port) }
            let senders = clients.map { client in
                Threading.Thread { for _ in 0..<4 { client.get("/") } }
            }
            let answerer = Threading.Thread {
                for _ in 0..<50 { for exchange in shelf.takeAll() { exchange.answer(.text("x")) } }
            }
            sleepBlocking(.microseconds(Int64(round * 100)))
            listener.stop(within: .zero)
            senders.forEach { $0.join() }
            answerer.join()
            // The shelf is the server's responder: it must not keep what keeps the server.
            _ = shelf.takeAll()
            #expect(listener.connectionCount == 0)
        }
    }

    @Test("A half-sent request does not hold up the drain")
    func halfSent() throws {
        let (listener, port) = try serve(echo)
        let client = try RawClient(port: port)
        client.send("GET / HTTP/1.1\r\nHost: t\r\n")
        #expect(eventually { listener.connectionCount == 1 })
        let start = MonotonicTime.now
        #expect(listener.stop(within: .seconds(20)) == 0)
        #expect(MonotonicTime.now.duration(since: start) < .seconds(10))
    }

    @Test("A listener can be stopped and started again in one process, many times over")
    func again() throws {
        for workers in [1, 2, 4, 2, 1] {
            let (listener, port) = try serve(echo, workers: workers)
            let client = try RawClient(port: port)
            client.get("/")
            #expect(try client.takeAnswer().status == 200)
            #expect(listener.stop(within: .seconds(20)) == 0)
            #expect(try client.isClosedCleanly())
        }
    }

    @Test("Letting go of a listener stops it")
    func letGo() throws {
        let port: UInt16
        do {
            let (listener, itsPort) = try serve(echo)
            port = itsPort
            #expect(listener.connectionCount == 0)
        }
        #expect(throws: RawClient.Failure.self) { try RawClient(port: port) }
    }
}
