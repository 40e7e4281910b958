/// A private key with its certificate and those above it: what one side of a TLS connection shows.
public struct CertifiedKey: Sendable {
    public let key: PrivateKey
    /// The key's own certificate first, each issued by the next; the root may be left out.
    public let chain: [Certificate]

    public var certificate: Certificate { chain[0] }

    /// - Throws: `CertificateError` when the chain is empty or longer than `CertificateLimits.chainLengthMax`, out of
    ///   order, or not the key's.
    public init(chain: [Certificate], key: PrivateKey) throws(CertificateError) {
        guard let first = chain.first else { throw CertificateError(.empty) }
        guard chain.count <= CertificateLimits.chainLengthMax else {
            throw CertificateError(.tooManyEntries(limit: CertificateLimits.chainLengthMax))
        }
        guard key.matches(first) else { throw CertificateError(.keyDoesNotMatch) }
        for (index, pair) in zip(chain, chain.dropFirst()).enumerated() where !pair.0.namesIssuer(pair.1) {
            throw CertificateError(.outOfOrder, entry: index + 2)
        }
        self.chain = chain
        self.key = key
    }

    /// Reads both files.
    ///
    /// - Throws: `CertificateError`, which names the file and the entry.
    public init(chainFile: String, keyFile: String) throws(CertificateError) {
        let chain = try CertificateFile.certificates(at: chainFile, limit: CertificateLimits.chainLengthMax)
        let key = try CertificateFile.privateKey(at: keyFile)
        do { try self.init(chain: chain, key: key) } catch {
            throw error.inFile(error.reason == .keyDoesNotMatch ? keyFile : chainFile)
        }
    }

    /// The chain in PEM, own certificate first.
    public var chainPEM: [UInt8] { chain.flatMap(\.pem) }
}
