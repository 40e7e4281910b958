internal import Threading

/// Asks the revocation lists about a path that is otherwise in order.
///
/// Not left to libcrypto, which would check the signature of a list anew with every certificate that it asks about: for
/// a long list that costs more than the rest of a TLS handshake. Here that is done once for each authority.
final class RevocationCheck: Sendable {
    private let lists: [RevocationList]
    private let policy: RevocationPolicy
    /// The lists that an authority has signed, by its fingerprint.
    private let signed: Locked<[Fingerprint: [RevocationList]]>

    /// Only authorities of paths that lead to a trusted one are remembered, so nobody outside can fill this.
    private static let rememberedMax = 256

    init(lists: [RevocationList], authorities: [Certificate], policy: RevocationPolicy) {
        self.lists = lists
        self.policy = policy
        let known = authorities.map { authority in (authority.fingerprint, lists.filter(authority.hasSigned)) }
        signed = Locked(Dictionary(known, uniquingKeysWith: { first, _ in first }))
    }

    /// - Parameter path: from the peer to a trusted authority, which nobody is asked about: it is distrusted by taking
    ///   it out of the configuration.
    func check(_ path: [Certificate], at time: CalendarTime) throws(CertificateRefusal) {
        for (depth, pair) in zip(path, path.dropFirst()).enumerated() {
            let place = ChainPosition(depth: depth)
            guard let list = try list(of: pair.1, at: time, place) else { continue }
            if let entry = list.entry(for: pair.0.serial) { throw .revoked(place, entry) }
            guard policy.whenOutdated == .accept || !list.isOutdated(at: time) else {
                throw .revocationUnknown(place, .outdated)
            }
        }
    }

    /// The newest of an authority's lists that is in force; nil if there is none and there need not be.
    private func list(
        of authority: Certificate, at time: CalendarTime, _ place: ChainPosition
    ) throws(CertificateRefusal) -> RevocationList? {
        guard lists.contains(where: { $0.isIssued(by: authority) }) else {
            guard policy.whenMissing == .accept else { throw .revocationUnknown(place, .missing) }
            return nil
        }
        guard authority.keyUsage?.contains(.crlSign) ?? true else {
            throw .revocationUnknown(place, .unusable("the CA's key must not sign revocation lists"))
        }
        let own = signedLists(of: authority)
        guard !own.isEmpty else { throw .revocationUnknown(place, .unusable("the CA has not signed it")) }
        let inForce = own.filter { $0.thisUpdate <= time }
        guard let newest = inForce.max(by: { $0.isOlder(than: $1) }) else {
            throw .revocationUnknown(place, .unusable("it is not in force yet"))
        }
        return newest
    }

    private func signedLists(of authority: Certificate) -> [RevocationList] {
        if let known = signed.withLock({ $0[authority.fingerprint] }) { return known }
        let found = lists.filter(authority.hasSigned)
        signed.withLock { if $0.count < Self.rememberedMax { $0[authority.fingerprint] = found } }
        return found
    }
}

extension Certificate {
    fileprivate func hasSigned(_ list: RevocationList) -> Bool { list.isSigned(by: self) }
}

extension RevocationList {
    fileprivate func isOlder(than other: RevocationList) -> Bool {
        (thisUpdate, number ?? 0) < (other.thisUpdate, other.number ?? 0)
    }
}
