import HTTPExchange
import HTTPTypes
import MicroHTTP
import Testing
import Threading

/// Sums what it receives. With a late caller it is full after every piece until it is woken by that.
final class SummingReceiver: BodyReceiver {
    struct Seen: Equatable {
        var bytes = 0
        var sum: UInt64 = 0
        var largestPiece = 0
        /// Pieces that came although the receiver was full.
        var intrusions = 0
        var isFull = false
    }

    let seen = Locked(Seen())
    let ends = Locked<[StreamEnd]>([])
    private let waker: LateCaller?

    init(waker: LateCaller? = nil) { self.waker = waker }

    func receive(_ bytes: Span<UInt8>, wake: Wake) -> Reception {
        var sum: UInt64 = 0
        for index in bytes.indices { sum &+= UInt64(bytes[index]) }
        let count = bytes.count
        seen.withLock { seen in
            if seen.isFull { seen.intrusions += 1 }
            seen.bytes += count
            seen.sum &+= sum
            seen.largestPiece = max(seen.largestPiece, count)
            seen.isFull = waker != nil
        }
        guard let waker else { return .more }
        waker.call { [seen] in
            seen.withLock { $0.isFull = false }
            wake()
        }
        return .full
    }

    func end(_ end: StreamEnd) { ends.withLock { $0.append(end) } }
}

/// Gives every request the same receiver, and answers with what it saw.
private func responder(streamingTo receiver: any BodyReceiver) -> ClosureResponder {
    ClosureResponder(
        planner: { _ in .stream(receiver) },
        answerer: { request, exchange in
            exchange.answer(.text(request.receiver === receiver ? "received" : "not the receiver"))
        })
}

@Suite("Uploads")
struct UploadTests {
    private static let large = 64 << 20

    @Test("64 MiB go up to a receiver that is full after every piece, whatever the framing", arguments: [false, true])
    func large(isChunked: Bool) throws {
        let receiver = SummingReceiver(waker: LateCaller())
        let (listener, port) = try serve(responder(streamingTo: receiver))
        defer { listener.stop(within: .zero) }
        let client = try RawClient(port: port)
        let block = [UInt8](repeating: 3, count: 1 << 16)
        let framing = isChunked ? "Transfer-Encoding: chunked" : "Content-Length: \(Self.large)"
        client.send("POST / HTTP/1.1\r\nHost: t\r\n\(framing)\r\n\r\n")
        for _ in 0..<(Self.large / block.count) {
            if isChunked { client.send("10000\r\n") }
            #expect(client.send(block) == block.count)
            if isChunked { client.send("\r\n") }
        }
        if isChunked { client.send("0\r\n\r\n") }
        #expect(try client.takeAnswer().text == "received")
        let seen = receiver.seen.withLock { $0 }
        #expect(seen.bytes == Self.large)
        #expect(seen.sum == UInt64(Self.large) * 3)
        #expect(seen.intrusions == 0)
        #expect(seen.largestPiece <= 32 * 1024)
        #expect(receiver.ends.withLock { $0 } == [.complete])
        client.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 1\r\n\r\n1")
        #expect(try client.takeAnswer().status == 200)
    }

    @Test("Many chunks that arrive at once do not reach a receiver that is full")
    func smallChunks() throws {
        let receiver = SummingReceiver(waker: LateCaller())
        let (listener, port) = try serve(responder(streamingTo: receiver))
        defer { listener.stop(within: .zero) }
        let client = try RawClient(port: port)
        let chunks = String(repeating: "7\r\nabcdefg\r\n", count: 1_000)
        client.send("POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n\(chunks)0\r\n\r\n")
        #expect(try client.takeAnswer().text == "received")
        let seen = receiver.seen.withLock { $0 }
        #expect(seen.bytes == 7_000)
        #expect(seen.sum == (97...103).reduce(0, +) * 1_000)
        #expect(seen.intrusions == 0)
        #expect(receiver.ends.withLock { $0 } == [.complete])
    }

    @Test("A wake that comes before the receiver has said that it is full is not lost")
    func earlyWake() throws {
        let receiver = EagerReceiver()
        let (listener, port) = try serve(responder(streamingTo: receiver))
        defer { listener.stop(within: .zero) }
        let client = try RawClient(port: port)
        client.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 500000\r\n\r\n")
        client.send([UInt8](repeating: 1, count: 500_000))
        #expect(try client.takeAnswer().text == "received")
        #expect(receiver.bytes.withLock { $0 } == 500_000)
    }

