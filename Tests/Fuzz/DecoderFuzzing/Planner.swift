internal import ControlAPI
internal import ControlSchema
internal import FakeTDX
internal import HTTPExchange
internal import HTTPTypes
internal import Logging
internal import TDLifecycle

/// The API over an engine on the fake with one TD, asked for dry runs.
final class Planner: Sendable {
    static let shared = Planner()
    private static let patience = Duration.seconds(10)
    private static let answerBytesMax = 1 << 26

    private let api: ControlAPI

    private init() {
        var logger = Logger(label: "fuzzer") { _ in SwiftLogNoOpLogHandler() }
        logger.logLevel = .critical
        let environment = EngineEnvironment(
            wallClock: SystemWallClock(), elapsedClock: SystemElapsedClock(), random: SystemRandom(),
            scheduler: ThreadedScheduler(threads: 1))
        let fake: FakeTDX
        do { fake = try FakeTDX(platform: .oracle) } catch { fatalError("the fake cannot be set up: \(error)") }
        let engine = Engine(calls: fake, host: fake, environment: environment, logger: logger)
        let service = ServiceIdentity(
            hostName: "fuzz", version: "0", startedAt: environment.wallClock.now,
            backend: BackendIdentity(kind: "fake", description: "a fake", isHardware: false, reportsAllOutputs: true))
        api = ControlAPI(
            engine: engine, service: service, access: AccessPolicy(users: [1: .admin], groups: [:], listeners: [:]),
            logger: logger)
        ask("/tds", Array(#"{"name":"fuzz","spec":{"maxVcpus":4}}"#.utf8), isPatch: false)
    }

    func ask(_ target: String, _ body: [UInt8], isPatch: Bool) {
        var fields: HTTPFields = [.contentType: isPatch ? "application/merge-patch+json" : "application/json"]
        if isPatch { fields[.ifMatch] = "\"r1\"" }
        let head = RequestHead(
            peer: Peer(listener: "unix", transport: .unix(user: 1, group: 1, process: 1)),
            request: HTTPRequest(
                method: isPatch ? .patch : .post, scheme: nil, authority: "t", path: target, headerFields: fields))
        let transport = LocalTransport()
        api.respond(to: Request(head: head, body: body), through: Exchange(transport))
        guard let response = transport.response(within: Self.patience) else { finding("no answer") }
        if transport.secondAnswers > 0 { finding("two answers") }
        let status = response.head.status.code
        guard let answer = response.body.collected(atMost: Self.answerBytesMax, within: Self.patience) else {
            finding("an answer that breaks off")
        }
        if status >= 500, status != 507, status != 501 {
            finding("\(status): \(String(decoding: answer, as: UTF8.self))")
        }
        guard status >= 400 else { return }
        do {
            let problem = try ControlJSON.decodeAnswer(Problem.self, from: answer)
            if problem.status != status { finding("a problem with another status than its answer") }
        } catch {
            finding("a problem that cannot be read: \(String(decoding: answer, as: UTF8.self))")
        }
    }
}
