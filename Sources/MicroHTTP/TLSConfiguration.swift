/// What a TLS listener shows its clients, and whom it believes.
public struct TLSConfiguration: Sendable {
    /// PEM: the server's certificate first, then those that lead to a CA its clients know.
    public var certificateChain: [UInt8]
    /// PEM, not encrypted. P-256 is meant; RSA works and costs several times as much for each handshake.
    public var privateKey: [UInt8]
    /// Judges a client's certificate chain: DER, the client's own certificate first, at least one and at most
    /// `TLSConfiguration.largestChain`. The client has proved by then that it holds the first one's key.
    ///
    /// Called once for each connection, also when it resumes an earlier session, and again when the listener is told
    /// to look again; from HTTP threads, several at a time, which it must not block.
    public var verify: @Sendable (_ chain: [[UInt8]]) -> ClientCertificateVerdict

    /// Certificates a client may show; a longer chain is refused unread.
    public static let largestChain = 8

    public init(
        certificateChain: [UInt8], privateKey: [UInt8],
        verify: @escaping @Sendable (_ chain: [[UInt8]]) -> ClientCertificateVerdict
    ) {
        self.certificateChain = certificateChain
        self.privateKey = privateKey
        self.verify = verify
    }
}

/// What was found about a client's certificate.
public enum ClientCertificateVerdict: Hashable, Sendable {
    /// - Parameter sha256: of the client's own certificate, 64 hexadecimal digits in lower case.
    case verified(uris: [String], sha256: String)
    /// - Parameter code: lower case with hyphens.
    case refused(code: String, reason: String)
}
