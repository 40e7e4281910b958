public import HTTPTypes
public import Threading

/// Everything of a request but its body.
public struct RequestHead: Sendable {
    public let peer: Peer
    /// Method, scheme, authority (the `Host` field) and fields; `path` is the raw target.
    public let request: HTTPRequest
    /// The raw target and its parts.
    public let target: Target
    /// When the head was complete; deadlines such as `Prefer: wait=N` count from here.
    public let received: MonotonicTime

    /// - Parameter request: its `path` is the raw target in origin form; nil counts as empty.
    public init(peer: Peer, request: HTTPRequest, received: MonotonicTime = .now) {
        self.peer = peer
        self.request = request
        target = Target(request.path ?? "")
        self.received = received
    }

    public var method: HTTPRequest.Method { request.method }
    public var fields: HTTPFields { request.headerFields }
}

/// A request whose body has arrived as its plan said.
public struct Request: Sendable {
    public let head: RequestHead
    /// The body, when the plan was `.collect`; empty otherwise.
    public let body: [UInt8]
    /// The receiver that took the body to its end, when the plan was `.stream`.
    public let receiver: (any BodyReceiver)?

    public init(head: RequestHead, body: [UInt8] = [], receiver: (any BodyReceiver)? = nil) {
        self.head = head
        self.body = body
        self.receiver = receiver
    }
}
