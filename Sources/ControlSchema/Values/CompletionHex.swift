/// RAX as a leaf returned it: `"0x"` and always sixteen lower-case digits, so that class and name line up.
public struct CompletionHex: RawRepresentable, Hashable, Sendable {
    public var rawValue: UInt64

    public init(rawValue: UInt64) { self.rawValue = rawValue }
    public init(_ rawValue: UInt64) { self.rawValue = rawValue }

    /// The value of `text`, or nil unless it is written exactly as the contract writes it.
    public init?(text: String) {
        guard let value = hexadecimalValue(of: text, digits: 16...16, padded: true) else { return nil }
        rawValue = value
    }
}

extension CompletionHex: CustomStringConvertible, ExpressibleByIntegerLiteral, Codable {
    public var description: String {
        let digits = String(rawValue, radix: 16)
        return "0x" + String(repeating: "0", count: 16 - digits.utf8.count) + digits
    }

    public init(integerLiteral value: UInt64) { rawValue = value }

    public init(from decoder: any Decoder) throws {
        self = try decodeText(from: decoder, "0x and 16 lower-case hexadecimal digits", Self.init(text:))
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
