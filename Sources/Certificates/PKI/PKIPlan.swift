/// What a new folder of certificates should hold.
public struct PKIPlan: Sendable {
    /// The CA's common name.
    public var authorityName: String
    /// What clients call the server by.
    public var serverNames: [String]
    public var serverAddresses: [IPAddress]
    /// A client certificate each: the name of its files, and its identity.
    public var clients: [(name: String, uri: String)]
    public var lifetimes: PKILifetimes
    /// What `roles.json` is to hold; nil for none.
    public var roles: [UInt8]?

    /// One client for each role.
    public init(
        authorityName: String = "tdxd CA", serverNames: [String], serverAddresses: [IPAddress] = [],
        clients: [(name: String, uri: String)] = PKILayout.roleNames.map { ($0, PKILayout.roleURI($0)) },
        lifetimes: PKILifetimes = .init(), roles: [UInt8]? = nil
    ) {
        self.authorityName = authorityName
        self.serverNames = serverNames
        self.serverAddresses = serverAddresses
        self.clients = clients
        self.lifetimes = lifetimes
        self.roles = roles
    }
}

/// How long things count, in days.
public struct PKILifetimes: Hashable, Sendable {
    public var authorityDays: Int
    public var certificateDays: Int
    /// Until the revocation list must be followed by another. As long as certificates by default: then the list of a
    /// folder that nobody touches outlives none of them.
    public var revocationListDays: Int

    /// Ten years for the CA; 397 days, the longest that browsers take, for the others.
    public init(authorityDays: Int = 3652, certificateDays: Int = 397, revocationListDays: Int = 397) {
        self.authorityDays = authorityDays
        self.certificateDays = certificateDays
        self.revocationListDays = revocationListDays
    }

    /// A hundred years: beyond is a slip of the keyboard.
    public static let daysMax = 36_525

    func check() throws(CertificateError) {
        for days in [authorityDays, certificateDays, revocationListDays] where !(1...Self.daysMax).contains(days) {
            throw CertificateError(.badRequest("\(days) days are not 1 to \(Self.daysMax)"))
        }
    }
}
