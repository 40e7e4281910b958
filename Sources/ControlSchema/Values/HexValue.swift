/// A 64-bit quantity that the contract writes as a string: addresses, registers, bit masks, field ids.
///
/// JSON has no 64-bit integers that every reader keeps, so such values are `"0x"` and lower-case hexadecimal
/// digits without leading zeros, `"0x0"` for zero.
public struct HexValue: RawRepresentable, Hashable, Sendable {
    public var rawValue: UInt64

    public init(rawValue: UInt64) { self.rawValue = rawValue }
    public init(_ rawValue: UInt64) { self.rawValue = rawValue }

    /// The value of `text`, or nil unless it is written exactly as the contract writes it.
    public init?(text: String) {
        guard let value = hexadecimalValue(of: text, digits: 1...16, padded: false) else { return nil }
        rawValue = value
    }
}

extension HexValue: CustomStringConvertible, ExpressibleByIntegerLiteral, Codable {
    public var description: String { "0x" + String(rawValue, radix: 16) }

    public init(integerLiteral value: UInt64) { rawValue = value }

    public init(from decoder: any Decoder) throws {
        self = try decodeText(from: decoder, "0x and 1 to 16 lower-case hexadecimal digits, unpadded", Self.init(text:))
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
