import ControlSchema
import FakeTDX
import GuestImages
import HTTPExchange
import HTTPTypes
import Logging
import TDLifecycle
import TDXCalls
import Testing
import Threading

@testable import ControlAPI

/// The API over an engine on the fake module, driven without a socket.
final class Service: Sendable {
    let api: ControlAPI
    let engine: Engine
    let fake: FakeTDX
    let port: FaultyPort
    let scheduler: ThreadedScheduler
    let images: ImageStore

    static let users: [UInt32: Role] = [1: .viewer, 2: .operator, 3: .lab, 4: .admin, 5: .metrics]

    /// - Parameter tolerated: what a test brings about on purpose; any other hazard is a failure.
    init(
        platform: FakePlatform = .oracle, limits: EngineLimits = EngineLimits(), timing: FakeTiming = FakeTiming(),
        certificates: CertificateRoles = CertificateRoles(),
        rate: RequestRate? = nil, audit: AuditTrail? = nil, tls: @escaping @Sendable () -> TLSReport? = { nil },
        imageLimits: ImageLimits = ImageLimits(), tolerating tolerated: Set<HazardRule> = [],
        hazards: (@Sendable () -> HazardList)? = nil, host: (FakeTDX) -> any HostPort = { $0 },
        showsTables: Bool = true
    ) throws {
        // Read before anything is timed: the document is long.
        _ = Self.contract
        let fake = try FakeTDX(platform: platform, timing: timing) { hazard in
            if tolerated.contains(hazard.rule) { return }
            Issue.record("the host owed something: \(hazard)")
        }
        self.fake = fake
        port = FaultyPort(fake)
        scheduler = ThreadedScheduler(threads: 2)
        let environment = EngineEnvironment(
            wallClock: SystemWallClock(), elapsedClock: SystemElapsedClock(), random: SystemRandom(),
            scheduler: scheduler)
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        engine = Engine(
            calls: port, host: host(fake), tables: showsTables ? fake : nil, environment: environment, limits: limits,
            logger: logger)
        let identity = ServiceIdentity(
            hostName: "test", version: "0", startedAt: environment.wallClock.now,
            backend: BackendIdentity(
                kind: "fake", description: "a fake", isHardware: false, reportsAllOutputs: true,
                profile: ModuleProfile(name: "1.5.01", heldAgainstRecordings: true)))
        let directory = "/tmp/tdxd-test-images-\(UInt64.random(in: .min ... .max))"
        images = try ImageStore(directory: directory, limits: imageLimits)
        api = ControlAPI(
            engine: engine, service: identity,
            access: AccessPolicy(
                users: Self.users, groups: [9: .viewer], listeners: ["open": .viewer, "bench": .lab],
                certificates: certificates),
            rate: rate, audit: audit, images: images, tls: tls, hazards: hazards, logger: logger)
    }

    deinit {
        scheduler.stop()
        images.stop()
        images.deleteDirectory()
    }

    /// For requests that come to nothing.
    static func shared() throws -> Service { try common.get() }

    private static let common = Result { try Service() }

    struct Answer {
        let status: Int
        let fields: HTTPFields
        let body: [UInt8]

        var json: JSON { JSON(body) }
        var code: String? { json["code"].string }
    }

    /// One request by the peer with a role's uid; nil is nobody's.
    func ask(
        _ method: HTTPRequest.Method, _ path: String, _ body: String? = nil, as role: Role? = .admin,
        _ fields: HTTPFields = [:]
    ) throws -> Answer {
        let user = Self.users.first { $0.value == role }?.key ?? 77
        let peer = Peer(listener: "unix", transport: .unix(user: user, group: 77, process: 1))
        return try ask(method, path, body, peer: peer, fields)
    }

    func ask(
        _ method: HTTPRequest.Method, _ path: String, _ body: String? = nil, peer: Peer, _ fields: HTTPFields = [:]
    ) throws -> Answer {
        try answer(request(method, path, body, peer, fields), method, path)
    }

    /// The same with a body of any bytes and no media type but the one given.
    func ask(
        _ method: HTTPRequest.Method, _ path: String, bytes: [UInt8], as role: Role?, _ fields: HTTPFields
    ) throws -> Answer {
        let user = Self.users.first { $0.value == role }?.key ?? 77
        let peer = Peer(listener: "unix", transport: .unix(user: user, group: 77, process: 1))
        let empty = request(method, path, nil, peer, fields)
        return try answer(Request(head: empty.head, body: bytes), method, path)
    }

