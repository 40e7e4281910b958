/// What the TLS listeners show their clients, and whom they believe.
public struct TLSStatus: Codable, Hashable, Sendable {
    /// What is shown: the server's own certificate first, then those that were configured with it.
    public var certificates: [CertificateStatus]
    /// CAs whose clients are believed.
    public var trustAnchors: [CertificateStatus]
    /// What those have revoked.
    public var revocationLists: [RevocationListStatus]
    /// How many identities have a role.
    public var identityCount: Int
    /// When all this was read.
    public var loadedAt: Timestamp
    /// The last attempt to read it anew.
    public var lastReload: ReloadReport?

    public init(
        certificates: [CertificateStatus], trustAnchors: [CertificateStatus],
        revocationLists: [RevocationListStatus], identityCount: Int, loadedAt: Timestamp,
        lastReload: ReloadReport? = nil
    ) {
        self.certificates = certificates
        self.trustAnchors = trustAnchors
        self.revocationLists = revocationLists
        self.identityCount = identityCount
        self.loadedAt = loadedAt
        self.lastReload = lastReload
    }
}

/// A certificate of the daemon's own or of a CA.
public struct CertificateStatus: Codable, Hashable, Sendable {
    /// Its subject, as RFC 2253 writes names.
    public var subject: String
    /// DNS names, addresses and URIs that it is for.
    public var names: [String]
    /// SHA-256 of the certificate.
    public var sha256: String
    /// From when on it counts.
    public var notBefore: Timestamp
    /// Until when it counts.
    public var notAfter: Timestamp
    /// Whole days until then; negative when it has passed.
    public var daysLeft: Int

    public init(
        subject: String, names: [String], sha256: String, notBefore: Timestamp, notAfter: Timestamp, daysLeft: Int
    ) {
        self.subject = subject
        self.names = names
        self.sha256 = sha256
        self.notBefore = notBefore
        self.notAfter = notAfter
        self.daysLeft = daysLeft
    }
}

/// A CA's list of what it has revoked.
public struct RevocationListStatus: Codable, Hashable, Sendable {
    /// The CA's subject, as RFC 2253 writes names.
    public var issuer: String
    /// The list's number, if it has one.
    public var number: Int?
    /// How many certificates it revokes.
    public var revokedCount: Int
    /// Since when it counts.
    public var thisUpdate: Timestamp
    /// When another must have followed: from then on nobody of this CA is let in.
    public var nextUpdate: Timestamp?
    /// Whole days until then; negative when it has passed.
    public var daysLeft: Int?

    public init(
        issuer: String, number: Int? = nil, revokedCount: Int, thisUpdate: Timestamp, nextUpdate: Timestamp? = nil,
        daysLeft: Int? = nil
    ) {
        self.issuer = issuer
        self.number = number
        self.revokedCount = revokedCount
        self.thisUpdate = thisUpdate
        self.nextUpdate = nextUpdate
        self.daysLeft = daysLeft
    }
}

/// Why something was read anew.
public struct ReloadTrigger: OpenEnum {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }

    /// The daemon was told to, with SIGHUP.
    public static let signal = Self(rawValue: "signal")
    /// A file had changed.
    public static let fileChange = Self(rawValue: "fileChange")

    public static let known: [Self] = [
        .signal, .fileChange,
    ]
}

/// What became of reading something anew.
public struct ReloadOutcome: OpenEnum {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }

    /// What was read is in force.
    public static let applied = Self(rawValue: "applied")
    /// What was read does not hold; what was in force before still is.
    public static let refused = Self(rawValue: "refused")

    public static let known: [Self] = [
        .applied, .refused,
    ]
}

/// One attempt to read certificates, trust and roles anew.
public struct ReloadReport: Codable, Hashable, Sendable {
    /// When.
    public var at: Timestamp
    /// Why.
    public var trigger: ReloadTrigger
    /// What became of it.
    public var outcome: ReloadOutcome
    /// Which file is at fault and why; only when it was refused.
    public var reason: String?

    public init(at: Timestamp, trigger: ReloadTrigger, outcome: ReloadOutcome, reason: String? = nil) {
        self.at = at
        self.trigger = trigger
        self.outcome = outcome
        self.reason = reason
    }
}
