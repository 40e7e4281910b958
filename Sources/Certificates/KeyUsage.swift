/// What a certificate's key may be used for.
public struct KeyUsage: OptionSet, Hashable, Sendable {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    // The numbers are libcrypto's: the first byte of the BIT STRING, then the ninth bit.
    public static let digitalSignature = KeyUsage(rawValue: 0x80)
    public static let keyEncipherment = KeyUsage(rawValue: 0x20)
    public static let keyAgreement = KeyUsage(rawValue: 0x08)
    public static let keyCertSign = KeyUsage(rawValue: 0x04)
    public static let crlSign = KeyUsage(rawValue: 0x02)
}

/// An extended key usage: an object identifier, of which some have names here.
public struct Purpose: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    /// Dotted decimal.
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }

    public static let serverAuth = Purpose(rawValue: "1.3.6.1.5.5.7.3.1")
    public static let clientAuth = Purpose(rawValue: "1.3.6.1.5.5.7.3.2")
    public static let any = Purpose(rawValue: "2.5.29.37.0")

    public var description: String {
        switch self {
        case .serverAuth: "serverAuth"
        case .clientAuth: "clientAuth"
        case .any: "anyExtendedKeyUsage"
        default: rawValue
        }
    }
}
