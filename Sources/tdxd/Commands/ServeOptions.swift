internal import ArgumentParser
internal import Configuration

/// The flags of `serve` and `check-config`. None has a default here: what is not given, the environment, the file
/// or the defaults decide.
struct ServeOptions: ParsableArguments {
    @Option(help: ArgumentHelp("A JSON file with settings.", valueName: "file"))
    var config: String?

    @Option(
        help: """
            What executes SEAMCALLs: auto, fake, fake:SOCKET (the fake of another process, see 'tdxd fake-module') or \
            shim. auto takes the shim where its device is.
            """)
    var module: String?

    @Option(help: ArgumentHelp("The kernel shim's device. Default: /dev/tdx_shim.", valueName: "path"))
    var shimDevice: String?

    @Option(
        help: ArgumentHelp(
            """
            What must outlive the daemon: with the shim, what it needs to take over TDs after a crash. Default: \
            $STATE_DIRECTORY, /var/lib/tdxd, or tdxd in $XDG_STATE_HOME.
            """, valueName: "folder"))
    var stateDirectory: String?

    @Option(
        help: ArgumentHelp("The Unix socket. Default: /run/tdxd/tdxd.sock, or in $XDG_RUNTIME_DIR.", valueName: "path"))
    var socket: String?

    @Option(help: ArgumentHelp("Permissions of the socket's file, in octal. Default: 660.", valueName: "mode"))
    var socketMode: String?

    @Option(
        help: ArgumentHelp(
            "A role on the socket, as uid:1000=operator or gid:50=viewer. Repeatable.", valueName: "role"))
    var socketRole: [String] = []

    @Option(
        help: ArgumentHelp("Plain HTTP on loopback, as 127.0.0.1:8080,role=viewer. Repeatable.", valueName: "place"))
    var listenPlain: [String] = []

    @OptionGroup(title: "TLS, with client certificates")
    var tls: TLSOptions

    @Option(help: "Threads that make SEAMCALLs. Default: 4.")
    var threads: Int?

    @Option(help: "Threads that serve the connections of one listener. Default: 2.")
    var httpThreads: Int?

    @OptionGroup(title: "Limits of each listener")
    var limits: LimitOptions

    @Option(help: "trace, debug, info, notice, warning, error or critical. Default: info.")
    var logLevel: String?

    @Option(help: "text or json. Default: text.")
    var logFormat: String?

    @Option(help: ArgumentHelp("Seconds that running operations get at the end. Default: 30.", valueName: "seconds"))
    var drainTimeout: Int?

    @OptionGroup(title: "Audit and limits")
    var bounds: BoundOptions

    @OptionGroup(title: "Guest images")
    var images: ImageOptions

    @OptionGroup(title: "Recording")
    var recording: RecordOptions

    @OptionGroup(title: "The fake's platform and timing")
    var fake: FakeOptions

    /// What was given, by setting.
    var values: [Setting: ConfigContent] {
        var values = fake.values.merging(bounds.values) { $1 }.merging(tls.values) { $1 }
            .merging(limits.values) { $1 }.merging(images.values) { $1 }.merging(recording.values) { $1 }
        values[.module] = module.map { .string($0) }
        values[.shimDevice] = shimDevice.map { .string($0) }
        values[.stateDirectory] = stateDirectory.map { .string($0) }
        values[.socket] = socket.map { .string($0) }
        values[.socketMode] = socketMode.map { .string($0) }
        values[.socketRole] = socketRole.isEmpty ? nil : .stringArray(socketRole)
        values[.listenPlain] = listenPlain.isEmpty ? nil : .stringArray(listenPlain)
        values[.threads] = threads.map { .int($0) }
        values[.httpThreads] = httpThreads.map { .int($0) }
        values[.logLevel] = logLevel.map { .string($0) }
        values[.logFormat] = logFormat.map { .string($0) }
        values[.drainTimeout] = drainTimeout.map { .int($0) }
        return values
    }
}

