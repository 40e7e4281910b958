internal import HTTPExchange
internal import HTTPTypes

/// One revision of a resource as bytes, with the fields of an answer that shows it.
final class Representation: Sendable {
    let revision: UInt64
    let fields: HTTPFields
    let body: EncodedBody

    /// - Parameter extra: fields of this answer besides.
    init(revision: UInt64, _ extra: HTTPFields = [:], body: EncodedBody) {
        var fields = extra
        fields[.eTag] = ControlAPI.tag(revision)
        // What a role is shown is for it alone, and has to be asked for each time.
        fields[.cacheControl] = "private, no-cache"
        fields[.contentType] = "application/json"
        self.revision = revision
        self.fields = fields
        self.body = body
    }
}
