/// A 32-bit register of CPUID, written like a `HexValue` of at most eight digits.
public struct Hex32: RawRepresentable, Hashable, Sendable {
    public var rawValue: UInt32

    public init(rawValue: UInt32) { self.rawValue = rawValue }
    public init(_ rawValue: UInt32) { self.rawValue = rawValue }

    /// The value of `text`, or nil unless it is written exactly as the contract writes it.
    public init?(text: String) {
        guard let value = hexadecimalValue(of: text, digits: 1...8, padded: false) else { return nil }
        rawValue = UInt32(value)
    }
}

extension Hex32: CustomStringConvertible, ExpressibleByIntegerLiteral, Codable {
    public var description: String { "0x" + String(rawValue, radix: 16) }

    public init(integerLiteral value: UInt32) { rawValue = value }

    public init(from decoder: any Decoder) throws {
        self = try decodeText(from: decoder, "0x and 1 to 8 lower-case hexadecimal digits, unpadded", Self.init(text:))
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
