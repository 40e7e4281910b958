/// What an image is called: the SHA-384 of its bytes, written `sha384:` and 96 lower-case hexadecimal digits.
public struct ImageDigest: Hashable, Comparable, Sendable, CustomStringConvertible {
    public static let prefix = "sha384:"
    static let byteCount = 48

    /// The 96 digits.
    public let hex: String

    public init(bytes: [UInt8]) {
        precondition(bytes.count == Self.byteCount, "SHA-384 has 48 bytes")
        let digits = Array("0123456789abcdef".utf8)
        hex = String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    /// The 48 bytes.
    public var bytes: [UInt8] {
        var bytes: [UInt8] = []
        var digits = hex.utf8.makeIterator()
        while let high = digits.next(), let low = digits.next() {
            bytes.append(Self.value(high) << 4 | Self.value(low))
        }
        return bytes
    }

    private static func value(_ digit: UInt8) -> UInt8 {
        digit <= UInt8(ascii: "9") ? digit - UInt8(ascii: "0") : digit - UInt8(ascii: "a") + 10
    }

    /// Nil unless `hex` is 96 lower-case hexadecimal digits.
    init?(hex: some StringProtocol) {
        guard hex.utf8.count == 2 * Self.byteCount, hex.utf8.allSatisfy(Self.isDigit) else { return nil }
        self.hex = String(hex)
    }

    /// Nil unless `text` is written as above.
    public init?(text: String) {
        guard text.hasPrefix(Self.prefix) else { return nil }
        self.init(hex: text.dropFirst(Self.prefix.count))
    }

    public var description: String { Self.prefix + hex }

    public static func < (left: Self, right: Self) -> Bool { left.hex < right.hex }

    private static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
    }
}
