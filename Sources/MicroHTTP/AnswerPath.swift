internal import HTTPExchange
internal import HTTPTypes
internal import Logging
internal import Threading

/// How an answer reaches its connection, from whichever thread.
extension OngoingRequest: ExchangeTransport {
    func deliver(_ outcome: consuming ExchangeOutcome) {
        // Moved, not copied: most answers come this way.
        var unheard: ExchangeOutcome? = outcome
        connection.turn.withLock { turn in
            guard turn.serial == serial else { return }
            turn.outcome = unheard.take()
            connection.seat.resume(&turn)
        }
        unheard?.discard()
    }

    func reportSecondAnswer(_ response: Response) {
        server.logger.error(
            "A request was answered twice", metadata: ["status": "\(response.head.status.code)"])
        response.discard()
    }

    var clientHasGone: Bool { connection.turn.withLock { $0.serial != serial || $0.clientHasGone } }
}

extension ExchangeOutcome {
    func discard() { if case .response(let response) = self { response.discard() } }
}

extension Response {
    /// Tells the source of an answer that is not sent.
    func discard() { if case .stream(let source) = body { source.end(.broken) } }
}
