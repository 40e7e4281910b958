import HTTPExchange
import HTTPTypes
import MicroHTTP
import Testing
import Threading

@Suite("Answers that come later")
struct SuspendedAnswerTests {
    /// Keeps exchanges until somebody answers them.
    final class Shelf: Responder {
        let exchanges = Monitor<[Exchange]>([])

        func plan(for head: RequestHead) -> BodyPlan { .collect(maximumBytes: 0) }

        func respond(to request: Request, through exchange: Exchange) { exchanges.withLock { $0.append(exchange) } }

        func waitFor(_ count: Int) -> Bool {
            exchanges.wait(timeout: .seconds(20)) { $0.count >= count ? true : nil } ?? false
        }

        func takeAll() -> [Exchange] {
            exchanges.withLock { exchanges in
                defer { exchanges = [] }
                return exchanges
            }
        }
    }

    @Test("An answer from another thread resumes the connection, which lives on")
    func later() throws {
        let shelf = Shelf()
        let (listener, port) = try serve(shelf)
        defer { listener.stop(within: .zero) }
        let client = try RawClient(port: port)
        for round in 0..<3 {
            client.get("/")
            #expect(shelf.waitFor(1))
            for exchange in shelf.takeAll() { exchange.answer(.text("round \(round)")) }
            #expect(try client.takeAnswer().text == "round \(round)")
        }
    }

    @Test("Two hundred connections wait at once, and each gets its own answer")
    func manyAtOnce() throws {
        let shelf = Shelf()
        var limits = Limits()
        limits.connectionsPerAddress = 200
        let (listener, port) = try serve(shelf, limits: limits)
        defer { listener.stop(within: .zero) }
        let clients = try (0..<200).map { _ in try RawClient(port: port) }
        for (number, client) in clients.enumerated() { client.get("/\(number)", "X-Number: \(number)\r\n") }
        #expect(shelf.waitFor(200))
        #expect(listener.connectionCount == 200)
        let answerers = shelf.takeAll().enumerated().reduce(into: [[Exchange]](repeating: [], count: 4)) {
            $0[$1.offset % 4].append($1.element)
        }.map { part in
            Threading.Thread { for exchange in part { exchange.answer(.text("done")) } }
        }
        for client in clients { #expect(try client.takeAnswer().text == "done") }
        answerers.forEach { $0.join() }
    }

    @Test("Answering races with suspending, and no answer is lost")
    func race() throws {
        let queue = Monitor<[(Exchange, String)]>([])
        let (listener, port) = try serve(
            ClosureResponder { request, exchange in
                queue.withLock { $0.append((exchange, request.head.target.raw)) }
            })
        defer { listener.stop(within: .zero) }
        let answerer = Threading.Thread {
            var left = 2_000
            while left > 0 {
                let batch = queue.wait(timeout: .seconds(20)) { queue -> [(Exchange, String)]? in
                    if queue.isEmpty { return nil }
                    defer { queue = [] }
                    return queue
                }
                guard let batch else { return }
                for (exchange, target) in batch { exchange.answer(.text(target)) }
                left -= batch.count
            }
        }
        let clients = try (0..<4).map { _ in try RawClient(port: port) }
        for round in 0..<500 {
            for client in clients { client.get("/\(round)") }
            for client in clients { #expect(try client.takeAnswer().text == "/\(round)") }
        }
        answerer.join()
    }

    @Test("The first of two answers is sent; the second is dropped")
    func twice() throws {
        let (listener, port) = try serve(
            ClosureResponder { _, exchange in
                exchange.answer(.text("first"))
                exchange.answer(.text("second"))
            })
        defer { listener.stop(within: .zero) }
        let client = try RawClient(port: port)
        for _ in 0..<2 {
            client.get("/")
            #expect(try client.takeAnswer().text == "first")
        }
    }

    @Test("An exchange dropped without an answer is answered with a problem", arguments: [false, true])
    func dropped(later: Bool) throws {
        let shelf = Shelf()
        let (listener, port) = try serve(later ? shelf : ClosureResponder { _, _ in })
        defer { listener.stop(within: .zero) }
        let client = try RawClient(port: port)
        client.get("/")
        if later {
            #expect(shelf.waitFor(1))
            _ = shelf.takeAll()
        }
        let answer = try client.takeAnswer()
        #expect(answer.status == 500)
        #expect(answer["Content-Type"] == "application/problem+json")
        #expect(answer.text.contains(#""code":"no-answer""#))
    }

    @Test("A client that leaves while it waits is noticed, and its late answer does no harm")
    func departure() throws {
        let shelf = Shelf()
        let (listener, port) = try serve(shelf)
        defer { listener.stop(within: .zero) }
        for isReset in [false, true] {
            let client = try RawClient(port: port)
            client.get("/")
            #expect(shelf.waitFor(1))
            let exchange = try #require(shelf.takeAll().first)
            #expect(!exchange.clientHasGone)
            if isReset { client.reset() } else { client.close() }
            #expect(eventually { exchange.clientHasGone })
            exchange.answer(.text("too late"))
            #expect(eventually { listener.connectionCount == 0 })
        }
    }

    @Test("An answer to a connection that is gone already is dropped")
    func afterTheEnd() throws {
        let shelf = Shelf()
        let source = CountingSource(total: 10, pieces: 10)
        let (listener, port) = try serve(shelf)
        defer { listener.stop(within: .zero) }
        let client = try RawClient(port: port)
        client.get("/")
        #expect(shelf.waitFor(1))
        client.reset()
        #expect(eventually { listener.connectionCount == 0 })
        for exchange in shelf.takeAll() {
            #expect(exchange.clientHasGone)
            exchange.answer(Response(status: .ok, body: .stream(source)))
        }
        #expect(source.ends.withLock { $0 } == [.broken])
    }

    @Test("A client that has only stopped sending still gets its answer")
    func halfClosed() throws {
        let shelf = Shelf()
        let (listener, port) = try serve(shelf)
        defer { listener.stop(within: .zero) }
        let client = try RawClient(port: port)
        client.get("/")
        #expect(shelf.waitFor(1))
        client.stopSending()
        sleepBlocking(.milliseconds(1_500))
        for exchange in shelf.takeAll() { exchange.answer(.text("still here")) }
        #expect(try client.takeAnswer().text == "still here")
    }
}
