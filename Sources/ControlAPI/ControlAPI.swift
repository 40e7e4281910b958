public import ControlSchema
public import GuestImages
public import HTTPExchange
internal import HTTPTypes
public import Logging
public import Meters
internal import Synchronization
public import TDLifecycle
internal import Threading

/// The contract, served: each request becomes one call to the engine, and its answer a response.
public final class ControlAPI: Responder {
    let engine: Engine
    let service: ServiceIdentity
    let access: AccessPolicy
    let tls: @Sendable () -> TLSReport?
    /// Nil where the back end is no fake.
    let hazards: (@Sendable () -> HazardList)?
    let logger: Logger
    let bodies = BodyCache(entriesMax: 32_768)
    /// Apart, since there are many more of these than of the others and they are looked at less.
    let recordBodies = BodyCache(entriesMax: 16_384)
    let tdTemplates = BodyTemplates<TD>()
    let operationTemplates = BodyTemplates<ControlSchema.Operation>()
    let knownPreferences = Locked<[String: Preferences]>([:])
    let idempotency = IdempotencyTable()
    let instanceID: String
    /// Of what does not change while the daemon runs, but may be different after the next start: its start in
    /// milliseconds since 1970.
    let startRevision: UInt64
    private let draining = Atomic(false)
    /// Nil without a limit.
    private let limiter: RateLimiter?
    let audit: AuditTrail?
    /// Nil where no images are kept.
    let keptImages: ImageStore?
    let requests = RequestMeter(routes)
    let limitRefusals = LimitMeter()
    /// What `/metrics` shows, in this order.
    private let metricSources: Locked<[any MetricSource]>

    /// - Parameters:
    ///   - rate: how many requests one identity may make; nil is no limit.
    ///   - audit: where requests are written down; nil is nowhere.
    ///   - images: where guest images are kept; nil keeps none.
    ///   - tls: what `/host` says of certificates; nil without TLS.
    ///   - hazards: what `/fake/hazards` answers; nil where the back end is no fake.
    public init(
        engine: Engine, service: ServiceIdentity, access: AccessPolicy, rate: RequestRate? = nil,
        audit: AuditTrail? = nil, images: ImageStore? = nil, tls: @escaping @Sendable () -> TLSReport? = { nil },
        hazards: (@Sendable () -> HazardList)? = nil, logger: Logger
    ) {
        self.audit = audit
        keptImages = images
        images?.keepNamed { Self.imagesNamed(in: engine) }
        limiter = rate.map { RateLimiter($0) }
        let ofImages = images.map { [ImageMetrics(store: $0)] } ?? []
        metricSources = Locked(
            [requests, limitRefusals, EngineMetrics(engine: engine), TLSMetrics(report: tls)] + ofImages)
        self.engine = engine
        self.service = service
        self.access = access
        self.tls = tls
        self.hazards = hazards
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
        Route.numbered(
            serviceRoutes + metricsRoutes + hostRoutes + tdRoutes + vcpuRoutes + fieldRoutes + stepRoutes
                + memoryRoutes + imageRoutes + operationRoutes + recordRoutes + invariantRoutes + fakeRoutes
                + errorRoutes)

    /// Shows more in `/metrics` from now on.
    public func addMetrics(_ sources: [any MetricSource]) { metricSources.withLock { $0 += sources } }

    var metrics: String {
        var exposition = Exposition()
        for source in metricSources.withLock({ $0 }) { source.write(to: &exposition) }
        return exposition.text
    }

    static let routeIndex = RouteIndex(routes)

    // MARK: Responder

    public func plan(for head: RequestHead) -> BodyPlan {
        let standing = standing(of: head)
        let (principal, role) = (standing.principal, standing.role)
        if let limiter {
            let bucket = limiter.bucket(head.peer.bucketName(principal), isKnown: role != nil)
            if let refusal = bucket.take(at: head.received) {
                limitRefusals.countRate()
                return refuse(head, principal, role, Refused(refusal, limiter.rate))
            }
        }
        // Identity first: nobody uploads a body to a listener on which he is nobody.
        if role == nil, head.method != .get, head.method != .head {
            return refuse(head, principal, role, Refused(stranger: head.peer))
        }
        if let upload = uploadPlan(head, standing) { return upload }
        return .collect(maximumBytes: RequestLimits.maximumBytes)
    }

    private func refuse(_ head: RequestHead, _ principal: String, _ role: Role?, _ refused: Refused) -> BodyPlan {
        var visit = Visit(requestID: makeRequestID(), start: .now)
        visit.principal = principal
        visit.role = role
        requests.beginEarly()
        account(visit, head, status: refused.problem.status, code: refused.problem.code)
        return .refuse(response(refused, requestID: visit.requestID))
    }

    public func respond(to request: Request, through exchange: Exchange) {
        // What began with the body has its id already.
        let begun = (request.receiver as? MemoryStream)?.requestID
        var visit = Visit(requestID: begun ?? makeRequestID(), start: .now)
        requests.begin()
        do throws(Refused) {
            try dispatch(request, exchange, &visit)
        } catch {
            account(visit, request.head, status: error.problem.status, code: error.problem.code)
            exchange.answer(response(error, requestID: visit.requestID))
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
        let refused = Refused(error, refusal.detail)
        let visit = Visit(requestID: makeRequestID(), start: .now)
        // One that was accepted and never answered is under way already.
        if refusal.status != .internalServerError { requests.beginEarly() }
        account(ofServer: visit, head, refused.problem)
        return response(refused, requestID: visit.requestID)
    }

    private func account(ofServer visit: Visit, _ head: RequestHead?, _ problem: Problem) {
        guard let head else {
            return requests.count(nil, route: nil, status: problem.status, nanoseconds: 0)
        }
        var visit = visit
        let standing = standing(of: head)
        (visit.principal, visit.role) = (standing.principal, standing.role)
        account(visit, head, status: problem.status, code: problem.code)
    }

    func makeRequestID() -> String { engine.makeRequestID().description }
}