    private func answer(_ request: Request, _ method: HTTPRequest.Method, _ path: String) throws -> Answer {
        var request = request
        switch api.plan(for: request.head) {
        case .collect: break
        case .refuse(let response): return check(method, path, Self.answer(response))
        case .stream(let receiver):
            if let refusal = Self.send(request.body, to: receiver) { return check(method, path, Self.answer(refusal)) }
            request = Request(head: request.head, receiver: receiver)
        }
        let transport = LocalTransport()
        api.respond(to: request, through: Exchange(transport))
        guard let response = transport.response(within: .seconds(20)) else { throw NoAnswer() }
        #expect(transport.secondAnswers == 0)
        return check(method, path, Self.answer(response))
    }

    /// Sends a body as a listener does; gives the answer that ends it early, if one does.
    static func send(_ body: [UInt8], to receiver: any BodyReceiver, pieceBytes: Int = 10_000) -> Response? {
        let woken = Monitor(false)
        let wake = Wake { woken.withLock { $0 = true } }
        var start = 0
        while start < body.count {
            let end = min(start + pieceBytes, body.count)
            woken.withLock { $0 = false }
            switch receiver.receive(body.span.extracting(start..<end), wake: wake) {
            case .more: break
            case .full: _ = woken.wait(timeout: .seconds(20)) { $0 ? true : nil }
            case .refuse(let response):
                receiver.end(.broken)
                return response
            }
            start = end
        }
        receiver.end(.complete)
        return nil
    }

    /// The same, without waiting for the answer.
    func begin(
        _ method: HTTPRequest.Method, _ path: String, _ body: String? = nil, _ fields: HTTPFields = [:]
    ) throws -> LocalTransport {
        let transport = LocalTransport()
        let peer = Peer(listener: "unix", transport: .unix(user: 4, group: 77, process: 1))
        api.respond(to: request(method, path, body, peer, fields), through: Exchange(transport))
        return transport
    }

    private func request(
        _ method: HTTPRequest.Method, _ path: String, _ body: String?, _ peer: Peer, _ fields: HTTPFields
    ) -> Request {
        var fields = fields
        if body != nil, fields[.contentType] == nil { fields[.contentType] = "application/json" }
        let head = RequestHead(
            peer: peer,
            request: HTTPRequest(method: method, scheme: nil, authority: "h", path: path, headerFields: fields))
        return Request(head: head, body: Array((body ?? "").utf8))
    }

    /// Holds every answer of every test against the contract.
    private func check(_ method: HTTPRequest.Method, _ path: String, _ answer: Answer) -> Answer {
        for finding in Self.contract.findings(method, path, answer) {
            Issue.record("\(method) \(path): \(finding)\n\(String(decoding: answer.body, as: UTF8.self))")
        }
        return answer
    }

    /// The document as the daemon serves it.
    static let contract = Contract(JSON(Array(OpenAPIDocument.json.utf8)))

    struct NoAnswer: Error {}

    private static func answer(_ response: Response) -> Answer {
        Answer(
            status: response.head.status.code, fields: response.head.headerFields,
            body: response.body.collected(atMost: 1 << 26, within: .seconds(1)) ?? [])
    }

    /// Creates a TD and gives its id.
    func createTD(_ spec: String = #"{"maxVcpus":4}"#, name: String? = nil) throws -> String {
        let name = name.map { #""name":"\#($0)","# } ?? ""
        let answer = try ask(.post, "/tds", #"{\#(name)"spec":\#(spec)}"#)
        guard answer.status == 201, let id = answer.json["id"].string else { throw NoAnswer() }
        return id
    }
}

extension Service {
    func ask(_ method: HTTPRequest.Method, _ path: String, _ fields: HTTPFields) throws -> Answer {
        try ask(method, path, nil, as: .admin, fields)
    }

    func ask(_ method: HTTPRequest.Method, _ path: String, _ body: String, _ fields: HTTPFields) throws -> Answer {
        try ask(method, path, body, as: .admin, fields)
    }
}
