public import HTTPTypes
public import Threading

/// Everything of a request but its body.
///
/// One object: a head passes through many hands, and a structure of this size would be copied for each.
public final class RequestHead: Sendable {
    public let peer: Peer
    public let method: HTTPRequest.Method
    /// `http` or `https`, where it is known.
    public let scheme: String?
    /// Whom the request is for: the `Host` field, or what the target named in absolute form.
    public let authority: String?
    /// Without `Host`, which is the authority.
    public let fields: HTTPFields
    /// The raw target and its parts.
    public let target: Target
    /// When the head was complete; deadlines such as `Prefer: wait=N` count from here.
    public let received: MonotonicTime

    public init(
        peer: Peer, method: HTTPRequest.Method, scheme: String?, authority: String?, target: Target,
        fields: HTTPFields, received: MonotonicTime
    ) {
        self.peer = peer
        self.method = method
        self.scheme = scheme
        self.authority = authority
        self.fields = fields
        self.target = target
        self.received = received
    }

    /// - Parameter request: its `path` is the raw target in origin form; nil counts as empty.
    public convenience init(peer: Peer, request: HTTPRequest, received: MonotonicTime = .now) {
        self.init(
            peer: peer, method: request.method, scheme: request.scheme, authority: request.authority,
            target: Target(request.path ?? ""), fields: request.headerFields, received: received)
    }

    /// The same in the common vocabulary; `path` is the raw target. Made anew each time.
    public var request: HTTPRequest {
        HTTPRequest(method: method, scheme: scheme, authority: authority, path: target.raw, headerFields: fields)
    }

    /// The value of a field, several with commas between them.
    public func field(_ name: HTTPField.Name) -> String? { fields.isEmpty ? nil : fields[name] }
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
