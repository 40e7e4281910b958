internal import HTTPExchange
internal import HTTPTypes

extension Representation {
    /// JSON of a revision.
    ///
    /// - Parameter extra: fields besides those that all have.
    convenience init(revision: UInt64, _ extra: HTTPFields = [:], body: EncodedBody) {
        var fields = extra
        fields[.eTag] = ControlAPI.tag(revision)
        // What a role is shown is for it alone, and has to be asked for each time.
        fields[.cacheControl] = "private, no-cache"
        fields[.contentType] = "application/json"
        self.init(fields: fields, body: body)
    }
}
