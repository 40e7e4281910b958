internal import COpenSSL

/// libcrypto's numbers of the extensions written here.
enum NID {
    static let basicConstraints = NID_basic_constraints
    static let keyUsage = NID_key_usage
    static let extendedKeyUsage = NID_ext_key_usage
    static let subjectKeyIdentifier = NID_subject_key_identifier
    static let authorityKeyIdentifier = NID_authority_key_identifier
}

/// A revocation list that is being made.
@safe struct RevocationListDraft: ~Copyable {
    private let handle: Owned

    /// The version's number counts from 0.
    private static let version2 = 1

    init(issuer: Certificate) {
        // SAFETY: made here and owned from here; libcrypto copies the name, and the context only points at objects that
        // live through its use.
        handle = unsafe Owned(X509_CRL_new()) { unsafe X509_CRL_free($0) }
        ErrorQueue.expect(unsafe X509_CRL_set_version(handle.pointer, Self.version2), "a version")
        let name = unsafe X509_get_subject_name(issuer.handle.pointer)
        ErrorQueue.expect(unsafe X509_CRL_set_issuer_name(handle.pointer, name), "an issuer")
        var context = unsafe X509V3_CTX()
        unsafe X509V3_set_ctx(&context, issuer.handle.pointer, nil, nil, handle.pointer, 0)
        let made = unsafe X509V3_EXT_conf_nid(nil, &context, NID.authorityKeyIdentifier, "keyid:always")
        precondition(unsafe made != nil, "libcrypto refuses a key identifier: \(ErrorQueue.takeReason())")
        ErrorQueue.expect(unsafe X509_CRL_add_ext(handle.pointer, made, -1), "an extension")
        unsafe X509_EXTENSION_free(made)
    }

    func set(_ validity: Validity) throws(CertificateError) {
        // SAFETY: libcrypto copies the times.
        try unsafe withTime(validity.notBefore) { unsafe X509_CRL_set1_lastUpdate(handle.pointer, $0) }
        try unsafe withTime(validity.notAfter) { unsafe X509_CRL_set1_nextUpdate(handle.pointer, $0) }
    }

    func set(number: Int64) throws(CertificateError) {
        // SAFETY: made and freed here; libcrypto copies it.
        guard let integer = unsafe ASN1_INTEGER_new() else { preconditionFailure("libcrypto has no memory") }
        defer { unsafe ASN1_INTEGER_free(integer) }
        ErrorQueue.expect(unsafe ASN1_INTEGER_set_int64(integer, number), "a number")
        ErrorQueue.expect(
            unsafe X509_CRL_add1_ext_i2d(handle.pointer, NID_crl_number, integer, 0, 0), "a list number")
    }

    func add(_ entry: RevokedCertificate) throws(CertificateError) {
        // SAFETY: libcrypto copies serial, time and reason; the list takes the entry over.
        guard let revoked = unsafe X509_REVOKED_new() else { preconditionFailure("libcrypto has no memory") }
        let numbered = unsafe entry.serial.withInteger { unsafe X509_REVOKED_set_serialNumber(revoked, $0) }
        ErrorQueue.expect(numbered, "a serial number")
        try unsafe withTime(entry.date) { unsafe X509_REVOKED_set_revocationDate(revoked, $0) }
        if entry.reason != .unspecified {
            guard let code = unsafe ASN1_ENUMERATED_new() else { preconditionFailure("libcrypto has no memory") }
            defer { unsafe ASN1_ENUMERATED_free(code) }
            ErrorQueue.expect(unsafe ASN1_ENUMERATED_set_int64(code, entry.reason.rawValue), "a reason")
            ErrorQueue.expect(unsafe X509_REVOKED_add1_ext_i2d(revoked, NID_crl_reason, code, 0, 0), "a reason")
        }
        ErrorQueue.expect(unsafe X509_CRL_add0_revoked(handle.pointer, revoked), "an entry")
    }

    private func withTime(
        _ time: CalendarTime, _ body: (UnsafeMutablePointer<ASN1_TIME>) -> Int32
    ) throws(CertificateError) {
        // SAFETY: made and freed here, around the one use.
        guard let value = unsafe ASN1_TIME_set(nil, Int(time.seconds)) else {
            throw CertificateError(.badRequest("\(time) is beyond what a revocation list can say"))
        }
        defer { unsafe ASN1_TIME_free(value) }
        ErrorQueue.expect(unsafe body(value), "a time")
    }

    /// Signs what was put together, and reads it as anybody would.
    consuming func signed(with key: PrivateKey) throws(CertificateError) -> RevocationList {
        // SAFETY: list and key live through the calls.
        _ = unsafe X509_CRL_sort(handle.pointer)
        precondition(
            unsafe X509_CRL_sign(handle.pointer, key.handle.pointer, EVP_sha256()) > 0, "a P-256 key signs")
        guard let der = unsafe DERParsing.encoding({ unsafe i2d_X509_CRL(handle.pointer, $0) }) else {
            throw CertificateError(.invalid("it cannot be encoded"))
        }
        return try RevocationList(der: der)
    }
}
