internal import COpenSSL

/// An X.509 certificate: what it says, read once, and libcrypto's object of it.
///
/// That it could be read says nothing of its truth; `TrustStore` decides that.
@safe public final class Certificate: @unchecked Sendable {
    // Sendable: libcrypto fills its caches while `init` reads the fields, and only reads afterwards.
    let handle: Owned

    /// What was parsed, byte for byte.
    public let der: [UInt8]
    public let fingerprint: Fingerprint
    public let serial: SerialNumber
    /// Distinguished names as RFC 2253 writes them, escaped. To be shown, never to be compared or trusted.
    public let subject: String
    public let issuer: String
    public let validity: Validity
    public let names: SubjectNames
    /// Nil when the certificate does not restrict its key.
    public let keyUsage: KeyUsage?
    /// Nil when the certificate does not restrict its purpose.
    public let purposes: [Purpose]?
    /// Whether basic constraints say that it may issue certificates.
    public let isAuthority: Bool
    /// How many authorities may follow below this one; nil if it does not say.
    public let pathLength: Int?
    public let publicKey: PublicKeyKind
    public let signature: SignatureKind

    /// Reads a certificate in DER.
    ///
    /// - Throws: `CertificateError` when it is larger than `CertificateLimits.certificateBytesMax`, is not exactly one
    ///   certificate in DER, or holds an extension or name that breaks RFC 5280.
    public convenience init(der: [UInt8]) throws(CertificateError) {
        try self.init(reading: der, entry: nil)
    }

    convenience init(reading der: [UInt8], entry: Int?) throws(CertificateError) {
        do { try self.init(parsing: der) } catch { throw CertificateError(error, entry: entry) }
    }

    private init(parsing der: [UInt8]) throws(CertificateError.Reason) {
        ErrorQueue.clear()
        handle = try CertificateReader.parse(der)
        let reader = CertificateReader(handle)
        try reader.checkExtensions()
        self.der = der
        fingerprint = Fingerprint(of: der)
        serial = try reader.serial()
        subject = reader.subject()
        issuer = reader.issuer()
        validity = try reader.validity()
        names = try reader.names()
        keyUsage = reader.keyUsage()
        purposes = try reader.purposes()
        isAuthority = reader.isAuthority()
        pathLength = reader.pathLength()
        publicKey = reader.publicKey()
        signature = reader.signature()
    }

    /// The certificate as PEM writes it.
    public var pem: [UInt8] {
        let buffer = MemoryBuffer()
        // SAFETY: both objects live through the call.
        ErrorQueue.expect(unsafe PEM_write_bio_X509(buffer.pointer, handle.pointer), "writing PEM")
        return buffer.bytes
    }

    /// Whether names, key identifiers and key usage say that `authority` issued this one. No signature is checked.
    public func namesIssuer(_ authority: Certificate) -> Bool {
        // SAFETY: both certificates live through the call, which only reads them.
        unsafe X509_check_issued(authority.handle.pointer, handle.pointer) == X509_V_OK
    }

    /// Whether subject and issuer are the same, as at the top of a chain.
    public var isSelfIssued: Bool {
        // SAFETY: the certificate lives through the call.
        unsafe X509_get_extension_flags(handle.pointer) & UInt32(EXFLAG_SI) != 0
    }
}

extension Certificate: Hashable {
    public static func == (left: Certificate, right: Certificate) -> Bool { left.der == right.der }
    public func hash(into hasher: inout Hasher) { hasher.combine(fingerprint) }
}
