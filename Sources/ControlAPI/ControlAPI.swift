internal import ControlSchema
public import HTTPExchange
internal import HTTPTypes
public import Logging
internal import Synchronization
public import TDLifecycle
internal import Threading

/// The contract, served: each request becomes one call to the engine, and its answer a response.
public final class ControlAPI: Responder {
    let engine: Engine
    let service: ServiceIdentity
    let access: AccessPolicy
    let logger: Logger
    let bodies = BodyCache()
    let idempotency = IdempotencyTable()
    let instanceID: String
    private let draining = Atomic(false)

    public init(engine: Engine, service: ServiceIdentity, access: AccessPolicy, logger: Logger) {
        self.engine = engine
        self.service = service
        self.access = access
        self.logger = logger
        instanceID = String(engine.makeRequestID().description.dropFirst("req-".count))
    }

    var platform: TDLifecycle.Platform { engine.platform }

    /// Readiness turns false and new work is refused with 503; what runs goes on.
    public func beginDraining() {
        draining.store(true, ordering: .releasing)
        engine.drain()
    }

    var isDraining: Bool { draining.load(ordering: .acquiring) }

    /// Every operation of the contract, in its order.
    public static let routes: [Route] =
        serviceRoutes + hostRoutes + tdRoutes + vcpuRoutes + fieldRoutes + stepRoutes + operationRoutes + recordRoutes
        + errorRoutes

    // MARK: Responder

    public func plan(for head: RequestHead) -> BodyPlan {
        // Identity first: nobody uploads a body to a listener on which he is nobody.
        if access.identify(head.peer).role == nil, head.method != .get, head.method != .head {
            return .refuse(response(Refused(.peerNotAuthorized), requestID: makeRequestID()))
        }
        return .collect(maximumBytes: RequestLimits.maximumBytes)
    }

    public func respond(to request: Request, through exchange: Exchange) {
        let requestID = makeRequestID()
        do throws(Refused) {
            try dispatch(request, exchange, requestID)
        } catch {
            exchange.answer(response(error, requestID: requestID))
        }
    }

    public func response(to refusal: Refusal, of head: RequestHead?) -> Response {
        let error: OwnError =
            switch refusal.status {
            case .badRequest: refusal.code == "bad-target" ? .malformedPath : .malformedRequest
            case .requestTimeout: .requestTimeout
            case .contentTooLarge: .payloadTooLarge
            case .uriTooLong: .uriTooLong
            case .expectationFailed: .expectationFailed
            case .requestHeaderFieldsTooLarge: .headerFieldsTooLarge
            case .notImplemented: .notImplemented
            default: .internalError
            }
        return response(Refused(error, refusal.detail), requestID: makeRequestID())
    }

    private func makeRequestID() -> String { engine.makeRequestID().description }

    // MARK: Dispatch

    private func dispatch(_ request: Request, _ exchange: Exchange, _ requestID: String) throws(Refused) {
        let head = request.head
        let (principal, role) = access.identify(head.peer)
        var segments: [String]
        do throws(TargetError) { segments = try head.target.segments() } catch {
            throw Refused(.malformedPath, error.description)
        }
        if segments.first == "v1" { segments.removeFirst() }
        let method = head.method == .head ? HTTPRequest.Method.get : head.method
        let matches = Self.routes.compactMap { route in route.match(segments).map { (route, $0) } }
        let found = matches.first { $0.0.method == method }
        if found?.0.role != nil || found == nil, role == nil { throw Refused(.peerNotAuthorized) }
        guard let (route, path) = found else { throw notRouted(segments, matches.map(\.0)) }
        if let needed = route.role, role.map({ $0 < needed }) ?? true {
            throw tooSmall(role, needed)
        }
        try checkAccept(head)
        try checkBody(request, of: route)
        let query = try parameters(of: head.target, route)
        let claim = try idempotencyClaim(request, route, principal)
        let call = Call(
            request: request, exchange: exchange, requestID: requestID, principal: principal, role: role ?? .viewer,
            path: path, query: query, idempotency: claim)
        if let claim {
            switch idempotency.claim(claim, body: request.body) {
            case .go: break
            case .replay(let first):
                var again = first
                again.head.headerFields[.idempotencyReplayed] = "true"
                again.head.headerFields[.requestID] = requestID
                exchange.answer(again)
                return
            case .running(let operation):
                var refused = Refused(.idempotencyKeyInFlight)
                refused.problem.operation = operation
                throw refused
            case .otherBody: throw Refused(.idempotencyKeyReused)
            }
        }
        do throws(Refused) { try route.handle(self, call) } catch { answer(call, error) }
    }

