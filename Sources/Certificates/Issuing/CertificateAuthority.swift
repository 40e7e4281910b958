/// A CA: its certificate and key, with which it issues certificates and revocation lists.
public struct CertificateAuthority: Sendable {
    public let certificate: Certificate
    public let key: PrivateKey

    /// - Throws: `CertificateError` when the certificate is no CA's, must not sign revocation lists, or is not the key's.
    public init(certificate: Certificate, key: PrivateKey) throws(CertificateError) {
        if let why = certificate.whyNoAuthority { throw CertificateError(.notAnAuthority(why)) }
        guard certificate.keyUsage?.contains(.crlSign) ?? true else {
            throw CertificateError(.notAnAuthority("its key must not sign revocation lists"))
        }
        guard key.matches(certificate) else { throw CertificateError(.keyDoesNotMatch) }
        self.certificate = certificate
        self.key = key
    }

    /// Makes a new CA with a new key. It issues to ends only: no CA may stand below it.
    ///
    /// - Parameter name: its common name, 1 to 64 printable ASCII characters.
    public static func make(name: String, validity: Validity) throws(CertificateError) -> CertificateAuthority {
        guard NameRules.isCommonName(name) else {
            throw CertificateError(.badRequest("'\(name)' has not 1 to 64 printable characters"))
        }
        let key = PrivateKey.generate()
        let draft = try CertificateDraft(serial: .random(), commonName: name, validity: validity, key: key)
        draft.setIssuer(nil)
        draft.add(NID.basicConstraints, "critical,CA:TRUE,pathlen:0")
        draft.add(NID.keyUsage, "critical,keyCertSign,cRLSign")
        draft.add(NID.subjectKeyIdentifier, "hash")
        draft.add(NID.authorityKeyIdentifier, "keyid:always")
        return try CertificateAuthority(certificate: try draft.signed(with: key), key: key)
    }

    /// Issues a certificate for a new key.
    ///
    /// - Throws: `CertificateError` when it would be valid before or after the CA's own.
    public func issue(_ request: CertificateRequest, validity: Validity) throws(CertificateError) -> CertifiedKey {
        guard validity.notAfter <= certificate.validity.notAfter else {
            throw CertificateError(
                .badRequest("it would end on \(validity.notAfter), after its CA on \(certificate.validity.notAfter)"))
        }
        guard validity.notBefore >= certificate.validity.notBefore else {
            throw CertificateError(
                .badRequest(
                    "it would begin on \(validity.notBefore), before its CA on \(certificate.validity.notBefore)"))
        }
        let key = PrivateKey.generate()
        let draft = try CertificateDraft(
            serial: .random(), commonName: request.commonName, validity: validity, key: key)
        draft.setIssuer(certificate)
        draft.add(NID.basicConstraints, "critical,CA:FALSE")
        draft.add(NID.keyUsage, "critical,digitalSignature")
        for purpose in request.purposes {
            draft.add(NID.extendedKeyUsage, purpose == .serverAuth ? "serverAuth" : "clientAuth")
        }
        draft.add(request.names)
        draft.add(NID.subjectKeyIdentifier, "hash")
        draft.add(NID.authorityKeyIdentifier, "keyid:always", issuer: certificate)
        return try CertifiedKey(chain: [try draft.signed(with: self.key)], key: key)
    }

    /// Signs the list that follows `previous`: its entries, those of `revoking` that are not among them, and the next
    /// number.
    ///
    /// - Parameter validity: when it is made, and when the next one is due at the latest.
    /// - Throws: `CertificateError` when `previous` is not this CA's own.
    public func revocationList(
        after previous: RevocationList?, revoking: [RevokedCertificate] = [], validity: Validity
    ) throws(CertificateError) -> RevocationList {
        if let previous, !previous.isSigned(by: certificate) {
            throw CertificateError(.invalid("the revocation list is not signed by this CA"))
        }
        let draft = RevocationListDraft(issuer: certificate)
        try draft.set(validity)
        for entry in previous?.entries ?? [] { try draft.add(entry) }
        for entry in revoking where previous?.entry(for: entry.serial) == nil { try draft.add(entry) }
        try draft.set(number: (previous?.number ?? 0) + 1)
        return try draft.signed(with: key)
    }
}
