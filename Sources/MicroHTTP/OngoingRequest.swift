internal import CMicroHTTPD
internal import HTTPExchange
internal import HTTPTypes
internal import Logging
internal import Threading

/// One request on its way, from the request line to the last byte of the answer.
///
/// Lives on its connection's thread, with two exceptions that go through the connection's lock: the answer and the
/// wakes of streams, which come from anywhere.
final class OngoingRequest: @unchecked Sendable {
    private enum Phase {
        case readingHead
        case collecting(maximumBytes: Int)
        case receiving(any BodyReceiver)
        /// The body is not wanted; the answer waits for its end.
        case swallowing(Response, closing: Bool)
        case awaitingAnswer
        case answered
    }

    let connection: Connection
    /// Known once the head is complete, and never changed after that.
    private(set) var serial: UInt64 = 0
    /// Nil when it is the one that the connection remembers.
    let target: ReceivedTarget?
    private var phase = Phase.readingHead
    private var head: RequestHead?
    private var body: [UInt8] = []
    private var swallowedBytes = 0
    private var clock: UploadClock
    private(set) var download: Download?

    init(on connection: Connection, target: ReceivedTarget?) {
        self.connection = connection
        self.target = target
        clock = UploadClock(connection.server.limits, now: .coarse)
        connection.deadline.set(.head, clock.headDue)
    }

    /// What the library is to do next.
    enum Next {
        case goOn
        /// As `goOn`, but the bytes just offered were not taken.
        case offerAgain
        case send(Response, closing: Bool)
        case close
    }

    var server: Server { connection.server }

    /// The head has been looked at; what comes now is body or end.
    var hasBegun: Bool { if case .readingHead = phase { false } else { true } }

    // MARK: The library's calls

    /// The head is complete. An answer given here closes the connection, which is right only if a body is refused.
    func begin(_ reading: HeadReader.Reading) -> Next {
        let isCut = connection.turn.withLock { turn in
            turn.isBusy = true
            serial = turn.serial
            return turn.isCut
        }
        guard !isCut else { return .close }
        switch reading {
        case .new(let received):
            return begin(received)
        case .same(let contents):
            let head = head(contents)
            switch server.responder.plan(for: head) {
            case .collect: phase = .collecting(maximumBytes: 0)
            case .stream(let receiver): phase = .receiving(receiver)
            case .refuse(let response): phase = .swallowing(response, closing: false)
            }
            return .goOn
        }
    }

    private func begin(_ received: ReceivedHead) -> Next {
        let generation = connection.generation
        guard let peer = connection.peerNow() else { return .close }
        let verdict: ProtocolRules.Verdict
        do throws(Refusal) {
            verdict = try ProtocolRules.check(received, limits: server.limits)
        } catch {
            phase = .answered
            return .send(server.responder.response(to: error, of: nil), closing: true)
        }
        let contents = RequestHead.Contents(
            peer: peer, method: verdict.method, scheme: server.scheme, authority: verdict.authority,
            target: verdict.target, fields: received.fields.fields)
        if verdict.framing == .none { connection.memory.remember(received, as: contents, generation: generation) }
        let head = head(contents)
        switch server.responder.plan(for: head) {
        case .collect(let maximumBytes):
            return collect(upTo: min(max(0, maximumBytes), server.limits.bodyBytes), verdict)
        case .stream(let receiver):
            phase = .receiving(receiver)
            return .goOn
        case .refuse(let response):
            return refuse(response, verdict)
        }
    }

    private func head(_ contents: RequestHead.Contents) -> RequestHead {
        let now = MonotonicTime.coarse
        let head = RequestHead(contents, received: now)
        self.head = head
        clock.beginBody(now: now)
        connection.deadline.set(.body, clock.bodyDue)
        return head
    }

    /// A piece of the body.
    func take(_ bytes: UnsafeBufferPointer<UInt8>) -> Next {
        // The library may offer the next chunk in the same breath, although the connection sleeps by now.
        let (isCut, isAsleep) = connection.turn.withLock { ($0.isCut, $0.sleep != nil) }
        if isCut { return .close }
        if isAsleep { return .offerAgain }
        if clock.isHeld { clock.goOn(now: .coarse) }
        clock.took(bytes.count)
        connection.deadline.set(.body, clock.bodyDue)
        switch phase {
        case .collecting(let maximumBytes):
            if bytes.count > maximumBytes - body.count {
                body = []
                phase = .swallowing(server.responder.response(to: .bodyTooLarge, of: head), closing: true)
                return swallow(bytes.count)
            }
            // SAFETY: the library's bytes are good until this callback returns, and are copied here.
            unsafe body.append(contentsOf: bytes)
            return .goOn
        case .receiving(let receiver):
            // SAFETY: as above; the receiver gets a span that cannot outlive the call.
            return unsafe pass(bytes, to: receiver)
        case .swallowing:
            return swallow(bytes.count)
        case .readingHead, .awaitingAnswer, .answered:
            return .close
        }
    }

    /// The request is complete, or the connection has been resumed for its answer.
    func finishReading() -> Next {
        connection.deadline.clear()
        switch phase {
        case .collecting:
            return respond(receiver: nil)
        case .receiving(let receiver):
            phase = .awaitingAnswer
            receiver.end(.complete)
            return respond(receiver: receiver)
        case .swallowing(let response, let closing):
            phase = .answered
            return .send(response, closing: closing)
        case .awaitingAnswer:
            return takeAnswer()
        case .readingHead, .answered:
            return .close
        }
    }

