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
        /// Bytes of unknown number, pulled as the client takes them.
        case stream(any BodySource)
    }

    public var head: HTTPResponse
    public var body: Body

    public init(head: HTTPResponse, body: Body = .none) {
        self.head = head
        self.body = body
    }

    public init(status: HTTPResponse.Status, fields: HTTPFields = [:], body: Body = .none) {
        self.init(head: HTTPResponse(status: status, headerFields: fields), body: body)
    }
}
