/// The kind of a public key, and its size where that varies.
public enum PublicKeyKind: Hashable, Sendable, CustomStringConvertible {
    case p256, p384, p521
    case rsa(bits: Int)
    case ed25519, ed448
    /// Another kind, or another curve: its name.
    case other(String)

    public var description: String {
        switch self {
        case .p256: "P-256"
        case .p384: "P-384"
        case .p521: "P-521"
        case .rsa(let bits): "RSA-\(bits)"
        case .ed25519: "Ed25519"
        case .ed448: "Ed448"
        case .other(let name): name
        }
    }

    /// Bits of an RSA modulus: fewer can be factored, more cost a handshake too much.
    public static let rsaBits = 2048...8192

    /// Whether we rely on such a key.
    public var isAccepted: Bool {
        switch self {
        case .p256, .p384, .p521, .ed25519, .ed448: true
        case .rsa(let bits): Self.rsaBits.contains(bits)
        case .other: false
        }
    }
}

/// How something is signed.
public struct SignatureKind: Hashable, Sendable, CustomStringConvertible {
    /// `ecdsa-with-SHA256`, `sha256WithRSAEncryption`, `ED25519`, ...
    public let name: String
    /// Whether we rely on such a signature: RSA or ECDSA with SHA-256 or more, or EdDSA.
    public let isAccepted: Bool

    public var description: String { name }
}
