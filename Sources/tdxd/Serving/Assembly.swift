internal import Certificates
internal import ControlAPI
internal import Glibc
internal import GuestImages
internal import Logging
internal import Meters
internal import MicroHTTP
internal import TDLifecycle
internal import Threading

/// The daemon, put together: back end, engine, API, listeners.
struct Assembly: Sendable {
    private let settings: Settings
    private let logger: Logger
    private let scheduler: ThreadedScheduler
    private let engine: Engine
    private let api: ControlAPI
    private let listeners: [Listener]
    private let images: ImageDirectory
    /// Nil where there is no audit trail.
    private let auditFile: AuditFile?
    /// Nil without TLS.
    private let certificateWatch: CertificateWatch?
    private let draining = Draining()

    /// Starts everything; it serves when this returns.
    ///
    /// - Parameter sockets: those that listen already.
    /// - Throws: what could not be started; the process is to end then.
    init(_ settings: Settings, _ sockets: PassedSockets, _ logger: Logger) throws(Failure) {
        self.settings = settings
        self.logger = logger
        let backend = try Backend(settings.module, settings.fake, settings.shim, logger)
        scheduler = ThreadedScheduler(threads: settings.engineThreads)
        let environment = EngineEnvironment(
            wallClock: SystemWallClock(), elapsedClock: SystemElapsedClock(), random: SystemRandom(),
            scheduler: scheduler, startsInPlace: true)
        var limits = EngineLimits()
        limits.operationsPerPrincipal = settings.operationsPerPrincipal
        limits.keyIDsPerPrincipal = settings.keyIDsPerPrincipal
        let recorder = try settings.record.map { (record) throws(Failure) in
            try Recording(record, of: backend, logger).recorder(of: backend)
        }
        let calls = CallMeter(recorder ?? backend.calls)
        engine = Engine(
            calls: calls, host: recorder ?? backend.host, tables: backend.fake, environment: environment,
            limits: limits,
            logger: logger)
        engine.adopt(backend.inventory)
        let service = ServiceIdentity(
            hostName: hostName(), version: Version.current, startedAt: environment.wallClock.now,
            backend: backend.identity)
        let files = settings.tlsFiles
        let stamps = files.map(CertificateWatch.stamps)
        let trust = try files.map { (files) throws(Failure) in try Self.trust(files) }
        let access = settings.accessPolicy(
            ownUserID: geteuid(), certificates: trust?.roles ?? CertificateRoles())
        auditFile = try Self.auditFile(settings.audit)
        let audit = auditFile.map { AuditTrail(settings.audit.scope, to: $0, logger: logger) }
        images = try ImageDirectory(settings.images, logger)
        api = ControlAPI(
            engine: engine, service: service, access: access, rate: settings.requestRate, audit: audit,
            images: images.store, tls: { trust?.report }, hazards: backend.hazards, logger: logger)
        logger.notice(
            "Starting", metadata: ["version": "\(Version.current)", "module": "\(backend.identity.kind)"])
        if !backend.identity.isHardware {
            logger.warning("This is not TDX hardware", metadata: ["backend": "\(backend.identity.description)"])
        }
        Self.expire(images.store, scheduler)
        let places = 1 + settings.plainListeners.count + settings.tlsListeners.count
        if let few = OpenFiles.raise(for: places * settings.limits.connections) {
            logger.warning(
                "The limit of open files is lower than the listeners' limits of connections",
                metadata: ["needed": "\(few.needed)", "allowed": "\(few.allowed)"])
        }
        listeners = try Self.listen(settings, sockets, api, trust, logger)
        api.addMetrics([
            calls, ServingMetrics(listeners: listeners, engine: engine),
            ProcessMetrics(
                version: Version.current, backend: backend.identity.kind,
                startedAt: service.startedAt.nanosecondsSince1970),
        ])
        if let audit { api.addMetrics([audit]) }
        if let fake = backend.fake { api.addMetrics([HazardMetrics(fake: fake)]) }
        let addresses = settings.plainListeners.map(\.address) + settings.tlsListeners.map(\.address)
        for (listener, place) in zip(listeners, [settings.socketPath] + addresses) {
            let port = listener.port.map { ":\($0)" } ?? ""
            logger.notice("Listening", metadata: ["place": "\(place)\(port)"])
        }
        guard let files, let stamps, let trust else {
            certificateWatch = nil
            return
        }
        let tlsListeners = Array(listeners.suffix(settings.tlsListeners.count))
        if tlsListeners.isEmpty { logger.warning("Certificates are configured, and no listener shows them") }
        certificateWatch = CertificateWatch(files, read: stamps, trust, tlsListeners, logger)
    }

    /// What the supervisor shows of us.
    var summary: String { "Serving on \(listeners.count) \(listeners.count == 1 ? "socket" : "sockets")" }

    /// Whether the engine's lock can be had and, as long as the listeners are open, a request to our own socket is
    /// answered. With all connections taken it cannot be; those who have them are served then.
    func isAlive() -> Bool {
        _ = engine.unfinishedOperations
        if draining.hasBegun { return true }
        if SelfCheck(path: settings.socketPath).isAnswered() { return true }
        return draining.hasBegun || listeners[0].connectionCount >= settings.limits.connections
    }