struct TLSOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp("HTTP over TLS 1.2 or 1.3, as 0.0.0.0:8443 or [::]:8443. Repeatable.", valueName: "place"))
    var listenTls: [String] = []

    @Option(
        help: ArgumentHelp(
            """
            A folder of 'tdxd pki init': stands for its server.pem, server.key, ca.pem, crl.pem and roles.json, wherever \
            no other flag names a file.
            """, valueName: "folder"))
    var pki: String?

    @Option(help: ArgumentHelp("The server's certificate and those above it, in PEM.", valueName: "file"))
    var tlsCertificate: String?

    @Option(
        help: ArgumentHelp("Its key, on P-256, in PEM; nobody but its owner and group may read it.", valueName: "file"))
    var tlsKey: String?

    @Option(help: ArgumentHelp("A CA whose clients are believed, in PEM. Repeatable.", valueName: "file"))
    var clientCa: [String] = []

    @Option(help: ArgumentHelp("A revocation list of such a CA, in PEM. Repeatable.", valueName: "file"))
    var clientRevocations: [String] = []

    @Option(
        help: ArgumentHelp(
            "Which client has which role: JSON, as 'tdxd pki init' writes it. See 'tdxd help serve'.", valueName: "file"
        ))
    var roles: String?

    fileprivate var values: [Setting: ConfigContent] {
        var values: [Setting: ConfigContent] = [:]
        values[.listenTLS] = listenTls.isEmpty ? nil : .stringArray(listenTls)
        values[.pki] = pki.map { .string($0) }
        values[.tlsCertificate] = tlsCertificate.map { .string($0) }
        values[.tlsKey] = tlsKey.map { .string($0) }
        values[.clientCA] = clientCa.isEmpty ? nil : .stringArray(clientCa)
        values[.clientRevocations] = clientRevocations.isEmpty ? nil : .stringArray(clientRevocations)
        values[.roles] = roles.map { .string($0) }
        return values
    }
}

struct LimitOptions: ParsableArguments {
    @Option(help: "Connections served at once; more wait. Default: 1024.")
    var maxConnections: Int?

    @Option(help: "Connections of one IPv4 address or IPv6 /64 network; more are closed. Default: 128.")
    var maxConnectionsPerAddress: Int?

    @Option(
        help: ArgumentHelp(
            "Seconds for the head of a request, and for the TLS handshake before the first. Default: 10.",
            valueName: "seconds"))
    var headTimeout: Int?

    @Option(
        help: ArgumentHelp("Seconds for a body, and one more for each KiB of it. Default: 20.", valueName: "seconds"))
    var bodyTimeout: Int?

    @Option(
        help: ArgumentHelp("Seconds a connection may wait for its next request. Default: 30.", valueName: "seconds"))
    var idleTimeout: Int?

    fileprivate var values: [Setting: ConfigContent] {
        numbers([
            (.maxConnections, maxConnections), (.maxPerAddress, maxConnectionsPerAddress),
            (.headTimeout, headTimeout), (.bodyTimeout, bodyTimeout), (.idleTimeout, idleTimeout),
        ])
    }
}

struct BoundOptions: ParsableArguments {
    @Option(help: "The audit trail: stderr, off, or a file to append to. Default: stderr.")
    var audit: String?

    @Option(help: "What is in it: changes (and refusals), or all requests. Default: changes.")
    var auditRequests: String?

    @Option(help: "Requests a second that one identity may make in the long run. 0: no limit. Default: 10000.")
    var limitRequestsPerSecond: Int?

    @Option(help: "Requests that one identity may make at once. Default: 20000.")
    var limitRequestBurst: Int?

    @Option(help: "Operations that one identity may have under way. 0: no limit. Default: 256.")
    var limitOperations: Int?

    @Option(help: "KeyIDs that one identity's TDs may hold. 0: no limit but the host's. Default: 1024.")
    var limitKeyids: Int?

    fileprivate var values: [Setting: ConfigContent] {
        var values = numbers([
            (.limitRequestsPerSecond, limitRequestsPerSecond), (.limitRequestBurst, limitRequestBurst),
            (.limitOperations, limitOperations), (.limitKeyIDs, limitKeyids),
        ])
        values[.audit] = audit.map { .string($0) }
        values[.auditRequests] = auditRequests.map { .string($0) }
        return values
    }
}

