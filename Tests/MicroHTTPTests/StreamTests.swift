import HTTPExchange
import HTTPTypes
import MicroHTTP
import Testing
import Threading

/// Gives `pieces` pieces of `total` bytes in all; with a late caller it says "nothing yet" before every
/// third one and is woken by that.
final class CountingSource: BodySource {
    let ends = Locked<[StreamEnd]>([])
    let pulls = Locked(0)
    private let state: Locked<(given: Int, left: Int, paused: Bool)>
    private let pieceBytes: Int
    private let waker: LateCaller?

    init(total: Int, pieces: Int, waker: LateCaller? = nil) {
        pieceBytes = total / pieces
        state = Locked((0, pieces, false))
        self.waker = waker
    }

    func pull(wake: Wake) -> Supply {
        pulls.withLock { $0 += 1 }
        return state.withLock { state in
            if state.left == 0 { return .end }
            if let waker, state.left % 3 == 0, !state.paused {
                state.paused = true
                waker.call { wake() }
                return .nothingYet
            }
            state.paused = false
            state.left -= 1
            defer { state.given += pieceBytes }
            return .bytes([UInt8](repeating: UInt8(truncatingIfNeeded: state.left), count: pieceBytes))
        }
    }

    var given: Int { state.withLock { $0.given } }

    func end(_ end: StreamEnd) { ends.withLock { $0.append(end) } }
}

@Suite("Streamed answers")
struct DownloadTests {
    @Test("64 MiB come down from a source that often has nothing yet, and the connection lives on")
    func large() throws {
        let total = 64 << 20
        let source = CountingSource(total: total, pieces: 1_024, waker: LateCaller())
        let (listener, port) = try serve(
            ClosureResponder { request, exchange in
                exchange.answer(
                    request.head.target.raw == "/big"
                        ? Response(status: .ok, body: .stream(source)) : .text("small"))
            })
        defer { listener.stop(within: .zero) }
        let client = try RawClient(port: port)
        client.get("/big")
        #expect(try client.takeHead()["Transfer-Encoding"] == "chunked")
        var received = 0
        while true {
            let chunk = try client.takeChunk()
            if chunk.isEmpty { break }
            received += chunk.count
        }
        #expect(received == total)
        client.get("/small")
        #expect(try client.takeAnswer().text == "small")
        #expect(source.ends.withLock { $0 } == [.complete])
    }

