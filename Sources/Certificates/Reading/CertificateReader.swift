internal import COpenSSL

/// Takes the fields out of a parsed certificate.
@safe struct CertificateReader {
    // SAFETY of all uses: borrowed from an owner that outlives the reader; libcrypto's getters return what belongs to
    // the certificate, and all of it is copied at once.
    private let x509: OpaquePointer

    init(_ handle: borrowing Owned) { unsafe x509 = handle.pointer }

    /// The object of exactly these bytes.
    static func parse(_ der: [UInt8]) throws(CertificateError.Reason) -> Owned {
        let handle = try unsafe DERParsing.parse(
            der, atMost: CertificateLimits.certificateBytesMax, { unsafe d2i_X509(nil, &$0, $1) },
            free: { unsafe X509_free($0) })
        // What is written again differs if the encoding was not the one DER allows: two encodings of one certificate
        // would have two fingerprints.
        guard unsafe DERParsing.encoding({ unsafe i2d_X509(handle.pointer, $0) }) == der else {
            throw .notDER("the encoding is not the canonical one")
        }
        return handle
    }

    /// Makes libcrypto read all extensions it knows, which fills its caches, and refuses malformed and repeated ones.
    func checkExtensions() throws(CertificateError.Reason) {
        ErrorQueue.clear()
        let isRead = unsafe X509_check_purpose(x509, -1, 0) == 1
        let flags = unsafe X509_get_extension_flags(x509)
        guard isRead, flags & UInt32(EXFLAG_INVALID) == 0 else {
            throw .invalid("an extension: \(ErrorQueue.takeReason())")
        }
    }

    func serial() throws(CertificateError.Reason) -> SerialNumber {
        try unsafe SerialNumber(X509_get0_serialNumber(x509))
    }

    func subject() -> String { unsafe NameText.of(X509_get_subject_name(x509)) }
    func issuer() -> String { unsafe NameText.of(X509_get_issuer_name(x509)) }

    func validity() throws(CertificateError.Reason) -> Validity {
        Validity(
            unordered: try unsafe TimeReader.read(X509_get0_notBefore(x509), "notBefore"),
            try unsafe TimeReader.read(X509_get0_notAfter(x509), "notAfter"))
    }

    func keyUsage() -> KeyUsage? {
        // All bits set is libcrypto's word for an absent extension.
        let bits = unsafe X509_get_key_usage(x509)
        return bits == .max ? nil : KeyUsage(rawValue: bits)
    }

    func isAuthority() -> Bool { unsafe X509_get_extension_flags(x509) & UInt32(EXFLAG_CA) != 0 }

    func pathLength() -> Int? {
        let length = unsafe X509_get_pathlen(x509)
        return length < 0 ? nil : Int(length)
    }

    func purposes() throws(CertificateError.Reason) -> [Purpose]? {
        var found: Int32 = 0
        guard let raw = unsafe X509_get_ext_d2i(x509, NID_ext_key_usage, &found, nil) else {
            guard found == -1 else { throw .invalid("extended key usage") }
            return nil
        }
        let list = unsafe Owned(OpaquePointer(raw)) { unsafe EXTENDED_KEY_USAGE_free($0) }
        let count = unsafe copenssl_objects_count(list.pointer)
        guard count <= CertificateLimits.purposesMax else {
            throw .invalid("more than \(CertificateLimits.purposesMax) purposes")
        }
        return (0..<count).map { index in
            unsafe Purpose(rawValue: ObjectText.dotted(copenssl_object_at(list.pointer, index)))
        }
    }

    func publicKey() -> PublicKeyKind { unsafe KeyKindReader.kind(of: X509_get0_pubkey(x509)) }

    func signature() -> SignatureKind {
        var digest: Int32 = 0
        var key: Int32 = 0
        let isKnown = unsafe X509_get_signature_info(x509, &digest, &key, nil, nil) == 1
        return SignatureKind(
            name: ObjectText.longName(unsafe X509_get_signature_nid(x509)),
            isAccepted: isKnown && SignatureKind.isAccepted(key: key, digest: digest))
    }

    func names() throws(CertificateError.Reason) -> SubjectNames {
        var found: Int32 = 0
        guard let raw = unsafe X509_get_ext_d2i(x509, NID_subject_alt_name, &found, nil) else {
            guard found == -1 else { throw .invalid("subject alternative names") }
            return SubjectNames()
        }
        let list = unsafe Owned(OpaquePointer(raw)) { unsafe GENERAL_NAMES_free($0) }
        return try SubjectNamesReader.read(list)
    }
}
