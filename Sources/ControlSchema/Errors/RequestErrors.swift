/// What can be wrong with a request whatever it is about.
extension OwnError {
    public static let malformedRequest = OwnError(
        "malformed-request", 400, "The request is not valid HTTP",
        "The request line, a header or the framing of the body breaks a rule of HTTP.",
        remedy: "Send what RFC 9110 and RFC 9112 ask for.")
    public static let malformedPath = OwnError(
        "malformed-path", 400, "The path cannot be decoded",
        "The path has a broken percent-encoding, a zero byte or an encoded slash.",
        remedy: "Encode each segment of the path as RFC 3986 says.")
    public static let malformedJSON = OwnError(
        "malformed-json", 400, "The body is not JSON",
        "The body is not UTF-8 text, is not JSON, or is nested too deeply.",
        remedy: "Send valid JSON, nested at most \(RequestLimits.maximumDepth) levels.")
    public static let unknownMember = OwnError(
        "unknown-member", 400, "The body has a member that is not known",
        "Nothing in a request is ignored: a member that this version does not know may be a mistake.",
        remedy: "Remove or correct the members that the violations name.")
    public static let invalidValue = OwnError(
        "invalid-value", 400, "The body has a value that is not allowed",
        "A member is missing, of the wrong type, null, given twice, or out of its range.",
        remedy: "Correct the members that the violations name.")
    public static let invalidParameter = OwnError(
        "invalid-parameter", 400, "A query parameter or header is not allowed",
        "A query parameter is unknown, given twice or out of its range, or a header cannot be read.",
        remedy: "Correct the parameters that the violations name.")
    public static let peerNotAuthorized = OwnError(
        "peer-not-authorized", 403, "You are nobody here",
        "The peer's identity has no role on this listener.",
        remedy: "Ask the host's administrator to give your uid or gid a role.")
    public static let roleTooSmall = OwnError(
        "role-too-small", 403, "Your role does not allow this",
        "The request needs a greater role; the problem names it as requiredRole.",
        remedy: "Use an identity that has the role.")
    public static let notFound = OwnError(
        "not-found", 404, "There is no such resource",
        "Nothing has that path, id or name, or it was deleted so long ago that it is forgotten.",
        remedy: "List the collection to see what there is.")
    public static let methodNotAllowed = OwnError(
        "method-not-allowed", 405, "The resource does not take this method",
        "The header Allow lists the methods that it takes.",
        remedy: "Use one of those.")
    public static let notAcceptable = OwnError(
        "not-acceptable", 406, "No representation is acceptable",
        "Answers are application/json and application/problem+json.",
        remedy: "Accept application/json.")
    public static let requestTimeout = OwnError(
        "request-timeout", 408, "The request took too long to arrive",
        "The connection was silent before the request was complete.",
        remedy: "Send the request again.", retryable: true)
    public static let preconditionFailed = OwnError(
        "precondition-failed", 412, "The resource has changed",
        "If-Match names another revision than the current one.",
        remedy: "Read the resource again and decide anew.")
    public static let payloadTooLarge = OwnError(
        "payload-too-large", 413, "The body is too long",
        "A JSON body may have at most \(RequestLimits.maximumBytes) bytes.",
        remedy: "Send less.")
    public static let uriTooLong = OwnError(
        "uri-too-long", 414, "The request target is too long",
        "The path and query together are longer than the listener takes.",
        remedy: "Shorten the query.")
    public static let expectationFailed = OwnError(
        "expectation-failed", 417, "The expectation cannot be met",
        "The only expectation served is 100-continue.",
        remedy: "Leave Expect out.")
    public static let notImplemented = OwnError(
        "not-implemented", 501, "This part of HTTP is not served",
        "CONNECT, and transfer codings other than chunked, have no meaning here.",
        remedy: "Send the body with Content-Length or chunked.")
    public static let unsupportedMediaType = OwnError(
        "unsupported-media-type", 415, "The body is of a type that is not understood",
        "POST takes application/json, PATCH application/merge-patch+json or application/json; no content coding.",
        remedy: "Set Content-Type.")
    public static let idempotencyKeyReused = OwnError(
        "idempotency-key-reused", 422, "The idempotency key belongs to another request",
        "The same Idempotency-Key came before with another path, query or body.",
        remedy: "Use a new key for a new request.")
    public static let tooManyRequests = OwnError(
        "too-many-requests", 429, "You ask for too much at once",
        "A limit of this client alone is reached: the problem's limit says which, Retry-After when to try again.",
        remedy: "Wait for Retry-After seconds, or for your operations to end.", retryable: true)
    public static let headerFieldsTooLarge = OwnError(
        "header-fields-too-large", 431, "The header is too long",
        "The header fields together, or their number, exceed what the listener takes.",
        remedy: "Send fewer or shorter header fields.")

    static let ofRequests = [
        malformedRequest, malformedPath, malformedJSON, unknownMember, invalidValue, invalidParameter,
        peerNotAuthorized, roleTooSmall, notFound, methodNotAllowed, notAcceptable, requestTimeout,
        preconditionFailed, payloadTooLarge, uriTooLong, unsupportedMediaType, idempotencyKeyReused, tooManyRequests,
        headerFieldsTooLarge, expectationFailed, notImplemented,
    ]
}
