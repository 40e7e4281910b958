internal import HTTPExchange
internal import HTTPTypes
internal import Logging
internal import Threading

/// How an answer reaches its connection, from whichever thread.
extension OngoingRequest: ExchangeTransport {
    func deliver(_ outcome: ExchangeOutcome) {
        let isHeard = connection.turn.withLock { turn -> Bool in
            guard turn.serial == serial else { return false }
            turn.outcome = outcome
            connection.seat.resume(&turn)
            return true
        }
        if !isHeard { outcome.discard() }
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
