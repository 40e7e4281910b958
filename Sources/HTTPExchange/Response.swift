public import HTTPTypes

/// An answer: status, fields and body.
///
/// The server adds `Date`, `Content-Length` or `Transfer-Encoding`, and `Connection`; whoever sets one of
/// these here is overruled. The body of an answer to HEAD or of a 304 is not sent, but its length is: give it the body
/// that GET or 200 would have.
public struct Response: Sendable {
    public enum Body: Sendable {
        case none
        /// Bytes for this answer alone.
        case bytes([UInt8])
        /// Bytes many answers share; sent from where they lie.
        case shared(EncodedBody)
        /// The same with the fields that belong to them; those of the response come besides.
        case representation(Representation)
        /// Bytes of unknown number, pulled as the client takes them.
        case stream(any BodySource)
    }

    public var status: HTTPResponse.Status
    public var fields: HTTPFields
    /// Sent as `X-Request-Id`. It stands apart because it is another one in each answer, while the fields beside it may
    /// be the same in many and need not be copied then.
    public var requestID: String?
    public var body: Body

    public init(
        status: HTTPResponse.Status, fields: HTTPFields = [:], requestID: String? = nil, body: Body = .none
    ) {
        self.status = status
        self.fields = fields
        self.requestID = requestID
        self.body = body
    }

    /// The same in the common vocabulary, with all fields. Made anew each time.
    public var head: HTTPResponse {
        var fields = fields
        if case .representation(let shown) = body { fields.append(contentsOf: shown.fields) }
        if let requestID { fields[Self.requestIDName] = requestID }
        return HTTPResponse(status: status, headerFields: fields)
    }

    public static let requestIDName: HTTPField.Name = {
        guard let name = HTTPField.Name("X-Request-Id") else { preconditionFailure("that is a field name") }
        return name
    }()
}