    @Test("A receiver that stays full holds the client back")
    func backPressure() throws {
        let receiver = StuckReceiver()
        let (listener, port) = try serve(responder(streamingTo: receiver))
        defer { listener.stop(within: .zero) }
        let client = try RawClient(port: port)
        client.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: \(Self.large)\r\n\r\n")
        let sent = Locked(0)
        let sender = Threading.Thread {
            let block = [UInt8](repeating: 0, count: 1 << 16)
            for _ in 0..<(Self.large / block.count) {
                let count = client.send(block)
                sent.withLock { $0 += count }
                if count < block.count { return }
            }
        }
        var last = -1
        #expect(
            eventually {
                sleepBlocking(.milliseconds(150))
                let now = sent.withLock { $0 }
                defer { last = now }
                return now == last
            })
        // What the socket buffers hold, and no more.
        #expect(sent.withLock { $0 } < 32 << 20)
        #expect(receiver.pieces.withLock { $0 } == 1)
        client.abort()
        sender.join()
        // What had come is still delivered; then the receiver learns that there is no more.
        #expect(
            eventually {
                receiver.release()
                return receiver.ends.withLock { $0 } == [.broken]
            })
    }

    @Test("An upload that breaks off ends broken, and is not answered")
    func brokenOff() throws {
        let receiver = SummingReceiver()
        let (listener, port) = try serve(
            ClosureResponder(
                planner: { _ in .stream(receiver) },
                answerer: { _, exchange in
                    Issue.record("the responder was asked about half an upload")
                    exchange.answer(.text(""))
                }))
        defer { listener.stop(within: .zero) }
        let client = try RawClient(port: port)
        client.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 10\r\n\r\nhalf")
        #expect(eventually { receiver.seen.withLock { $0.bytes } == 4 })
        client.close()
        #expect(eventually { receiver.ends.withLock { $0 } == [.broken] })
    }

    @Test("A receiver that refuses has its answer sent once the rest is swallowed, and the connection closed")
    func refused() throws {
        let receiver = RefusingReceiver()
        let (listener, port) = try serve(responder(streamingTo: receiver))
        defer { listener.stop(within: .zero) }
        let client = try RawClient(port: port)
        client.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 100000\r\n\r\n")
        client.send([UInt8](repeating: 0, count: 100_000))
        let answer = try client.takeAnswer()
        #expect(answer.status == 422)
        #expect(answer["Connection"] == "close")
        #expect(try client.isClosedCleanly())
        #expect(receiver.ends.withLock { $0 } == [.broken])
    }

    @Test("An upload without a body is complete at once")
    func empty() throws {
        let receiver = SummingReceiver()
        let (listener, port) = try serve(responder(streamingTo: receiver))
        defer { listener.stop(within: .zero) }
        let client = try RawClient(port: port)
        client.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 0\r\n\r\n")
        #expect(try client.takeAnswer().text == "received")
        #expect(receiver.seen.withLock { $0.bytes } == 0)
        #expect(receiver.ends.withLock { $0 } == [.complete])
    }

    @Test("The client is told to continue before it sends")
    func continues() throws {
        let (listener, port) = try serve(echo)
        defer { listener.stop(within: .zero) }
        let client = try RawClient(port: port)
        client.send("POST /c HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        #expect(try client.takeHead().status == 100)
        client.send("ok")
        #expect(try client.takeAnswer().text == "POST /c ok")
    }
}

/// Is full from the first piece on, until it is released.
final class StuckReceiver: BodyReceiver {
    let pieces = Locked(0)
    let ends = Locked<[StreamEnd]>([])
    private let wake = Locked<Wake?>(nil)

    func receive(_ bytes: Span<UInt8>, wake: Wake) -> Reception {
        pieces.withLock { $0 += 1 }
        self.wake.withLock { $0 = wake }
        return .full
    }

    func release() { wake.withLock { $0 }?() }

    func end(_ end: StreamEnd) { ends.withLock { $0.append(end) } }
}

/// Is full and wakes in one breath.
private final class EagerReceiver: BodyReceiver {
    let bytes = Locked(0)

    func receive(_ bytes: Span<UInt8>, wake: Wake) -> Reception {
        let count = bytes.count
        self.bytes.withLock { $0 += count }
        wake()
        return .full
    }

    func end(_ end: StreamEnd) {}
}

/// Does not want what it gets.
private final class RefusingReceiver: BodyReceiver {
    let ends = Locked<[StreamEnd]>([])

    func receive(_ bytes: Span<UInt8>, wake: Wake) -> Reception {
        .refuse(.text("no", status: .unprocessableContent))
    }

    func end(_ end: StreamEnd) { ends.withLock { $0.append(end) } }
}