struct RecordOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            """
            A new file that every SEAMCALL is recorded in, for 'tdxd trace replay' and 'tdxd trace diff'. It holds \
            what guests are made of.
            """, valueName: "file"))
    var record: String?

    @Option(
        help: ArgumentHelp("MiB at which the recording stops, and the daemon goes on. Default: 1024.", valueName: "mib")
    )
    var recordLimitMib: Int?

    fileprivate var values: [Setting: ConfigContent] {
        var values: [Setting: ConfigContent] = [:]
        values[.record] = record.map { .string($0) }
        values[.recordLimit] = recordLimitMib.map { .int($0) }
        return values
    }
}

struct ImageOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Where images are kept. Default: images in $STATE_DIRECTORY, /var/lib/tdxd or $XDG_STATE_HOME/tdxd.",
            valueName: "path"))
    var imagesDirectory: String?

    @Option(help: ArgumentHelp("MiB that all images may have together. Default: 16384.", valueName: "MiB"))
    var imagesCapacity: Int?

    @Option(
        help: ArgumentHelp(
            "Seconds for which an image is kept that no TD names. 0: for ever. Default: 604800.",
            valueName: "seconds"))
    var imagesRetention: Int?

    fileprivate var values: [Setting: ConfigContent] {
        var values: [Setting: ConfigContent] = [:]
        values[.imagesDirectory] = imagesDirectory.map { .string($0) }
        values[.imagesCapacity] = imagesCapacity.map { .int($0) }
        values[.imagesRetention] = imagesRetention.map { .int($0) }
        return values
    }
}

struct FakeOptions: ParsableArguments {
    @Option(help: "Processor packages. Default: 2.")
    var fakePackages: Int?

    @Option(help: "Logical processors, a multiple of the packages. Default: 4.")
    var fakeProcessors: Int?

    @Option(help: "KeyIDs that TDs may get. Default: 31.")
    var fakeKeyids: Int?

    @Option(help: ArgumentHelp("How long the write-back of one package takes, in ms. Default: 0.", valueName: "ms"))
    var fakeWriteBackMs: Int?

    @Option(
        help: ArgumentHelp("After how many µs a write-back is interrupted. 0: never. Default: 500.", valueName: "us"))
    var fakeSliceUs: Int?

    @Option(help: ArgumentHelp("How long a key's configuration takes, in µs. Default: 0.", valueName: "us"))
    var fakeKeyConfigUs: Int?

    @Option(help: ArgumentHelp("How long every call takes, in µs. Default: 0.", valueName: "us"))
    var fakeCallUs: Int?

    @Option(
        help: ArgumentHelp(
            "Which release of the module the fake plays: 1.5.01, held against recordings of the real one, or 1.5-later, "
                + "which is not. Default: 1.5.01.", valueName: "profile"))
    var fakeProfile: String?

    var values: [Setting: ConfigContent] {
        numbers([
            (.fakePackages, fakePackages), (.fakeProcessors, fakeProcessors), (.fakeKeyIDs, fakeKeyids),
            (.fakeWriteBack, fakeWriteBackMs), (.fakeSlice, fakeSliceUs), (.fakeKeyConfig, fakeKeyConfigUs),
            (.fakeCall, fakeCallUs),
        ]).merging(fakeProfile.map { [.fakeProfile: .string($0)] } ?? [:]) { number, _ in number }
    }
}

/// The whole numbers among these that were given.
private func numbers(_ given: [(Setting, Int?)]) -> [Setting: ConfigContent] {
    given.reduce(into: [:]) { values, item in values[item.0] = item.1.map { .int($0) } }
}

extension ServeOptions {
    /// All sources together.
    func sources(environment: [String: String]) throws(ConfigurationError) -> ConfigurationSources {
        let path = config ?? environment[ConfigurationSources.fileVariable]
        var file: ConfigurationFile?
        if let path { file = try ConfigurationFile(path: path) }
        return ConfigurationSources(
            flags: values, environment: environment, file: file, standards: Standards.current(environment).values)
    }
}
