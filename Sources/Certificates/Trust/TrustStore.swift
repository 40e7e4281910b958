internal import COpenSSL

/// Which authorities are trusted, and what they have revoked. It never changes: a reload makes a new one.
@safe public final class TrustStore: @unchecked Sendable {
    // Sendable: libcrypto locks its store, and nothing is added to it after `init`.
    private let store: Owned
    private let revocationCheck: RevocationCheck
    private let believed = BelievedChains()
    /// When what the revocation lists say comes into force or ends.
    private let revocationTurns: [CalendarTime]

    /// Each ends a path, whether it is self-signed or not.
    public let authorities: [Certificate]
    public let revocationLists: [RevocationList]
    public let revocation: RevocationPolicy

    /// - Throws: `CertificateError`, whose entry counts within the array in question: no authorities or too many, one
    ///   that is no CA certificate or has a weak key, a list with a weak signature or one that its authority, if that
    ///   is among `authorities`, did not sign.
    public init(
        authorities: [Certificate], revocationLists: [RevocationList] = [], revocation: RevocationPolicy = .init()
    ) throws(CertificateError) {
        try Self.check(authorities)
        try Self.check(revocationLists, of: authorities)
        self.authorities = authorities
        self.revocationLists = revocationLists
        self.revocation = revocation
        revocationTurns = revocationLists.flatMap { [$0.thisUpdate, $0.nextUpdate].compactMap(\.self) }
        revocationCheck = RevocationCheck(lists: revocationLists, authorities: authorities, policy: revocation)
        // SAFETY: the store is made here; it takes a reference of its own to all that is added.
        store = unsafe Owned(X509_STORE_new()) { unsafe X509_STORE_free($0) }
        for authority in authorities {
            ErrorQueue.expect(unsafe X509_STORE_add_cert(store.pointer, authority.handle.pointer), "a trusted CA")
        }
    }

    /// Reads files of CA certificates and of revocation lists.
    ///
    /// - Throws: as the other initialiser; the error names the file.
    public convenience init(
        authorityFiles: [String], revocationListFiles: [String] = [], revocation: RevocationPolicy = .init()
    ) throws(CertificateError) {
        var authorities: [Certificate] = []
        for file in authorityFiles {
            let found = try CertificateFile.certificates(at: file)
            do { try Self.check(found) } catch { throw error.inFile(file) }
            authorities += found
        }
        var lists: [RevocationList] = []
        for file in revocationListFiles {
            let found = try CertificateFile.revocationLists(at: file)
            do { try Self.check(found, of: authorities) } catch { throw error.inFile(file) }
            lists += found
        }
        try self.init(authorities: authorities, revocationLists: lists, revocation: revocation)
    }

    private static func check(_ authorities: [Certificate]) throws(CertificateError) {
        guard !authorities.isEmpty else { throw CertificateError(.empty) }
        guard authorities.count <= CertificateLimits.authoritiesMax else {
            throw CertificateError(.tooManyEntries(limit: CertificateLimits.authoritiesMax))
        }
        for (index, authority) in authorities.enumerated() {
            if let why = authority.whyNoAuthority {
                throw CertificateError(.notAnAuthority(why), entry: index + 1)
            }
        }
    }

    private static func check(
        _ lists: [RevocationList], of authorities: [Certificate]
    ) throws(CertificateError) {
        guard lists.count <= CertificateLimits.revocationListsMax else {
            throw CertificateError(.tooManyEntries(limit: CertificateLimits.revocationListsMax))
        }
        for (index, list) in lists.enumerated() {
            guard list.signature.isAccepted else {
                throw CertificateError(.unsupported("a signature with \(list.signature)"), entry: index + 1)
            }
            let issuers = authorities.filter(list.isIssued)
            guard issuers.isEmpty || issuers.contains(where: list.isSigned) else {
                throw CertificateError(.invalid("it is not signed by the CA it names"), entry: index + 1)
            }
        }
    }

    /// Whether the peer that sent `chain` in a TLS handshake, and has proved there to have the key of the first, may be
    /// believed at `time`.
    ///
    /// The path is built from what was sent up to a trusted authority. All of RFC 5280's rules hold, strictly; the
    /// first certificate must allow client authentication; keys and signatures must be strong; the revocation lists
    /// of all authorities in the path are asked. A chain that was believed is believed again without all that until
    /// something in it ends or a list changes what it says. Any thread may call this, many at once. Whoever keeps `chain` can ask a
    /// newer store the same again, and so close the connections of those who have been revoked since.
    ///
    /// - Parameter chain: in DER, the peer's own first, as it was sent.
    public func verifyClient(
        chain: [[UInt8]], at time: CalendarTime
    ) -> Result<PeerIdentity, CertificateRefusal> {
        if let known = believed.identity(chain, at: time) { return .success(known) }
        return Result { () throws(CertificateRefusal) in
            let certificates = try Self.parse(chain)
            guard let peer = certificates.first else { throw .noneSent }
            guard !peer.isAuthority else { throw .wrongPurpose(.peer, .authority) }
            let verification = PathVerification(
                peer, sent: certificates.dropFirst(), authorities: authorities, time: time)
            let path = try verification.run(store)
            try StrengthRule.check(path)
            // A TLS client proves itself with a signature; libcrypto's purpose would let key agreement do.
            guard peer.keyUsage?.contains(.digitalSignature) ?? true else { throw .wrongPurpose(.peer, .keyUsage) }
            try revocationCheck.check(path, at: time)
            let expires = path.reduce(peer.validity.notAfter) { min($0, $1.validity.notAfter) }
            let identity = PeerIdentity(
                uris: peer.names.uris, fingerprint: peer.fingerprint, serial: peer.serial, expires: expires)
            believed.keep(identity, chain, at: time, turns: revocationTurns)
            return identity
        }
    }

    private static func parse(_ chain: [[UInt8]]) throws(CertificateRefusal) -> [Certificate] {
        guard chain.count <= CertificateLimits.chainLengthMax else {
            throw .chainTooLong(limit: CertificateLimits.chainLengthMax)
        }
        var certificates: [Certificate] = []
        for (index, der) in chain.enumerated() {
            do { certificates.append(try Certificate(reading: der, entry: index + 1)) } catch {
                throw .malformed(error)
            }
        }
        return certificates
    }
}

extension Certificate {
    /// Why nothing that this certificate issued can be trusted; nil if it can.
    var whyNoAuthority: String? {
        guard isAuthority else { return "its basic constraints do not say so" }
        guard keyUsage?.contains(.keyCertSign) ?? true else { return "its key must not sign certificates" }
        guard publicKey.isAccepted else { return "its key is not strong enough or of no accepted kind: \(publicKey)" }
        return nil
    }
}
