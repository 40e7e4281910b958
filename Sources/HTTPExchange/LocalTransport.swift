internal import Threading

/// Keeps the answer for whoever asked in the same process: a responder can be driven without a socket.
///
///     let transport = LocalTransport()
///     responder.respond(to: request, through: Exchange(transport))
///     let response = transport.response(within: .seconds(1))
public final class LocalTransport: ExchangeTransport {
    private struct State {
        var outcome: ExchangeOutcome?
        var secondAnswers = 0
        var clientHasGone = false
    }

    private let state = Monitor(State())

    public init() {}

    public func deliver(_ outcome: ExchangeOutcome) { state.withLock { $0.outcome = outcome } }

    public func reportSecondAnswer(_ response: Response) { state.withLock { $0.secondAnswers += 1 } }

    /// How many answers came after the first: anything but 0 is a bug of the responder's.
    public var secondAnswers: Int { state.withLock { $0.secondAnswers } }

    /// To be set by a test that plays a client who has left.
    public var clientHasGone: Bool {
        get { state.withLock { $0.clientHasGone } }
        set { state.withLock { $0.clientHasGone = newValue } }
    }

    /// The outcome, if there is one already.
    public var outcome: ExchangeOutcome? { state.withLock { $0.outcome } }

    /// Waits for the answer; nil when `timeout` passes first or the exchange was abandoned.
    public func response(within timeout: Duration) -> Response? {
        let outcome = state.wait(timeout: timeout) { $0.outcome }
        return if case .response(let response) = outcome { response } else { nil }
    }
}

extension Response.Body {
    /// The body's bytes; a stream is pulled until it ends, has given `maximum` bytes, or says nothing for `timeout`,
    /// and then told that it is over. Nil when the source failed.
    public func collected(atMost maximum: Int, within timeout: Duration) -> [UInt8]? {
        switch self {
        case .none: return []
        case .bytes(let bytes): return bytes
        case .shared(let body): return body.copied()
        case .representation(let shown): return shown.body.copied()
        case .stream(let source): return Self.drain(source, maximum, timeout)
        }
    }

    private static func drain(_ source: any BodySource, _ maximum: Int, _ timeout: Duration) -> [UInt8]? {
        let woken = Monitor(false)
        let wake = Wake { woken.withLock { $0 = true } }
        var collected: [UInt8] = []
        while collected.count < maximum {
            switch source.pull(wake: wake) {
            case .bytes(let bytes) where !bytes.isEmpty:
                collected += bytes
            case .bytes, .nothingYet:
                let again = woken.wait(timeout: timeout) { woken -> Bool? in
                    defer { woken = false }
                    return woken ? true : nil
                }
                if again == nil {
                    source.end(.broken)
                    return collected
                }
            case .end:
                source.end(.complete)
                return collected
            case .failed:
                source.end(.broken)
                return nil
            }
        }
        source.end(.broken)
        return collected
    }
}
