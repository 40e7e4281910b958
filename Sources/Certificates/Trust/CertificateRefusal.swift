/// Where in the path from the peer to the trusted authority: 0 is the peer's own certificate.
public struct ChainPosition: Hashable, Sendable, CustomStringConvertible {
    public let depth: Int
    public init(depth: Int) { self.depth = depth }

    public static let peer = ChainPosition(depth: 0)

    public var description: String {
        depth == 0 ? "the client certificate" : "the CA certificate \(depth) above the client's"
    }
}

/// Why a peer is not believed to be who its certificate says.
public enum CertificateRefusal: Error, Hashable, Sendable {
    case noneSent
    /// What was sent is no certificate; the error's entry says which of the chain.
    case malformed(CertificateError)
    /// More certificates were sent, or lie in the path, than we follow.
    case chainTooLong(limit: Int)
    /// No path leads to a trusted authority.
    case unknownAuthority
    case badSignature(ChainPosition)
    case expired(ChainPosition, since: CalendarTime)
    case notYetValid(ChainPosition, until: CalendarTime)
    case wrongPurpose(ChainPosition, WrongPurpose)
    /// A certificate in the path that must not issue others.
    case notAnAuthority(ChainPosition)
    /// More authorities below one than it allows.
    case pathLengthExceeded(ChainPosition)
    /// A name that an authority in the path may not give.
    case nameNotPermitted(ChainPosition)
    case revoked(ChainPosition, RevokedCertificate?)
    case revocationUnknown(ChainPosition, RevocationGap)
    case weakKey(ChainPosition, PublicKeyKind)
    case weakSignature(ChainPosition, SignatureKind)
    /// Any other rule of RFC 5280: libcrypto's words for it.
    case notConforming(ChainPosition, String)
}

/// What a certificate is for instead of client authentication.
public enum WrongPurpose: Hashable, Sendable {
    /// It issues certificates.
    case authority
    /// Its purposes are others than clientAuth.
    case purposes([Purpose])
    /// Its key must not sign, which a TLS client has to.
    case keyUsage
}

/// Why revocation lists do not tell.
public enum RevocationGap: Hashable, Sendable {
    case missing
    case outdated
    /// A list is there that does not hold.
    case unusable(String)
}
