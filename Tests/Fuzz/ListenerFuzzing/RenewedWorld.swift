internal import ControlAPI
internal import FakeTDX
internal import Glibc
internal import Logging
internal import MicroHTTP
internal import TDLifecycle
internal import Threading

/// A listener with the API and an engine on the fake behind it, made anew from time to time: what earlier inputs have
/// left behind neither grows without end nor hides what led to a finding for ever.
final class RenewedWorld: Sendable {
    private struct State {
        var world: World?
        var inputs = 0
        var worlds = 0
    }

    /// Inputs that one world serves. Stopping it is part of what is tested.
    private static let inputsPerWorld = 2_000

    private let state = Locked(State())

    /// The socket to send the next input to.
    func path() -> String {
        state.withLock { state in
            if state.inputs == Self.inputsPerWorld { state.world = nil }
            if let world = state.world {
                state.inputs += 1
                return world.path
            }
            state.worlds += 1
            state.inputs = 1
            let world = World(path: "/tmp/tdxd-fuzz-\(getpid())-\(state.worlds).sock")
            state.world = world
            return world.path
        }
    }
}

private final class World: Sendable {
    let path: String
    private let scheduler = ThreadedScheduler(threads: 1)
    private let listener: Listener
    /// Closing a world takes no longer.
    private static let patience = Duration.seconds(2)

    init(path: String) {
        self.path = path
        var logger = Logger(label: "fuzzer") { _ in SwiftLogNoOpLogHandler() }
        logger.logLevel = .critical
        let environment = EngineEnvironment(
            wallClock: SystemWallClock(), elapsedClock: SystemElapsedClock(), random: SystemRandom(),
            scheduler: scheduler)
        do {
            let fake = try FakeTDX(platform: .oracle)
            let engine = Engine(calls: fake, host: fake, environment: environment, logger: logger)
            let service = ServiceIdentity(
                hostName: "fuzz", version: "0", startedAt: environment.wallClock.now,
                backend: BackendIdentity(
                    kind: "fake", description: "a fake", isHardware: false, reportsAllOutputs: true))
            let access = AccessPolicy(users: [getuid(): .admin], groups: [:], listeners: [:])
            let api = ControlAPI(engine: engine, service: service, access: access, logger: logger)
            listener = try Listener(
                name: "unix", at: .unixSocket(path: path, mode: 0o600), workers: 1, responder: api, logger: logger)
        } catch {
            fatalError("the listener cannot be set up: \(error)")
        }
    }

    deinit {
        if listener.stop(within: Self.patience) > 0 { finding("connections were left when the listener stopped") }
        scheduler.stop()
    }
}
