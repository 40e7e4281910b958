/// Who a verified peer is. There is no distinguished name here: identity is a URI or the certificate itself.
public struct PeerIdentity: Hashable, Sendable {
    /// The URI names of the peer's certificate, in its order: `spiffe://tdxd/role/operator`. May be empty.
    public let uris: [String]
    /// Of the peer's certificate.
    public let fingerprint: Fingerprint
    /// For the log; unique only together with the issuer.
    public let serial: SerialNumber
    /// When the first certificate of the path ends: from then on the answer would be another.
    public let expires: CalendarTime
}
