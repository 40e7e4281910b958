internal import COpenSSL

/// A certificate's number at its issuer.
public struct SerialNumber: Hashable, Sendable, CustomStringConvertible {
    /// Big-endian, without leading zeroes. RFC 5280 forbids negative numbers and ones above 20 bytes.
    public let bytes: [UInt8]

    /// Nil when `bytes` are more than 20 or all zero.
    public init?(bytes: some Sequence<UInt8>) {
        let significant = Array(bytes.drop { $0 == 0 })
        guard (1...CertificateLimits.serialBytesMax).contains(significant.count) else { return nil }
        self.bytes = significant
    }

    /// Reads what `description` writes; capitals, colons and a missing first zero are allowed.
    public init?(hex: some StringProtocol) {
        var digits = hex.utf8.filter { $0 != UInt8(ascii: ":") }
        if digits.count % 2 == 1 { digits.insert(UInt8(ascii: "0"), at: 0) }
        guard let bytes = Hexadecimal.bytes(digits) else { return nil }
        self.init(bytes: bytes)
    }

    /// Lower-case hexadecimal, two digits a byte.
    public var description: String { Hexadecimal.text(bytes) }

    /// Bytes of the random numbers that `random` gives.
    public static let randomBytes = 16

    /// 128 random bits: nobody can guess the next, nor will one come twice.
    public static func random() -> SerialNumber {
        while true {
            if let serial = SerialNumber(bytes: RandomBytes.take(randomBytes)) { return serial }
        }
    }

    init(_ integer: UnsafePointer<ASN1_INTEGER>?) throws(CertificateError.Reason) {
        // SAFETY: the integer belongs to an object that the caller keeps alive.
        guard let integer = unsafe integer else { throw .invalid("no serial number") }
        guard unsafe integer.pointee.type & V_ASN1_NEG == 0 else { throw .invalid("negative serial number") }
        guard let serial = SerialNumber(bytes: unsafe ByteString.copy(integer)) else {
            throw .invalid("serial number of no or more than \(CertificateLimits.serialBytesMax) bytes")
        }
        self = serial
    }

    /// Runs `body` with the number as libcrypto holds it.
    func withInteger<Result>(_ body: (UnsafeMutablePointer<ASN1_INTEGER>) -> Result) -> Result {
        // SAFETY: both objects are made and freed here; libcrypto copies what it keeps.
        let number = unsafe Owned(BN_bin2bn(bytes, Int32(bytes.count), nil)) { unsafe BN_free($0) }
        guard let integer = unsafe BN_to_ASN1_INTEGER(number.pointer, nil) else {
            preconditionFailure("libcrypto has no memory")
        }
        defer { unsafe ASN1_INTEGER_free(integer) }
        return unsafe body(integer)
    }
}
