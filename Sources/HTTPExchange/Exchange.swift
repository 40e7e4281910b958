internal import Synchronization

/// One request's claim to one answer.
///
/// Answered inside `respond`, the connection goes on at once; otherwise it is suspended until the answer comes,
/// from whichever thread. An exchange dropped without an answer answers 500, so that no client waits for ever.
public final class Exchange: Sendable {
    private let transport: any ExchangeTransport
    private let answered = Atomic(false)

    public init(_ transport: any ExchangeTransport) { self.transport = transport }

    deinit {
        if !answered.load(ordering: .acquiring) { transport.deliver(.abandoned) }
    }

    /// Answers. Only the first answer counts; a second one is our bug: it is reported to the transport and dropped.
    public func answer(_ response: consuming Response) {
        if answered.exchange(true, ordering: .acquiringAndReleasing) {
            transport.reportSecondAnswer(response)
        } else {
            transport.deliver(.response(response))
        }
    }

    public var isAnswered: Bool { answered.load(ordering: .acquiring) }

    /// True once it is known that nobody waits for the answer any more. It may become true late or never: a client
    /// that merely stays silent looks like one that is patient.
    public var clientHasGone: Bool { transport.clientHasGone }
}

/// What carries an answer back.
public protocol ExchangeTransport: AnyObject, Sendable {
    /// Called exactly once, from any thread.
    func deliver(_ outcome: consuming ExchangeOutcome)
    func reportSecondAnswer(_ response: Response)
    var clientHasGone: Bool { get }
}

/// How an exchange came to its end.
public enum ExchangeOutcome: Sendable {
    /// Apart, because it is large and changes hands several times.
    indirect case response(Response)
    /// The responder let go of the exchange without answering.
    case abandoned
}