    @Test("A client that does not read holds its source back")
    func backPressure() throws {
        let source = CountingSource(total: 64 << 20, pieces: 4_096)
        let (listener, port) = try serve(
            ClosureResponder { _, exchange in exchange.answer(Response(status: .ok, body: .stream(source))) })
        defer { listener.stop(within: .zero) }
        let client = try RawClient(port: port)
        client.shrinkReceiveBuffer(to: 4_096)
        client.get("/")
        var last = -1
        // The socket buffers fill up, then nothing moves any more.
        #expect(
            eventually {
                sleepBlocking(.milliseconds(150))
                defer { last = source.given }
                return last == source.given
            })
        #expect(source.given > 0)
        #expect(source.given < 16 << 20)
        client.reset()
        #expect(eventually { listener.connectionCount == 0 })
        #expect(source.ends.withLock { $0 } == [.broken])
    }

    @Test("A source that fails cuts the connection before the body's end")
    func failure() throws {
        let source = ClosureSource { count, _ in count == 0 ? .bytes([UInt8]("half".utf8)) : .failed }
        let (listener, port) = try serve(
            ClosureResponder { _, exchange in exchange.answer(Response(status: .ok, body: .stream(source))) })
        defer { listener.stop(within: .zero) }
        let client = try RawClient(port: port)
        client.get("/")
        _ = try client.takeHead()
        #expect(try client.takeChunk() == [UInt8]("half".utf8))
        #expect(try client.isClosedCleanly())
        #expect(eventually { source.ends.withLock { $0 } == [.broken] })
    }

    @Test("HEAD pulls nothing and ends the source well")
    func head() throws {
        let source = CountingSource(total: 10, pieces: 1)
        let (listener, port) = try serve(
            ClosureResponder { _, exchange in exchange.answer(Response(status: .ok, body: .stream(source))) })
        defer { listener.stop(within: .zero) }
        let client = try RawClient(port: port)
        client.send("HEAD / HTTP/1.1\r\nHost: t\r\n\r\n")
        _ = try client.takeAnswer(isHead: true)
        #expect(eventually { source.ends.withLock { $0 } == [.complete] })
        #expect(source.pulls.withLock { $0 } == 0)
    }

    @Test("An HTTP/1.0 client gets the stream up to the connection's end")
    func old() throws {
        let source = CountingSource(total: 6, pieces: 3, waker: LateCaller())
        let (listener, port) = try serve(
            ClosureResponder { _, exchange in exchange.answer(Response(status: .ok, body: .stream(source))) })
        defer { listener.stop(within: .zero) }
        let client = try RawClient(port: port)
        client.send("GET / HTTP/1.0\r\n\r\n")
        #expect(try client.takeHead()["Connection"] == "close")
        #expect(try client.take(6) == [2, 2, 1, 1, 0, 0])
        #expect(try client.isClosedCleanly())
    }

    @Test("A client that leaves a sleeping stream is noticed")
    func departure() throws {
        let source = ClosureSource { count, _ in count == 0 ? .bytes([1]) : .nothingYet }
        let (listener, port) = try serve(
            ClosureResponder { _, exchange in exchange.answer(Response(status: .ok, body: .stream(source))) })
        defer { listener.stop(within: .zero) }
        let client = try RawClient(port: port)
        client.get("/")
        _ = try client.takeHead()
        #expect(try client.takeChunk() == [1])
        client.close()
        #expect(eventually { source.ends.withLock { $0 } == [.broken] })
        #expect(eventually { listener.connectionCount == 0 })
    }

    @Test("A wake that comes before the source has said that it has nothing is not lost")
    func earlyWake() throws {
        let source = ClosureSource { count, wake in
            if count == 10 { return .end }
            if count % 2 == 1 { return .bytes([UInt8(count)]) }
            wake()
            return .nothingYet
        }
        let (listener, port) = try serve(
            ClosureResponder { _, exchange in exchange.answer(Response(status: .ok, body: .stream(source))) })
        defer { listener.stop(within: .zero) }
        let client = try RawClient(port: port)
        client.get("/")
        #expect(try client.takeAnswer().body == [1, 3, 5, 7, 9])
    }

    @Test("Wakes from many threads at any time, also after the end, lose and break nothing")
    func manyWakes() throws {
        let wakes = Locked<[Wake]>([])
        let isOver = Locked(false)
        let source = ClosureSource { count, wake in
            wakes.withLock { if $0.count < 8 { $0.append(wake) } }
            return count >= 4_000 ? .end : count % 2 == 0 ? .bytes([7]) : .nothingYet
        }
        let (listener, port) = try serve(
            ClosureResponder { _, exchange in exchange.answer(Response(status: .ok, body: .stream(source))) })
        defer { listener.stop(within: .zero) }
        let wakers = (0..<3).map { _ in
            Threading.Thread {
                while !isOver.withLock({ $0 }) { for wake in wakes.withLock({ $0 }) { wake() } }
            }
        }
        let client = try RawClient(port: port)
        client.get("/")
        let body = try client.takeAnswer().body
        #expect(body.count > 0)
        #expect(body.allSatisfy { $0 == 7 })
        client.get("/")
        _ = try client.takeAnswer()
        isOver.withLock { $0 = true }
        wakers.forEach { $0.join() }
    }
}

/// A source that asks a closure, with the number of times it was asked before.
final class ClosureSource: BodySource {
    let ends = Locked<[StreamEnd]>([])
    private let count = Locked(0)
    private let body: @Sendable (Int, Wake) -> Supply

    init(_ body: @escaping @Sendable (Int, Wake) -> Supply) { self.body = body }

    func pull(wake: Wake) -> Supply {
        let count = count.withLock { count in
            defer { count += 1 }
            return count
        }
        return body(count, wake)
    }

    func end(_ end: StreamEnd) { ends.withLock { $0.append(end) } }
}
