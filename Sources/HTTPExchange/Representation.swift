public import HTTPTypes

/// A resource in one of its states as bytes, with the fields that every answer showing it has.
///
/// One object for all of them, so that a server can tell without looking that it is to send the same again.
public final class Representation: Sendable {
    public let fields: HTTPFields
    public let body: EncodedBody

    public init(fields: HTTPFields, body: EncodedBody) {
        self.fields = fields
        self.body = body
    }
}
