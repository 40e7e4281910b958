/// This host as the daemon sees it: back end, TDX module, platform, and which leaves can be called.
public struct Host: Codable, Hashable, Sendable {
    /// Name of the host.
    public var name: String
    /// Names this run of the daemon; another after each start.
    public var instanceId: String
    /// Version of the daemon.
    public var version: String
    /// When the daemon started.
    public var startedAt: Timestamp
    /// Revision of this view, and its ETag.
    public var revision: UInt64
    /// What executes the SEAMCALLs.
    public var backend: Backend
    /// The TDX module, as TDH.SYS.RD describes it.
    public var module: ModuleInformation
    /// Packages, processors and KeyIDs.
    public var platform: Platform
    /// Every leaf the daemon has a wrapper for, and whether this module and back end have it.
    public var leaves: [LeafAvailability]
    /// Certificates, trust and revocation; absent without TLS.
    public var tls: TLSStatus?
    /// Related paths.
    public var links: [String: String]

    public init(
        name: String, instanceId: String, version: String, startedAt: Timestamp, revision: UInt64, backend: Backend,
        module: ModuleInformation, platform: Platform, leaves: [LeafAvailability], tls: TLSStatus? = nil,
        links: [String: String]
    ) {
        self.name = name
        self.instanceId = instanceId
        self.version = version
        self.startedAt = startedAt
        self.revision = revision
        self.backend = backend
        self.module = module
        self.platform = platform
        self.leaves = leaves
        self.tls = tls
        self.links = links
    }
}

/// What executes the SEAMCALLs.
public struct BackendKind: OpenEnum {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }

    /// A software model of the TDX module, in this process; nothing is protected.
    public static let fake = Self(rawValue: "fake")
    /// The TDX module of this host, through the kernel shim.
    public static let kernelShim = Self(rawValue: "kernelShim")

    public static let known: [Self] = [
        .fake, .kernelShim,
    ]
}

/// What executes the SEAMCALLs, and what its records can show.
public struct Backend: Codable, Hashable, Sendable {
    /// Which back end.
    public var kind: BackendKind
    /// The same in words, fit to be shown to a person.
    public var description: String
    /// Whether calls reach a real TDX module.
    public var hardware: Bool
    /// Whether SEAMCALL records carry every output register.
    public var outComplete: Bool
    /// Who knows which KeyIDs are free.
    public var keyIdSource: KeyIDSource
    /// Which release of the module a software model plays; absent where the module is real.
    public var profile: ModuleProfile?

    public init(
        kind: BackendKind, description: String, hardware: Bool, outComplete: Bool, keyIdSource: KeyIDSource,
        profile: ModuleProfile? = nil
    ) {
        self.kind = kind
        self.description = description
        self.hardware = hardware
        self.outComplete = outComplete
        self.keyIdSource = keyIdSource
        self.profile = profile
    }
}

/// Which release of the module a software model plays.
public struct ModuleProfile: Codable, Hashable, Sendable {
    /// Its name, as the daemon is told it.
    public var name: String
    /// Whether it was held, call by call, against recordings of the real module.
    public var heldAgainstRecordings: Bool

    public init(name: String, heldAgainstRecordings: Bool) {
        self.name = name
        self.heldAgainstRecordings = heldAgainstRecordings
    }
}
