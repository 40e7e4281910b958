/// Why a certificate, key or revocation list cannot be read, written or made, and where.
public struct CertificateError: Error, Hashable, Sendable, CustomStringConvertible {
    public var reason: Reason
    /// The file it was read from or should be written to.
    public var file: String?
    /// Which entry of the file or chain, counted from 1.
    public var entry: Int?

    public init(_ reason: Reason, file: String? = nil, entry: Int? = nil) {
        self.reason = reason
        self.file = file
        self.entry = entry
    }

    public var description: String {
        var place = file.map { "\($0): " } ?? ""
        if let entry { place += "entry \(entry): " }
        return place + reason.description
    }

    /// What is wrong.
    public enum Reason: Error, Hashable, Sendable {
        /// A call of the operating system failed: what was tried, and its errno.
        case system(String, errno: Int32)
        case empty
        case tooLarge(limitBytes: Int)
        /// A key that others than its owner and group may read, or that others than its owner may write.
        case tooOpen(mode: UInt32)
        case notPEM(String)
        case unexpectedEntry(label: String, expected: String)
        case tooManyEntries(limit: Int)
        case notDER(String)
        /// More follows where the structure ends.
        case trailingBytes(Int)
        /// A well-formed encoding of something that no certificate or list may hold.
        case invalid(String)
        /// Well-formed, and not for us: what is not supported.
        case unsupported(String)
        case encryptedKey
        case wrongKeyKind(String)
        case keyDoesNotMatch
        /// The certificate before this one in the file was not issued by it.
        case outOfOrder
        case notAnAuthority(String)
        /// What was asked for cannot be issued.
        case badRequest(String)
        case alreadyExists
        case notFound(String)
        case busy
    }
}

extension CertificateError.Reason: CustomStringConvertible {
    public var description: String {
        switch self {
        case .system(let what, let errno): "cannot \(what): \(SystemCall.text(of: errno))"
        case .empty: "is empty"
        case .tooLarge(let limit): "is larger than \(limit) bytes"
        case .tooOpen(let mode): "may be read or changed by others (mode 0\(String(mode, radix: 8)))"
        case .notPEM(let why): "is not PEM: \(why)"
        case .unexpectedEntry(let label, let expected): "holds \(label) where \(expected) is expected"
        case .tooManyEntries(let limit): "has more than \(limit) entries"
        case .notDER(let why): "is not DER: \(why)"
        case .trailingBytes(let count): "has \(count) bytes too many at its end"
        case .invalid(let what): "is invalid: \(what)"
        case .unsupported(let what): "is not supported: \(what)"
        case .encryptedKey: "is an encrypted key; keys are kept unencrypted and protected by their file mode"
        case .wrongKeyKind(let kind): "is a \(kind) key where one on P-256 is expected"
        case .keyDoesNotMatch: "the key is not the certificate's"
        case .outOfOrder: "did not issue the certificate before it"
        case .notAnAuthority(let why): "is no CA certificate: \(why)"
        case .badRequest(let why): why
        case .alreadyExists: "exists already"
        case .notFound(let what): "has no \(what)"
        case .busy: "is in use by another process"
        }
    }
}

extension CertificateError {
    /// Runs `body` and says of its failures where they happened.
    static func place<Result: ~Copyable>(
        file: String? = nil, entry: Int? = nil, _ body: () throws(Reason) -> Result
    ) throws(CertificateError) -> Result {
        do { return try body() } catch { throw CertificateError(error, file: file, entry: entry) }
    }

    /// The same failure, in a file.
    func inFile(_ path: String) -> CertificateError {
        var error = self
        error.file = error.file ?? path
        return error
    }
}
