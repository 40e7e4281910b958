/// That the daemon answers at all.
public struct Liveness: Codable, Hashable, Sendable {
    /// Always true: a daemon that is not live does not answer.
    public var live: Bool
    /// Version of the daemon.
    public var version: String

    public init(
        live: Bool, version: String
    ) {
        self.live = live
        self.version = version
    }
}

/// That the daemon accepts work; when it does not, the answer is the problem `not-ready` or `draining`.
public struct Readiness: Codable, Hashable, Sendable {
    /// Always true in this answer.
    public var ready: Bool
    /// What was looked at.
    public var checks: [ReadinessCheck]

    public init(
        ready: Bool, checks: [ReadinessCheck]
    ) {
        self.ready = ready
        self.checks = checks
    }
}

/// One thing that must hold before work is accepted.
public struct ReadinessCheck: Codable, Hashable, Sendable {
    /// Which check.
    public var name: String
    /// Whether it holds.
    public var ok: Bool
    /// What was found, in words.
    public var detail: String?

    public init(
        name: String, ok: Bool, detail: String? = nil
    ) {
        self.name = name
        self.ok = ok
        self.detail = detail
    }
}
