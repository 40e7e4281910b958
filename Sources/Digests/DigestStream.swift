internal import COpenSSL

/// The SHA-2 digests that clients say of what they send.
public enum DigestAlgorithm: String, CaseIterable, Sendable {
    case sha256 = "sha-256"
    case sha384 = "sha-384"
    case sha512 = "sha-512"

    /// Bytes of a digest.
    public var digestBytes: Int {
        switch self {
        case .sha256: 32
        case .sha384: 48
        case .sha512: 64
        }
    }

    fileprivate var libraryName: String {
        switch self {
        case .sha256: "SHA256"
        case .sha384: "SHA384"
        case .sha512: "SHA512"
        }
    }
}

/// One digest over bytes that come in pieces. For a measurement, which forks and is fed by the call, there is ``SHA384``.
@safe public final class DigestStream {
    public let algorithm: DigestAlgorithm
    private let context: OpaquePointer

    public init(_ algorithm: DigestAlgorithm) {
        self.algorithm = algorithm
        // SAFETY: the context is made here, used by this object only and freed in deinit; the method is given back once
        // the context has taken its own reference.
        guard let context = unsafe EVP_MD_CTX_new(), let method = unsafe EVP_MD_fetch(nil, algorithm.libraryName, nil)
        else { preconditionFailure("libcrypto has no \(algorithm.rawValue)") }
        let started = unsafe EVP_DigestInit_ex2(context, method, nil)
        unsafe EVP_MD_free(method)
        precondition(started == 1, "libcrypto refuses \(algorithm.rawValue)")
        unsafe self.context = context
    }

    deinit {
        // SAFETY: made in init and not freed before.
        unsafe EVP_MD_CTX_free(context)
    }

    /// Feeds bytes, in order.
    public func update(_ bytes: RawSpan) {
        // SAFETY: the span's memory outlives the call, which only reads it.
        let fed = unsafe bytes.withUnsafeBytes { unsafe EVP_DigestUpdate(context, $0.baseAddress, $0.count) }
        precondition(fed == 1, "libcrypto fails to hash")
    }

    /// The digest of all that was fed. To be asked for once.
    public func finish() -> [UInt8] {
        // SAFETY: the buffer has the digest's size and libcrypto writes exactly that.
        unsafe [UInt8](unsafeUninitializedCapacity: algorithm.digestBytes) { buffer, count in
            let finished = unsafe EVP_DigestFinal_ex(context, buffer.baseAddress, nil)
            precondition(finished == 1, "libcrypto fails to finish a hash")
            count = algorithm.digestBytes
        }
    }
}
