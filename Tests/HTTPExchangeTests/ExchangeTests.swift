import HTTPExchange
import HTTPTypes
import Testing
import Threading

@Suite("Exchanges without a socket")
struct ExchangeTests {
    @Test("The first answer counts, the second is reported and dropped")
    func firstAnswerCounts() {
        let transport = LocalTransport()
        let exchange = Exchange(transport)
        #expect(!exchange.isAnswered)
        exchange.answer(Response(status: .ok))
        exchange.answer(Response(status: .notFound))
        #expect(exchange.isAnswered)
        #expect(transport.response(within: .zero)?.head.status == .ok)
        #expect(transport.secondAnswers == 1)
    }

    @Test("Of many threads that answer at once, one is heard")
    func racingAnswers() {
        let transport = LocalTransport()
        let exchange = Exchange(transport)
        let threads = (0..<8).map { _ in Threading.Thread { exchange.answer(Response(status: .ok)) } }
        threads.forEach { $0.join() }
        #expect(transport.secondAnswers == 7)
        #expect(transport.response(within: .zero) != nil)
    }

    @Test("An exchange that is dropped says so")
    func dropped() {
        let transport = LocalTransport()
        do {
            let exchange = Exchange(transport)
            #expect(!exchange.isAnswered)
        }
        guard case .abandoned = transport.outcome else {
            Issue.record("the exchange went away without a word")
            return
        }
    }

    @Test("An answer from another thread is waited for")
    func lateAnswer() {
        let transport = LocalTransport()
        let exchange = Exchange(transport)
        let answerer = Threading.Thread {
            sleepBlocking(.milliseconds(5))
            exchange.answer(Response(status: .accepted))
        }
        #expect(transport.response(within: .seconds(10))?.head.status == .accepted)
        answerer.join()
    }

    @Test("A client that has gone is seen through the exchange")
    func departure() {
        let transport = LocalTransport()
        let exchange = Exchange(transport)
        #expect(!exchange.clientHasGone)
        transport.clientHasGone = true
        #expect(exchange.clientHasGone)
        exchange.answer(Response(status: .ok))
    }
}

@Suite("Bodies")
struct BodyTests {
    @Test("A list is its items' bytes with punctuation between")
    func joinedBody() {
        let items = ["1", "", "23"].map { EncodedBody([UInt8]($0.utf8)) }
        let list = EncodedBody(opening: [0x5B], items: items, separator: [0x2C], closing: [0x5D])
        #expect(String(decoding: list.copied(), as: UTF8.self) == "[1,,23]")
        #expect(list.count == 7)
        #expect(EncodedBody(opening: [], items: [], separator: [0x2C], closing: []).copied().isEmpty)
    }

    @Test("A streamed body is collected over its pauses, and its source told that it is over")
    func collectsStream() {
        let source = ScriptedSource([.bytes([1, 2]), .nothingYet, .bytes([3]), .end])
        #expect(Response.Body.stream(source).collected(atMost: 100, within: .seconds(10)) == [1, 2, 3])
        #expect(source.ends == [.complete])
    }

    @Test("A source that fails gives no body, and one that says nothing gives what it had")
    func brokenStreams() {
        let failing = ScriptedSource([.bytes([1]), .failed])
        #expect(Response.Body.stream(failing).collected(atMost: 100, within: .seconds(10)) == nil)
        #expect(failing.ends == [.broken])
        let silent = ScriptedSource([.bytes([1]), .nothingYet], wakes: false)
        #expect(Response.Body.stream(silent).collected(atMost: 100, within: .milliseconds(10)) == [1])
        #expect(silent.ends == [.broken])
    }

    @Test("The plain problem document is JSON whatever the texts hold")
    func plainProblem() {
        let refusal = Refusal(status: .badRequest, code: "bad-target", detail: "a \"quote\", a \\ and a\nline")
        let response = refusal.plainResponse
        #expect(response.head.status == .badRequest)
        #expect(response.head.headerFields[.contentType] == "application/problem+json")
        let body = response.body.collected(atMost: 1_000, within: .zero) ?? []
        let expected =
            #"{"type":"about:blank","title":"Bad Request","status":400,"code":"bad-target","#
            + #""detail":"a \"quote\", a \\ and a line"}"#
        #expect(String(decoding: body, as: UTF8.self) == expected)
    }
}

/// Gives what it was told to give; after `nothingYet` it wakes its reader at once, or never.
private final class ScriptedSource: BodySource {
    private let script: Locked<[Supply]>
    private let wakes: Bool
    private let seen = Locked<[StreamEnd]>([])

    init(_ script: [Supply], wakes: Bool = true) {
        self.script = Locked(script)
        self.wakes = wakes
    }

    var ends: [StreamEnd] { seen.withLock { $0 } }

    func pull(wake: Wake) -> Supply {
        let next = script.withLock { $0.isEmpty ? Supply.nothingYet : $0.removeFirst() }
        if case .nothingYet = next, wakes { wake() }
        return next
    }

    func end(_ end: StreamEnd) { seen.withLock { $0.append(end) } }
}
