internal import COpenSSL

/// Takes the fields out of a parsed revocation list.
@safe struct RevocationListReader {
    // SAFETY of all uses: borrowed from an owner that outlives the reader; libcrypto's getters return what belongs to
    // the list, and all of it is copied at once.
    private let crl: OpaquePointer

    init(_ handle: borrowing Owned) { unsafe crl = handle.pointer }

    static func parse(_ der: [UInt8]) throws(CertificateError.Reason) -> Owned {
        try unsafe DERParsing.parse(
            der, atMost: CertificateLimits.revocationListBytesMax, { unsafe d2i_X509_CRL(nil, &$0, $1) },
            free: { unsafe X509_CRL_free($0) })
    }

    /// A list for some certificates, some reasons or several authorities, or of changes only, would be taken for
    /// more than it says.
    func checkScope() throws(CertificateError.Reason) {
        for (extensionNumber, what) in [
            (NID_delta_crl, "a delta list"), (NID_issuing_distribution_point, "a list of limited scope"),
        ] where unsafe X509_CRL_get_ext_by_NID(crl, extensionNumber, -1) >= 0 {
            throw .unsupported(what)
        }
        // Nothing that is read here is ever critical.
        guard unsafe X509_CRL_get_ext_by_critical(crl, 1, -1) < 0 else {
            throw .unsupported("a critical extension of the list")
        }
    }

    func issuer() -> String { unsafe NameText.of(X509_CRL_get_issuer(crl)) }

    func thisUpdate() throws(CertificateError.Reason) -> CalendarTime {
        try unsafe TimeReader.read(X509_CRL_get0_lastUpdate(crl), "thisUpdate")
    }

    func nextUpdate() throws(CertificateError.Reason) -> CalendarTime? {
        guard let time = unsafe X509_CRL_get0_nextUpdate(crl) else { return nil }
        return try unsafe TimeReader.read(time, "nextUpdate")
    }

    func number() throws(CertificateError.Reason) -> Int64? {
        var found: Int32 = 0
        guard let raw = unsafe X509_CRL_get_ext_d2i(crl, NID_crl_number, &found, nil) else {
            guard found == -1 else { throw .invalid("list number") }
            return nil
        }
        let integer = unsafe raw.assumingMemoryBound(to: ASN1_INTEGER.self)
        defer { unsafe ASN1_INTEGER_free(integer) }
        var value: Int64 = 0
        let fits = unsafe ASN1_INTEGER_get_int64(&value, integer) == 1 && value >= 0
        ErrorQueue.clear()
        return fits ? value : nil
    }

    func entries() throws(CertificateError.Reason) -> [RevokedCertificate] {
        guard let list = unsafe X509_CRL_get_REVOKED(crl) else { return [] }
        let count = unsafe copenssl_revoked_count(list)
        var entries: [RevokedCertificate] = []
        entries.reserveCapacity(Int(count))
        for index in 0..<count {
            guard let entry = unsafe copenssl_revoked_at(list, index) else { throw .invalid("entry \(index + 1)") }
            guard unsafe X509_REVOKED_get_ext_by_critical(entry, 1, -1) < 0 else {
                throw .unsupported("a critical extension of entry \(index + 1)")
            }
            entries.append(
                RevokedCertificate(
                    serial: try unsafe SerialNumber(X509_REVOKED_get0_serialNumber(entry)),
                    date: try unsafe TimeReader.read(X509_REVOKED_get0_revocationDate(entry), "a revocation date"),
                    reason: try unsafe reason(of: entry)))
        }
        return entries
    }

    private func reason(of entry: OpaquePointer) throws(CertificateError.Reason) -> RevocationReason {
        var found: Int32 = 0
        guard let raw = unsafe X509_REVOKED_get_ext_d2i(entry, NID_crl_reason, &found, nil) else {
            guard found == -1 else { throw .invalid("a revocation reason") }
            return .unspecified
        }
        let value = unsafe raw.assumingMemoryBound(to: ASN1_ENUMERATED.self)
        defer { unsafe ASN1_ENUMERATED_free(value) }
        return RevocationReason(rawValue: Int64(unsafe ASN1_ENUMERATED_get(value)))
    }

    func signature() -> SignatureKind {
        let number = unsafe X509_CRL_get_signature_nid(crl)
        var digest: Int32 = 0
        var key: Int32 = 0
        // The digest of RSA-PSS is in its parameters, which this lookup does not see: such lists are not accepted.
        let isKnown = unsafe OBJ_find_sigid_algs(number, &digest, &key) == 1
        return SignatureKind(
            name: ObjectText.longName(number), isAccepted: isKnown && SignatureKind.isAccepted(key: key, digest: digest)
        )
    }
}
