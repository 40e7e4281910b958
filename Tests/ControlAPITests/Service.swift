@testable import ControlAPI
import ControlSchema
import FakeTDX
import FoundationEssentials
import HTTPExchange
import HTTPTypes
import Logging
import TDLifecycle
import TDXCalls
import Testing
import Threading

/// The API over an engine on the fake module, driven without a socket.
final class Service: Sendable {
    let api: ControlAPI
    let engine: Engine
    let scheduler: ThreadedScheduler

    static let users: [UInt32: Role] = [1: .viewer, 2: .operator, 3: .lab, 4: .admin]

    init(limits: EngineLimits = EngineLimits(), timing: FakeTiming = FakeTiming()) throws {
        let fake = try FakeTDX(timing: timing)
        scheduler = ThreadedScheduler(threads: 2)
        let environment = EngineEnvironment(
            wallClock: SystemWallClock(), elapsedClock: SystemElapsedClock(), random: SystemRandom(),
            scheduler: scheduler)
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        engine = Engine(calls: fake, host: fake, environment: environment, limits: limits, logger: logger)
        let identity = ServiceIdentity(
            hostName: "test", version: "0", startedAt: environment.wallClock.now,
            backend: BackendIdentity(
                kind: "fake", description: "a fake", isHardware: false, reportsAllOutputs: true))
        api = ControlAPI(
            engine: engine, service: identity,
            access: AccessPolicy(users: Self.users, groups: [9: .viewer], listeners: ["open": .viewer]),
            logger: logger)
    }

    deinit { scheduler.stop() }

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
        var fields = fields
        if body != nil, fields[.contentType] == nil { fields[.contentType] = "application/json" }
        let head = RequestHead(
            peer: peer,
            request: HTTPRequest(method: method, scheme: nil, authority: "h", path: path, headerFields: fields))
        let transport = LocalTransport()
        if case .refuse(let response) = api.plan(for: head) { return check(method, path, Self.answer(response)) }
        api.respond(to: Request(head: head, body: Array((body ?? "").utf8)), through: Exchange(transport))
        guard let response = transport.response(within: .seconds(20)) else { throw NoAnswer() }
        #expect(transport.secondAnswers == 0)
        return check(method, path, Self.answer(response))
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

/// A JSON value to look into; what is not there is `null`.
enum JSON: Equatable, Decodable {
    case null
    case bool(Bool)
    case number(Double)
    case text(String)
    case list([JSON])
    case object([String: JSON])

    init(_ bytes: [UInt8]) {
        self = (try? JSONDecoder().decode(JSON.self, from: Data(bytes))) ?? .null
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else if let value = try? container.decode(String.self) {
            self = .text(value)
        } else if let value = try? container.decode([JSON].self) {
            self = .list(value)
        } else {
            self = .object(try container.decode([String: JSON].self))
        }
    }

    subscript(_ name: String) -> JSON { if case .object(let members) = self { members[name] ?? .null } else { .null } }
    subscript(_ index: Int) -> JSON {
        if case .list(let items) = self, items.indices.contains(index) { items[index] } else { .null }
    }
    var string: String? { if case .text(let value) = self { value } else { nil } }
    var int: Int? { if case .number(let value) = self { Int(value) } else { nil } }
    var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
    var items: [JSON] { if case .list(let items) = self { items } else { [] } }
    var members: [String: JSON] { if case .object(let members) = self { members } else { [:] } }
}
