public import ControlSchema
public import TDLifecycle

/// What the daemon says of itself.
public struct ServiceIdentity: Sendable {
    public var hostName: String
    public var version: String
    public var startedAt: WallTime
    public var backend: BackendIdentity

    public init(hostName: String, version: String, startedAt: WallTime, backend: BackendIdentity) {
        self.hostName = hostName
        self.version = version
        self.startedAt = startedAt
        self.backend = backend
    }
}

/// What is to be said of certificates and trust.
public struct TLSReport: Sendable {
    /// When it last changed, in milliseconds since 1970; greater with each change.
    public var revision: UInt64
    public var status: TLSStatus

    public init(revision: UInt64, status: TLSStatus) {
        self.revision = revision
        self.status = status
    }
}

/// What carries the SEAMCALLs.
public struct BackendIdentity: Sendable {
    /// `fake` or `kernelShim`.
    public var kind: String
    public var description: String
    public var isHardware: Bool
    /// Whether every output register of a leaf comes back; wrapped kernel exports give only the named ones.
    public var reportsAllOutputs: Bool
    /// Which release of the module a fake plays; nil where the module is real.
    public var profile: ModuleProfile?

    public init(
        kind: String, description: String, isHardware: Bool, reportsAllOutputs: Bool, profile: ModuleProfile? = nil
    ) {
        self.profile = profile
        self.kind = kind
        self.description = description
        self.isHardware = isHardware
        self.reportsAllOutputs = reportsAllOutputs
    }
}
