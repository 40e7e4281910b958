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
    let tls: @Sendable () -> TLSReport?
    let logger: Logger
    let bodies = BodyCache(entriesMax: 32_768)
    /// Apart, since there are many more of these than of the others and they are looked at less.
    let recordBodies = BodyCache(entriesMax: 16_384)
    let idempotency = IdempotencyTable()
    let instanceID: String
    /// Of what does not change while the daemon runs, but may be different after the next start: its start in
    /// milliseconds since 1970.
    let startRevision: UInt64
    private let draining = Atomic(false)

    /// - Parameter tls: what `/host` says of certificates; nil without TLS.
    public init(
        engine: Engine, service: ServiceIdentity, access: AccessPolicy,
        tls: @escaping @Sendable () -> TLSReport? = { nil }, logger: Logger
    ) {
        self.engine = engine
        self.service = service
        self.access = access
        self.tls = tls
        self.logger = logger
        startRevision = service.startedAt.nanosecondsSince1970 / 1_000_000
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

    static let routeIndex = RouteIndex(routes)

    // MARK: Responder

    public func plan(for head: RequestHead) -> BodyPlan {
        // Identity first: nobody uploads a body to a listener on which he is nobody.
        if head.method != .get, head.method != .head, standing(of: head).role == nil {
            return .refuse(response(Refused(stranger: head.peer), requestID: makeRequestID()))
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

    func makeRequestID() -> String { engine.makeRequestID().description }
}
