internal import COpenSSL

/// SHA-384 as a stream: a value, so that a copy forks the hash at the point it has reached.
///
/// A measurement can thus be predicted a step ahead of the real one and compared half way.
public struct SHA384: Sendable {
    /// Nil as long as nothing was fed: most hashes are made before they are needed.
    private var state: State?

    /// Bytes of a digest.
    public static let digestBytes = 48
    /// Bytes the compression function takes at once; what is fed in multiples of it is never buffered.
    public static let blockBytes = 128

    /// The hash of nothing so far.
    public init() {}

    /// Feeds bytes, in order.
    public mutating func update(_ bytes: RawSpan) {
        if !isKnownUniquelyReferenced(&state) { state = state.map { State(copying: $0) } ?? State() }
        state?.update(bytes)
    }

    /// Feeds bytes, in order.
    public mutating func update(_ bytes: [UInt8]) {
        // SAFETY: bytes have no padding, so all of the span's memory is initialised.
        unsafe update(bytes.span.bytes)
    }

    /// The digest of what was fed so far; feeding may go on afterwards.
    public func digest() -> SHA384Digest { (state.map { State(copying: $0) } ?? State()).finish() }

    /// The digest of `bytes`.
    public static func digest(of bytes: [UInt8]) -> SHA384Digest {
        var hash = SHA384()
        hash.update(bytes)
        return hash.digest()
    }
}

/// The 48 bytes of a SHA-384 digest.
public struct SHA384Digest: Hashable, Sendable {
    public let bytes: [UInt8]

    init(bytes: [UInt8]) { self.bytes = bytes }

    /// 96 lower-case hex digits.
    public var hex: String {
        let digits = Array("0123456789abcdef".utf8)
        return String(
            decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}

/// Owner of one EVP context. Changed only while uniquely referenced, so it may travel between threads.
@safe private final class State: @unchecked Sendable {
    private let context: OpaquePointer

    init() {
        // SAFETY: the context is made here, used by this object only and freed in deinit.
        guard let context = unsafe EVP_MD_CTX_new() else { preconditionFailure("no memory for a digest context") }
        unsafe self.context = context
        let started = unsafe EVP_DigestInit_ex2(context, Algorithm.sha384.pointer, nil)
        precondition(started == 1, "libcrypto refuses SHA-384")
    }

    init(copying other: State) {
        // SAFETY: both contexts are alive: ours from here to deinit, the other's while `other` is.
        guard let context = unsafe EVP_MD_CTX_new() else { preconditionFailure("no memory for a digest context") }
        unsafe self.context = context
        let copied = unsafe EVP_MD_CTX_copy_ex(context, other.context)
        precondition(copied == 1, "libcrypto cannot copy a SHA-384 context")
    }

    deinit {
        // SAFETY: made in init and not freed before.
        unsafe EVP_MD_CTX_free(context)
    }

    func update(_ bytes: RawSpan) {
        // SAFETY: the span's memory outlives the call, which only reads it.
        let fed = unsafe bytes.withUnsafeBytes { unsafe EVP_DigestUpdate(context, $0.baseAddress, $0.count) }
        precondition(fed == 1, "libcrypto fails to hash")
    }

    func finish() -> SHA384Digest {
        // SAFETY: the buffer has the digest's size and libcrypto writes exactly that.
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: SHA384.digestBytes) { buffer, count in
            let finished = unsafe EVP_DigestFinal_ex(context, buffer.baseAddress, nil)
            precondition(finished == 1, "libcrypto fails to finish a hash")
            count = SHA384.digestBytes
        }
        return SHA384Digest(bytes: bytes)
    }
}

/// The algorithm looked up once: a lookup by name costs more than a short hash.
@safe private final class Algorithm: @unchecked Sendable {
    static let sha384 = Algorithm()

    let pointer: OpaquePointer

    private init() {
        // SAFETY: the object returned is reference counted by libcrypto and ours for the process's life.
        guard let pointer = unsafe EVP_MD_fetch(nil, "SHA384", nil) else {
            preconditionFailure("libcrypto has no SHA-384")
        }
        unsafe self.pointer = pointer
    }
}
