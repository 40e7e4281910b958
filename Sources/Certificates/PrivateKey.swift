internal import COpenSSL

/// A private key on the curve P-256. It is never printed, and in memory only here and in what `withPEM` lends.
@safe public final class PrivateKey: @unchecked Sendable {
    // Sendable: libcrypto's keys are made for use by many threads at once, and this one never changes.
    let handle: Owned

    static let curve = "P-256"

    private init(_ handle: consuming Owned) { self.handle = handle }

    /// A new key.
    public static func generate() -> PrivateKey {
        ErrorQueue.clear()
        // SAFETY: the only reference to the new key is handed over.
        let key = unsafe copenssl_ec_generate(curve)
        precondition(unsafe key != nil, "libcrypto makes no P-256 key: \(ErrorQueue.takeReason())")
        return PrivateKey(unsafe Owned(key) { unsafe EVP_PKEY_free($0) })
    }

    /// Reads a key in DER: PKCS #8 (RFC 5958) or SEC 1 (RFC 5915), unencrypted.
    ///
    /// - Throws: `CertificateError` when it is larger than `CertificateLimits.keyFileBytesMax`, not such a key, not on
    ///   P-256, or when its public half is not its private half's.
    public convenience init(der: [UInt8]) throws(CertificateError) {
        self.init(try CertificateError.place { () throws(CertificateError.Reason) in try Self.parse(der) })
    }

    static func parse(_ der: [UInt8]) throws(CertificateError.Reason) -> Owned {
        // SAFETY: the key is ours for the length of this function.
        let key = try unsafe DERParsing.parse(
            der, atMost: CertificateLimits.keyFileBytesMax, { unsafe d2i_AutoPrivateKey(nil, &$0, $1) },
            free: { unsafe EVP_PKEY_free($0) })
        let kind = unsafe KeyKindReader.kind(of: key.pointer)
        guard kind == .p256 else { throw .wrongKeyKind(kind.description) }
        let context = unsafe Owned(EVP_PKEY_CTX_new(key.pointer, nil)) { unsafe EVP_PKEY_CTX_free($0) }
        guard unsafe EVP_PKEY_pairwise_check(context.pointer) == 1 else {
            throw .invalid("private and public half do not belong together")
        }
        return key
    }

    /// Lends the key as PEM (PKCS #8), in memory that is overwritten afterwards.
    public func withPEM<Result, Failure: Error>(
        _ body: (RawSpan) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let buffer = MemoryBuffer(secret: true)
        // SAFETY: both objects live through the call; without a cipher no password is asked for.
        let status = unsafe PEM_write_bio_PKCS8PrivateKey(buffer.pointer, handle.pointer, nil, nil, 0, nil, nil)
        ErrorQueue.expect(status, "writing a key")
        return try unsafe buffer.withBytes { (bytes) throws(Failure) in try unsafe body(bytes.bytes) }
    }

    /// Whether `certificate` is for this key.
    public func matches(_ certificate: Certificate) -> Bool {
        ErrorQueue.clear()
        defer { ErrorQueue.clear() }
        // SAFETY: both objects live through the call.
        return unsafe X509_check_private_key(certificate.handle.pointer, handle.pointer) == 1
    }
}
