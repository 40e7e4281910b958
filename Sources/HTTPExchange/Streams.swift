/// Asks a connection that waits to go on.
///
/// May be called from any thread, any number of times, also before the waiting has begun and after the stream
/// has ended; a call is never lost and one too many does no harm.
public struct Wake: Sendable {
    private let body: @Sendable () -> Void

    public init(_ body: @escaping @Sendable () -> Void) { self.body = body }

    public func callAsFunction() { body() }
}

/// How a stream ended.
public enum StreamEnd: Hashable, Sendable {
    /// Every byte went over.
    case complete
    /// The connection broke, timed out or was shut down before the end; what came so far is all there is.
    case broken
}

/// Takes an uploaded body piece by piece, with back pressure.
///
/// Calls come one at a time from an HTTP thread and must not block it.
public protocol BodyReceiver: AnyObject, Sendable {
    /// Takes all of `bytes` (at least one, at most some tens of KiB).
    ///
    /// - Parameter wake: to be kept and called once there is room again, if this returns `.full`.
    func receive(_ bytes: Span<UInt8>, wake: Wake) -> Reception

    /// Called once; the wake may be dropped then. After `.complete` the responder is asked to answer; after `.broken`, also when the receiver
    /// refused, nothing follows.
    func end(_ end: StreamEnd)
}

/// What a receiver says to a piece of a body.
public enum Reception: Sendable {
    /// Taken; the next one may come.
    case more
    /// Taken; the next one only after `wake`. The client is held back meanwhile by TCP itself.
    case full
    /// The upload is not wanted any more. What is left of it is read away and the client gets this answer, then the
    /// connection is closed; if more is left than a listener reads away, the connection is cut without an answer.
    case refuse(Response)
}

/// Gives a body piece by piece, pulled as the client takes it.
///
/// Calls come one at a time from an HTTP thread and must not block it.
public protocol BodySource: AnyObject, Sendable {
    /// - Parameter wake: to be kept and called once there is more, if this returns `.nothingYet`.
    func pull(wake: Wake) -> Supply

    /// Called once, when the wake may be dropped: when the last byte has been handed to the system or the client has gone; also for an answer
    /// to HEAD, whose source is never pulled.
    func end(_ end: StreamEnd)
}

/// What a source has to give.
public enum Supply: Sendable {
    /// The next bytes, as many as it likes; an empty array counts as `nothingYet`.
    case bytes([UInt8])
    /// Nothing now; the connection waits for `wake`.
    case nothingYet
    /// The body is complete.
    case end
    /// The body cannot be completed: the connection is cut so that the client can tell.
    case failed
}