    /// Reads anew what may change while it serves: certificates, trust and roles. Returns before that is done, and calls
    /// back then. The audit file is opened anew.
    func reload(then done: @escaping @Sendable () -> Void) {
        reopenAudit()
        guard let certificateWatch else {
            logger.notice("There is nothing to read anew: TLS is not configured")
            return done()
        }
        certificateWatch.hangup(then: done)
    }

    /// For whoever rotates the audit file: goes on writing at its path, where there may be a new one.
    private func reopenAudit() {
        do throws(AuditFailure) {
            try auditFile?.reopen()
        } catch {
            logger.error("The audit trail stays where it was", metadata: ["reason": "\(error.reason)"])
        }
    }

    private static func auditFile(_ settings: AuditSettings) throws(Failure) -> AuditFile? {
        switch settings.place {
        case .off: return nil
        case .standardError: return .standardError
        case .file(let path):
            do throws(AuditFailure) { return try AuditFile(path: path) } catch {
                throw Failure(.configuration, "--audit: \(error.reason)")
            }
        }
    }

    /// Finishes what runs, refuses what is new, and stops.
    ///
    /// - Returns: how the process is to end.
    func drain() -> ExitStatus {
        let end = MonotonicTime.now.advanced(by: settings.drainTimeout)
        draining.begin()
        api.beginDraining()
        engine.drain()
        // The listeners stay open meanwhile: clients may follow their operations to the end.
        while !engine.unfinishedOperations.isEmpty, MonotonicTime.now < end { sleepBlocking(Self.drainTick) }
        let unfinished = engine.unfinishedOperations
        certificateWatch?.stop()
        for listener in listeners { listener.stopAccepting() }
        for listener in listeners {
            listener.stop(within: max(end.duration(since: .now), Self.lastAnswers))
        }
        guard unfinished.isEmpty else {
            logger.error(
                "Operations were still running when the drain timeout passed",
                metadata: ["operations": "\(unfinished.map(\.description))"])
            return .drainIncomplete
        }
        scheduler.stop()
        images.close()
        return .success
    }

    /// Deletes images that have not been used for long, now and again.
    private static func expire(_ images: ImageStore, _ scheduler: ThreadedScheduler) {
        images.deleteExpired()
        scheduler.enqueue(after: expiryPeriod) { expire(images, scheduler) }
    }

    private static let expiryPeriod = Duration.seconds(3600)
    private static let drainTick = Duration.milliseconds(10)
    /// Time for the answers to operations that ended just before the drain timeout.
    private static let lastAnswers = Duration.seconds(1)

    private static func trust(_ files: TLSFiles) throws(Failure) -> TrustInForce {
        do throws(TLSFault) { return TrustInForce(try TLSMaterial(reading: files)) } catch {
            throw Failure(ConfigurationError(error))
        }
    }

    /// The Unix socket first, then those of plain HTTP, then those of TLS.
    private static func listen(
        _ settings: Settings, _ sockets: PassedSockets, _ api: ControlAPI, _ trust: TrustInForce?, _ logger: Logger
    ) throws(Failure) -> [Listener] {
        try sockets.check(plain: settings.plainListeners.count, tls: trust == nil ? 0 : settings.tlsListeners.count)
        var listeners: [Listener] = []
        do throws(ListenerError) {
            let endpoint = Endpoint.unixSocket(path: settings.socketPath, mode: settings.socketMode)
            listeners.append(
                try Listener(
                    name: "unix", at: endpoint, readySocket: sockets.socket(.unix, 0), limits: settings.limits,
                    workers: settings.httpThreads, responder: api, logger: logger))
        } catch {
            throw Failure(error, otherwise: .cannotCreateSocket)
        }
        var endpoints = settings.plainListeners.enumerated().map { index, plain in
            (plain.name, Endpoint.plainTCP(address: plain.address, port: plain.port), sockets.socket(.plain, index))
        }
        if let trust {
            let configuration = trust.configuration(showing: trust.material.own)
            endpoints += settings.tlsListeners.enumerated().map { index, place in
                (
                    "tls-\(place.address):\(place.port)",
                    .tlsTCP(address: place.address, port: place.port, tls: configuration), sockets.socket(.tls, index)
                )
            }
        }
        for (name, endpoint, ready) in endpoints {
            do throws(ListenerError) {
                listeners.append(
                    try Listener(
                        name: name, at: endpoint, readySocket: ready, limits: settings.limits,
                        workers: settings.httpThreads, responder: api, logger: logger))
            } catch {
                for listener in listeners { listener.stop(within: .zero) }
                throw Failure(error, otherwise: .cannotListen)
            }
        }
        return listeners
    }
}

extension Failure {
    /// - Parameter otherwise: the status of what the host or the configuration is to blame for.
    fileprivate init(_ error: ListenerError, otherwise status: ExitStatus) {
        switch error {
        case .unusableLimits, .libraryRefused: self.init(.internalError, error.description)
        case .unusableCertificate, .unusableSocket: self.init(.configuration, error.description)
        default: self.init(status, error.description)
        }
    }
}

/// Whether the end has begun.
private final class Draining: Sendable {
    private let flag = Locked(false)

    var hasBegun: Bool { flag.withLock { $0 } }

    func begin() { flag.withLock { $0 = true } }
}

private func hostName() -> String {
    // SAFETY: the call writes a NUL-terminated name into the buffer it is given, or fails.
    unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(HOST_NAME_MAX) + 1) { buffer in
        guard let start = buffer.baseAddress, unsafe gethostname(start, buffer.count) == 0 else { return "unknown" }
        return unsafe String(cString: start)
    }
}
