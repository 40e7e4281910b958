internal import COpenSSL

/// A certificate that is being made.
@safe struct CertificateDraft: ~Copyable {
    private let handle: Owned

    /// The version's number counts from 0.
    private static let version3 = 2

    init(serial: SerialNumber, commonName: String, validity: Validity, key: PrivateKey) throws(CertificateError) {
        handle = try Self.begun(serial, commonName, validity, key)
    }

    private static func begun(
        _ serial: SerialNumber, _ commonName: String, _ validity: Validity, _ key: PrivateKey
    ) throws(CertificateError) -> Owned {
        // SAFETY: made here and owned from here; what is set is copied or counted by libcrypto.
        let handle = unsafe Owned(X509_new()) { unsafe X509_free($0) }
        ErrorQueue.expect(unsafe X509_set_version(handle.pointer, version3), "a version")
        let numbered = unsafe serial.withInteger { unsafe X509_set_serialNumber(handle.pointer, $0) }
        ErrorQueue.expect(numbered, "a serial number")
        let name = unsafe X509_get_subject_name(handle.pointer)
        let bytes = Array(commonName.utf8)
        let named = unsafe X509_NAME_add_entry_by_NID(
            name, NID_commonName, MBSTRING_UTF8, bytes, Int32(bytes.count), -1, 0)
        guard named == 1 else {
            throw CertificateError(.badRequest("the name '\(commonName)': \(ErrorQueue.takeReason())"))
        }
        ErrorQueue.expect(unsafe X509_set_pubkey(handle.pointer, key.handle.pointer), "a public key")
        try unsafe set(X509_getm_notBefore(handle.pointer), validity.notBefore)
        try unsafe set(X509_getm_notAfter(handle.pointer), validity.notAfter)
        return handle
    }

    private static func set(
        _ field: UnsafeMutablePointer<ASN1_TIME>?, _ time: CalendarTime
    ) throws(CertificateError) {
        // SAFETY: the field belongs to a certificate that lives through the call.
        guard let field = unsafe field, unsafe ASN1_TIME_set(field, Int(time.seconds)) != nil else {
            throw CertificateError(.badRequest("\(time) is beyond what a certificate can say"))
        }
    }

    /// Names the issuer; nil makes the certificate its own.
    func setIssuer(_ issuer: Certificate?) {
        // SAFETY: libcrypto copies the name.
        let owner = unsafe issuer?.handle.pointer ?? handle.pointer
        ErrorQueue.expect(
            unsafe X509_set_issuer_name(handle.pointer, X509_get_subject_name(owner)), "an issuer")
    }

    /// Adds an extension from libcrypto's text for it. The text is always ours, never a caller's: it is a language.
    func add(_ number: Int32, _ text: StaticString, issuer: Certificate? = nil) {
        ErrorQueue.clear()
        var context = unsafe X509V3_CTX()
        // SAFETY: the context only points at the two certificates, which live through the call, and is dropped after it.
        unsafe X509V3_set_ctx(
            &context, issuer?.handle.pointer ?? handle.pointer, handle.pointer, nil, nil, 0)
        let made = unsafe X509V3_EXT_conf_nid(nil, &context, number, text.description)
        precondition(unsafe made != nil, "libcrypto refuses \(text): \(ErrorQueue.takeReason())")
        ErrorQueue.expect(unsafe X509_add_ext(handle.pointer, made, -1), "an extension")
        unsafe X509_EXTENSION_free(made)
    }

    /// Adds subject alternative names, byte by byte as they are.
    func add(_ names: SubjectNames) {
        // SAFETY: the list owns the names pushed into it; libcrypto copies it into the certificate.
        let list = unsafe Owned(GENERAL_NAMES_new()) { unsafe GENERAL_NAMES_free($0) }
        for name in names.dns { unsafe Self.push(GEN_DNS, V_ASN1_IA5STRING, Array(name.utf8), to: list.pointer) }
        for uri in names.uris { unsafe Self.push(GEN_URI, V_ASN1_IA5STRING, Array(uri.utf8), to: list.pointer) }
        for address in names.addresses {
            unsafe Self.push(GEN_IPADD, V_ASN1_OCTET_STRING, address.bytes, to: list.pointer)
        }
        let added = unsafe X509_add1_ext_i2d(
            handle.pointer, NID_subject_alt_name, UnsafeMutableRawPointer(list.pointer), 0, 0)
        ErrorQueue.expect(added, "names")
    }

    private static func push(_ kind: Int32, _ type: Int32, _ bytes: [UInt8], to list: OpaquePointer) {
        // SAFETY: each object is owned by the one it is put into.
        guard let name = unsafe GENERAL_NAME_new(), let string = unsafe ASN1_STRING_type_new(type) else {
            preconditionFailure("libcrypto has no memory")
        }
        ErrorQueue.expect(unsafe ASN1_STRING_set(string, bytes, Int32(bytes.count)), "a name")
        unsafe GENERAL_NAME_set0_value(name, kind, string)
        precondition(unsafe copenssl_names_push(list, name) > 0, "libcrypto has no memory")
    }

    /// Signs what was put together, and reads it as anybody would.
    consuming func signed(with key: PrivateKey) throws(CertificateError) -> Certificate {
        // SAFETY: certificate and key live through the calls.
        precondition(
            unsafe X509_sign(handle.pointer, key.handle.pointer, EVP_sha256()) > 0, "a P-256 key signs")
        guard let der = unsafe DERParsing.encoding({ unsafe i2d_X509(handle.pointer, $0) }) else {
            throw CertificateError(.invalid("it cannot be encoded"))
        }
        return try Certificate(der: der)
    }
}