    private func notRouted(_ segments: [String], _ others: [Route]) -> Refused {
        guard !others.isEmpty else { return Refused(.notFound, "there is nothing at this path") }
        let isVCPU = others.contains { $0.operationID == "getVcpu" }
        var refused = Refused(isVCPU ? .vcpuPagesReturnAtTeardown : .methodNotAllowed)
        var methods = others.map(\.method.rawValue)
        if methods.contains("GET") { methods.append("HEAD") }
        refused.fields[.allow] = methods.joined(separator: ", ")
        return refused
    }

    private func tooSmall(_ role: Role?, _ needed: Role) -> Refused {
        guard let role else { return Refused(.peerNotAuthorized) }
        var refused = Refused(.roleTooSmall, "this needs the role \(needed.rawValue); yours is \(role.rawValue)")
        refused.problem.requiredRole = RoleName(rawValue: needed.rawValue)
        return refused
    }

    private func checkAccept(_ head: RequestHead) throws(Refused) {
        guard let accept = head.fields[.accept] else { return }
        let ours = ["application/json", "application/problem+json", "application/*", "*/*"]
        let wanted = accept.split(separator: ",").map { range in
            let parts = range.split(separator: ";").map { $0.trimming(" \t").lowercased() }
            return (parts.first ?? "", parts.dropFirst().contains { $0 == "q=0" || $0 == "q=0.0" })
        }
        guard wanted.contains(where: { ours.contains($0.0) && !$0.1 }) else { throw Refused(.notAcceptable) }
    }

    private func checkBody(_ request: Request, of route: Route) throws(Refused) {
        let fields = request.head.fields
        if let coding = fields[.contentEncoding], coding.lowercased() != "identity" {
            throw Refused(.unsupportedMediaType, "no content coding is understood")
        }
        guard !request.body.isEmpty, route.method == .post || route.method == .patch else { return }
        let type = (fields[.contentType] ?? "").split(separator: ";").first?.trimming(" \t").lowercased() ?? ""
        var accepted = ["application/json"]
        if route.method == .patch { accepted.append("application/merge-patch+json") }
        guard accepted.contains(type) else {
            throw Refused(.unsupportedMediaType, "the body must be \(accepted.joined(separator: " or "))")
        }
    }

    private func parameters(of target: Target, _ route: Route) throws(Refused) -> [String: String] {
        var query: [String: String] = [:]
        let items: [Target.QueryItem]
        do throws(TargetError) { items = try target.queryItems() } catch {
            throw Refused(.invalidParameter, error.description)
        }
        for item in items {
            guard route.parameters.contains(item.name) else {
                throw .parameter(item.name, "is not a parameter of \(route.operationID)")
            }
            if query.updateValue(item.value ?? "", forKey: item.name) != nil {
                throw .parameter(item.name, "is given twice")
            }
        }
        return query
    }

    private func idempotencyClaim(
        _ request: Request, _ route: Route, _ principal: String
    ) throws(Refused) -> IdempotencyClaim? {
        guard route.method == .post, let key = request.head.fields[.idempotencyKey] else { return nil }
        guard !key.isEmpty, key.utf8.count <= IdempotencyTable.keyBytesMax else {
            throw .parameter("Idempotency-Key", "must have 1 to \(IdempotencyTable.keyBytesMax) bytes")
        }
        return IdempotencyClaim(principal: principal, route: "POST " + request.head.target.raw, key: key)
    }

    // MARK: Answers

    func answer(_ call: Call, _ response: Response) {
        var response = response
        response.head.headerFields[.requestID] = call.requestID
        if let claim = call.idempotency { idempotency.finish(claim, response) }
        call.exchange.answer(response)
    }

    func answer(_ call: Call, _ refused: Refused) {
        answer(call, response(refused, requestID: call.requestID))
    }

    private func response(_ refused: Refused, requestID: String) -> Response {
        var problem = refused.problem
        problem.requestId = requestID
        var fields = refused.fields
        fields[.contentType] = "application/problem+json"
        fields[.requestID] = requestID
        fields[.cacheControl] = "no-store"
        if problem.status == HTTPResponse.Status.serviceUnavailable.code, fields[.retryAfter] == nil {
            fields[.retryAfter] = "1"
        }
        return Response(
            status: HTTPResponse.Status(code: problem.status), fields: fields,
            body: .bytes(ControlJSON.encode(problem)))
    }

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
    func answer(_ call: Call, revision: UInt64, _ body: () -> EncodedBody) {
        let fields: HTTPFields = [.eTag: "\"r\(revision)\"", .cacheControl: "no-cache"]
        // A 304 says how long the 200 would have been, so it is given the same body; the server does not send it.
        answer(call, call.matchesNone(of: revision) ? .ok : .notModified, .shared(body()), fields)
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
