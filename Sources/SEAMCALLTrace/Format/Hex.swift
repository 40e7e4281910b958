/// A number that recordings write as `0x1f`: lower case, unpadded.
public struct Hex: RawRepresentable, Hashable, Sendable, Codable {
    public var rawValue: UInt64

    public init(rawValue: UInt64) { self.rawValue = rawValue }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let value = Hex.parse(text) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "not a number in hex: \(text)")
        }
        rawValue = value
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }

    static func parse(_ text: String) -> UInt64? {
        text.hasPrefix("0x") ? UInt64(text.dropFirst(2), radix: 16) : nil
    }
}

extension Hex: CustomStringConvertible {
    public var description: String { "0x" + String(rawValue, radix: 16) }
}

/// A completion as recordings write it: 16 digits.
public struct HexCompletion: RawRepresentable, Hashable, Sendable, Codable {
    public var rawValue: UInt64

    public init(rawValue: UInt64) { self.rawValue = rawValue }

    public init(from decoder: any Decoder) throws { rawValue = try Hex(from: decoder).rawValue }

    public func encode(to encoder: any Encoder) throws {
        let digits = String(rawValue, radix: 16)
        var container = encoder.singleValueContainer()
        try container.encode("0x" + String(repeating: "0", count: 16 - digits.count) + digits)
    }
}

/// Bytes that recordings write as pairs of hex digits.
enum HexBytes {
    static func parse(_ text: String) -> [UInt8]? {
        let digits = Array(text.utf8)
        guard digits.count.isMultiple(of: 2) else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(digits.count / 2)
        for index in stride(from: 0, to: digits.count, by: 2) {
            guard let high = nibble(digits[index]), let low = nibble(digits[index + 1]) else { return nil }
            bytes.append(high << 4 | low)
        }
        return bytes
    }

    static func text(_ bytes: some Sequence<UInt8>) -> String {
        var text: [UInt8] = []
        text.reserveCapacity(2 * bytes.underestimatedCount)
        for byte in bytes {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }

    private static let digits = Array("0123456789abcdef".utf8)

    /// The digits without the zeroes at the end, and the whole length if there were any.
    static func trimmed(_ bytes: some BidirectionalCollection<UInt8>) -> (hex: String, length: Int?) {
        guard let last = bytes.lastIndex(where: { $0 != 0 }) else { return ("", bytes.isEmpty ? nil : bytes.count) }
        let content = bytes[...last]
        return (text(content), content.count == bytes.count ? nil : bytes.count)
    }

    private static func nibble(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
