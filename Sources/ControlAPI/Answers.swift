internal import ControlSchema
internal import HTTPExchange
internal import HTTPTypes
internal import TDLifecycle

// From what a handler came to, to a response.

extension ControlAPI {
    /// - Parameter code: the problem's, if it is one.
    func answer(_ call: Call, _ response: consuming Response, isRetryable: Bool = false, code: String? = nil) {
        response.requestID = call.requestID
        if let applied = call.preferenceApplied, response.status.kind == .successful {
            response.fields[.preferenceApplied] = applied
        }
        if let claim = call.idempotency { idempotency.finish(claim, response, isRetryable: isRetryable) }
        account(call.visit, call.request.head, status: response.status.code, code: code)
        call.exchange.answer(response)
    }

    func answer(_ call: Call, _ refused: Refused) {
        answer(
            call, response(refused, requestID: call.requestID), isRetryable: refused.problem.retryable,
            code: refused.problem.code)
    }

    func response(_ refused: Refused, requestID: String) -> Response {
        var problem = refused.problem
        problem.requestId = requestID
        var fields = refused.fields
        fields[.contentType] = "application/problem+json"
        fields[.cacheControl] = "no-store"
        if problem.status == HTTPResponse.Status.serviceUnavailable.code { fields[.retryAfter] = Self.retryAfter }
        return Response(
            status: HTTPResponse.Status(code: problem.status), fields: fields, requestID: requestID,
            body: .bytes(ControlJSON.encode(problem)))
    }

    /// Seconds after which a client may ask again.
    static let retryAfter = "1"

    /// A JSON answer made for this request alone.
    func answer(_ call: Call, _ status: HTTPResponse.Status, _ value: some Encodable, _ fields: HTTPFields = [:]) {
        answer(call, status, .bytes(ControlJSON.encode(value)), fields)
    }

    func answer(
        _ call: Call, _ status: HTTPResponse.Status, _ body: Response.Body, _ fields: HTTPFields = [:]
    ) {
        var fields = fields
        fields[.contentType] = "application/json"
        answer(call, Response(status: status, fields: fields, body: body))
    }

    /// A representation with a revision: 304 if the client has it already.
    func answer(_ call: Call, revision: UInt64, _ fields: HTTPFields = [:], _ body: () -> EncodedBody) {
        answer(call, revision: revision, Representation(revision: revision, fields, body: body()))
    }

    static func tag(_ revision: UInt64) -> String { "\"r\(revision)\"" }

    /// A representation as it is kept, or made for this answer.
    func answer(_ call: Call, revision: UInt64, _ shown: Representation) {
        // A 304 says how long the 200 would have been, so it is given the same body; the server does not send it.
        let status: HTTPResponse.Status = call.matchesNone(of: revision) ? .ok : .notModified
        answer(call, Response(status: status, body: .representation(shown)))
    }

    /// Runs an engine call and turns its error into a problem.
    func engine<Result>(
        _ call: Call, spec: TDLifecycle.TDSpec? = nil, _ body: () throws(LifecycleError) -> Result
    ) throws(Refused) -> Result {
        do throws(LifecycleError) { return try body() } catch { throw refused(error, role: call.role, spec: spec) }
    }

    func decode<Body: RequestBody>(_ type: Body.Type, _ call: Call) throws(Refused) -> Body {
        do throws(RequestError) { return try ControlJSON.decodeRequest(type, from: call.request.body) } catch {
            throw Refused(problem: Problem(error))
        }
    }

    func requester(_ call: Call) -> Requester {
        Requester(
            principal: call.principal, requestID: ResourceID(call.requestID) ?? engine.makeRequestID(),
            idempotencyKey: call.idempotency?.key)
    }
}
