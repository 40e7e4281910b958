public import HTTPTypes
public import Threading

/// Everything of a request but its body.
public struct RequestHead: Sendable {
    /// What the client wrote. One object, since a head passes through many hands, and the same one for as long as a
    /// connection goes on sending the same head.
    public let contents: Contents
    /// When the head was complete; deadlines such as `Prefer: wait=N` count from here.
    public let received: MonotonicTime

    public init(_ contents: Contents, received: MonotonicTime) {
        self.contents = contents
        self.received = received
    }

    /// - Parameter request: its `path` is the raw target in origin form; nil counts as empty.
    public init(peer: Peer, request: HTTPRequest, received: MonotonicTime = .now) {
        let contents = Contents(
            peer: peer, method: request.method, scheme: request.scheme, authority: request.authority,
            target: Target(request.path ?? ""), fields: request.headerFields)
        self.init(contents, received: received)
    }

    public final class Contents: Sendable {
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
        fileprivate let reading = Locked<(any HeadReading)?>(nil)

        public init(
            peer: Peer, method: HTTPRequest.Method, scheme: String?, authority: String?, target: Target,
            fields: HTTPFields
        ) {
            self.peer = peer
            self.method = method
            self.scheme = scheme
            self.authority = authority
            self.fields = fields
            self.target = target
        }
    }

    public var peer: Peer { contents.peer }
    public var method: HTTPRequest.Method { contents.method }
    public var fields: HTTPFields { contents.fields }
    public var target: Target { contents.target }

    /// The same in the common vocabulary; `path` is the raw target. Made anew each time.
    public var request: HTTPRequest {
        HTTPRequest(
            method: method, scheme: contents.scheme, authority: contents.authority, path: target.raw,
            headerFields: fields)
    }

    /// The value of a field, several with commas between them.
    public func field(_ name: HTTPField.Name) -> String? {
        contents.fields.isEmpty ? nil : contents.fields[name]
    }

    /// What the responder has read out of these contents, which it finds here again when the client repeats them. It
    /// must depend on nothing else.
    public var reading: (any HeadReading)? {
        get { contents.reading.withLock { $0 } }
        nonmutating set { contents.reading.withLock { $0 = newValue } }
    }
}

/// What a responder makes of a head.
public protocol HeadReading: AnyObject, Sendable {}
