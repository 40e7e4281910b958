internal import Configuration
internal import ControlAPI
internal import FakeTDX
internal import Glibc
internal import GuestImages
internal import MicroHTTP

/// The defaults, where they depend on nobody's wish but on where and as whom we run.
struct Standards: Sendable {
    let userID: UInt32
    let environment: [String: String]

    static func current(_ environment: [String: String]) -> Standards {
        Standards(userID: geteuid(), environment: environment)
    }

    /// Root's socket is the host's; anybody else's is private.
    var socket: String? {
        if userID == 0 { return "/run/tdxd/tdxd.sock" }
        return environment["XDG_RUNTIME_DIR"].map { $0 + "/tdxd.sock" }
    }

    /// What systemd gives the service, else the host's or the user's own.
    var stateDirectory: String? {
        // systemd may name several, with colons between them.
        if let first = environment["STATE_DIRECTORY"]?.split(separator: ":").first { return String(first) }
        if userID == 0 { return "/var/lib/tdxd" }
        if let state = environment["XDG_STATE_HOME"] { return state + "/tdxd" }
        return environment["HOME"].map { $0 + "/.local/state/tdxd" }
    }

    var values: [Setting: ConfigContent] {
        let limits = Limits()
        let images = ImageLimits()
        var values: [Setting: ConfigContent] = [
            .module: .string("auto"),
            .shimDevice: .string(ShimSettings.defaultDevice),
            .socketMode: .string("660"),
            .socketRole: .stringArray([]),
            .listenPlain: .stringArray([]),
            .listenTLS: .stringArray([]),
            .clientCA: .stringArray([]),
            .clientRevocations: .stringArray([]),
            .threads: .int(4),
            .httpThreads: .int(Listener.defaultWorkers),
            .maxConnections: .int(limits.connections),
            .maxPerAddress: .int(limits.connectionsPerAddress),
            .headTimeout: .int(Int(limits.headSeconds)),
            .bodyTimeout: .int(Int(limits.bodySeconds)),
            .idleTimeout: .int(Int(limits.idleSeconds)),
            .logLevel: .string("info"),
            .logFormat: .string(LogFormat.text.rawValue),
            .drainTimeout: .int(30),
            .audit: .string("stderr"),
            .auditRequests: .string(AuditTrail.Scope.changes.rawValue),
            .recordLimit: .int(1_024),
            .limitRequestsPerSecond: .int(10_000),
            .limitRequestBurst: .int(20_000),
            .limitOperations: .int(256),
            .limitKeyIDs: .int(1_024),
            .fakeProfile: .string(FakeProfile.release1501.rawValue),
            .imagesCapacity: .int(Int(images.capacityBytes >> 20)),
            .imagesRetention: .int(Int(images.retention?.components.seconds ?? 0)),
            .fakePackages: .int(2),
            .fakeProcessors: .int(4),
            .fakeKeyIDs: .int(31),
            .fakeWriteBack: .int(0),
            .fakeSlice: .int(500),
            .fakeKeyConfig: .int(0),
            .fakeCall: .int(0),
        ]
        if let socket { values[.socket] = .string(socket) }
        if let stateDirectory {
            values[.stateDirectory] = .string(stateDirectory)
            values[.imagesDirectory] = .string(stateDirectory + "/images")
        }
        return values
    }
}
