internal import COpenSSL

/// The SHA-256 of a certificate's DER: the one name of exactly this certificate.
public struct Fingerprint: Hashable, Sendable, CustomStringConvertible {
    public let bytes: [UInt8]

    public static let bytesCount = 32

    /// Nil unless there are 32 bytes.
    public init?(bytes: [UInt8]) {
        guard bytes.count == Self.bytesCount else { return nil }
        self.bytes = bytes
    }

    /// Reads 64 hexadecimal digits; capitals, and colons as `openssl x509 -fingerprint` writes them, are allowed.
    public init?(hex: some StringProtocol) {
        guard let bytes = Hexadecimal.bytes(hex.utf8.filter { $0 != UInt8(ascii: ":") }) else { return nil }
        self.init(bytes: bytes)
    }

    /// 64 lower-case hexadecimal digits.
    public var description: String { Hexadecimal.text(bytes) }

    /// The fingerprint of these bytes.
    public init(of der: [UInt8]) {
        // SAFETY: the buffer has the digest's size, and libcrypto writes exactly that.
        bytes = unsafe [UInt8](unsafeUninitializedCapacity: Self.bytesCount) { buffer, count in
            let status = unsafe EVP_Digest(der, der.count, buffer.baseAddress, nil, EVP_sha256(), nil)
            ErrorQueue.expect(status, "SHA-256")
            count = Self.bytesCount
        }
    }
}
