internal import ControlAPI

/// One thing that can be set: by flag, by an environment variable, or in the configuration file.
///
/// The flag's name decides the other two: `--socket-mode` is `TDXD_SOCKET_MODE` and `socketMode`.
struct Setting: Hashable, Sendable {
    enum Kind: Hashable, Sendable {
        case text
        case number(ClosedRange<Int>)
        /// In the environment, items are separated by ``ConfigurationSources/listSeparator``.
        case list
    }

    /// The flag without its dashes.
    let name: String
    let kind: Kind
    /// Whether it may stay unset; all others have a default, or must be set.
    let isOptional: Bool

    init(_ name: String, _ kind: Kind, isOptional: Bool = false) {
        self.name = name
        self.kind = kind
        self.isOptional = isOptional
    }

    var flag: String { "--" + name }

    /// The member of the configuration file.
    var key: String {
        let words = name.split(separator: "-")
        return words.dropFirst().reduce(into: String(words.first ?? "")) { key, word in
            key += word.prefix(1).uppercased() + word.dropFirst()
        }
    }

    var variable: String {
        Self.variablePrefix + "_" + name.uppercased().replacing("-", with: "_")
    }

    static let variablePrefix = "TDXD"
}

extension Setting {
    static let module = Setting("module", .text)
    static let shimDevice = Setting("shim-device", .text)
    /// What must outlive the daemon.
    static let stateDirectory = Setting("state-directory", .text, isOptional: true)
    static let socket = Setting("socket", .text)
    static let socketMode = Setting("socket-mode", .text)
    static let socketRole = Setting("socket-role", .list)
    static let listenPlain = Setting("listen-plain", .list)
    static let listenTLS = Setting("listen-tls", .list)
    static let pki = Setting("pki", .text, isOptional: true)
    static let tlsCertificate = Setting("tls-certificate", .text, isOptional: true)
    static let tlsKey = Setting("tls-key", .text, isOptional: true)
    static let clientCA = Setting("client-ca", .list)
    static let clientRevocations = Setting("client-revocations", .list)
    static let roles = Setting("roles", .text, isOptional: true)
    static let threads = Setting("threads", .number(1...64))
    static let httpThreads = Setting("http-threads", .number(1...64))
    static let maxConnections = Setting("max-connections", .number(1...65_536))
    static let maxPerAddress = Setting("max-connections-per-address", .number(1...65_536))
    /// Seconds.
    static let headTimeout = Setting("head-timeout", .number(1...3600))
    static let bodyTimeout = Setting("body-timeout", .number(1...3600))
    static let idleTimeout = Setting("idle-timeout", .number(1...86_400))
    static let logLevel = Setting("log-level", .text)
    static let logFormat = Setting("log-format", .text)
    /// Seconds.
    static let drainTimeout = Setting("drain-timeout", .number(0...3600))
    /// `stderr`, `off`, or a file.
    static let audit = Setting("audit", .text)
    static let auditRequests = Setting("audit-requests", .text)
    /// A file for a recording of every SEAMCALL.
    static let record = Setting("record", .text, isOptional: true)
    /// MiB; no more than a replay reads.
    static let recordLimit = Setting("record-limit-mib", .number(1...1024))
    // Limits of each identity; 0 is none.
    static let limitRequestsPerSecond = Setting("limit-requests-per-second", .number(0...RequestRate.perSecondMax))
    static let limitRequestBurst = Setting("limit-request-burst", .number(1...RequestRate.burstMax))
    static let limitOperations = Setting("limit-operations", .number(0...1_000_000))
    static let limitKeyIDs = Setting("limit-keyids", .number(0...65_535))
    static let fakeProfile = Setting("fake-profile", .text)
    static let imagesDirectory = Setting("images-directory", .text, isOptional: true)
    /// MiB.
    static let imagesCapacity = Setting("images-capacity", .number(1...(1 << 30)))
    /// Seconds; 0 keeps them for ever.
    static let imagesRetention = Setting("images-retention", .number(0...(10 * 366 * 86_400)))
    static let fakePackages = Setting("fake-packages", .number(1...8))
    static let fakeProcessors = Setting("fake-processors", .number(1...1024))
    static let fakeKeyIDs = Setting("fake-keyids", .number(1...32_735))
    static let fakeWriteBack = Setting("fake-write-back-ms", .number(0...60_000))
    static let fakeSlice = Setting("fake-slice-us", .number(0...1_000_000))
    static let fakeKeyConfig = Setting("fake-key-config-us", .number(0...1_000_000))
    static let fakeCall = Setting("fake-call-us", .number(0...1_000_000))

    /// In the order `check-config` prints them.
    static let all: [Setting] = [
        module, shimDevice, stateDirectory, socket, socketMode, socketRole, listenPlain, listenTLS, pki, tlsCertificate,
        tlsKey, clientCA,
        clientRevocations, roles, threads, httpThreads, maxConnections, maxPerAddress, headTimeout, bodyTimeout,
        idleTimeout, logLevel, logFormat, drainTimeout,
        audit, auditRequests, record, recordLimit,
        limitRequestsPerSecond, limitRequestBurst, limitOperations, limitKeyIDs,
        imagesDirectory, imagesCapacity, imagesRetention,
        fakeProfile, fakePackages, fakeProcessors, fakeKeyIDs, fakeWriteBack, fakeSlice, fakeKeyConfig, fakeCall,
    ]
}