    /// The connection is done with this request, well or badly.
    func end(completely: Bool) {
        let unsent = connection.turn.withLock { turn -> ExchangeOutcome? in
            defer { turn = Turn(serial: turn.serial + 1, clientHasGone: turn.clientHasGone, isCut: turn.isCut) }
            return turn.outcome
        }
        unsent?.discard()
        switch phase {
        case .receiving(let receiver): receiver.end(.broken)
        case .swallowing(let response, _): response.discard()
        default: break
        }
        download?.end(completely: completely)
        download = nil
        phase = .answered
        connection.deadline.set(.nextRequest, .coarse.advanced(bySeconds: server.limits.idleSeconds))
    }

    /// Remembers the stream that is about to be sent, so that it learns of its end.
    func attach(_ source: any BodySource) { download = Download(source, for: self) }

    /// The client is to take so many bytes now.
    func expectsTaking(_ bytes: Int) {
        let limits = server.limits
        let due = MonotonicTime.coarse.advanced(bySeconds: limits.answerSeconds)
            .advanced(by: UInt64(bytes), at: limits.answerBytesPerSecond)
        connection.deadline.set(.answer, due)
    }

    /// The library will send a body of so many bytes right after the head, if the client asked for it.
    func expectsBody(of bytes: Int) {
        if let transport = connection.transport, bytes > 0, let head, head.method != .head { transport.holdNext() }
    }

    /// No answer could be sent after all.
    func abandon(_ response: Response) { if download == nil { response.discard() } }

    // MARK: Bodies

    private func collect(upTo maximumBytes: Int, _ verdict: ProtocolRules.Verdict) -> Next {
        if case .length(let length) = verdict.framing, length > UInt64(maximumBytes) {
            return refuse(server.responder.response(to: .bodyTooLarge, of: head), verdict)
        }
        phase = .collecting(maximumBytes: maximumBytes)
        return .goOn
    }

    /// Answers at once if the body would cost more than the connection is worth; else reads it away first, so that the
    /// client gets to read the answer and the connection lives on.
    private func refuse(_ response: Response, _ verdict: ProtocolRules.Verdict) -> Next {
        let isCheap =
            switch verdict.framing {
            case .none: true
            case .length(let length): length <= UInt64(server.limits.swallowedBytes) && !verdict.expectsContinue
            case .chunked: false
            }
        guard isCheap else {
            phase = .answered
            return .send(response, closing: true)
        }
        phase = .swallowing(response, closing: false)
        return .goOn
    }

    private func swallow(_ count: Int) -> Next {
        swallowedBytes += count
        return swallowedBytes > server.limits.swallowedBytes ? .close : .goOn
    }

    private func pass(_ bytes: UnsafeBufferPointer<UInt8>, to receiver: any BodyReceiver) -> Next {
        connection.turn.withLock { $0.woken = false }
        // SAFETY: the bytes are the library's until the handler returns; a span cannot outlive this call.
        switch unsafe receiver.receive(bytes.span, wake: wake) {
        case .more:
            return .goOn
        case .full:
            let outcome = sleep(for: .upload)
            if outcome == .asleep { clock.hold(now: .coarse) }
            return outcome == .mustEnd ? .close : .goOn
        case .refuse(let response):
            receiver.end(.broken)
            phase = .swallowing(response, closing: true)
            return .goOn
        }
    }

    // MARK: Answers

    private func respond(receiver: (any BodyReceiver)?) -> Next {
        phase = .awaitingAnswer
        guard let head else { return .close }
        let request = Request(head: head, body: body, receiver: receiver)
        body = []
        do {
            // Nobody else may hold the exchange when the outcome is looked for below: dropping it is an answer, too.
            let exchange = Exchange(self)
            server.responder.respond(to: request, through: exchange)
        }
        return takeAnswer()
    }

    private func takeAnswer() -> Next {
        let (outcome, isCut) = connection.turn.withLock { turn -> (ExchangeOutcome?, Bool) in
            let outcome = turn.outcome.take()
            if outcome == nil, !turn.isCut { connection.seat.suspend(&turn, for: .answer) }
            return (outcome, turn.isCut)
        }
        switch outcome {
        case nil:
            return isCut ? .close : .goOn
        case .response(let response):
            phase = .answered
            return .send(response, closing: false)
        case .abandoned:
            server.logger.error("A request was never answered", metadata: ["path": "\(head?.target.path ?? "")"])
            phase = .answered
            return .send(server.responder.response(to: .abandoned, of: head), closing: false)
        }
    }

    // MARK: Sleeping and waking

    enum SleepOutcome {
        case asleep
        /// A wake came first.
        case stayAwake
        case mustEnd
    }

    func sleep(for reason: Turn.Sleep) -> SleepOutcome {
        // The client owes nothing while it is we who are not ready.
        connection.deadline.clear()
        return connection.turn.withLock { turn in
            if turn.isCut { return .mustEnd }
            if turn.woken {
                turn.woken = false
                return .stayAwake
            }
            connection.seat.suspend(&turn, for: reason)
            return .asleep
        }
    }

    var wake: Wake { connection.seat.wake(for: serial) }
}
