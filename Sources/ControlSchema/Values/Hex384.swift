/// 48 bytes, the size of a SHA-384 digest and of the MR* ids, written as 96 lower-case hexadecimal digits.
public struct Hex384: Hashable, Sendable {
    public static let byteCount = 48
    public static let zero = Hex384(unchecked: [UInt8](repeating: 0, count: byteCount))

    /// Exactly `byteCount` bytes, in the order in which they are written.
    public let bytes: [UInt8]

    private init(unchecked bytes: [UInt8]) { self.bytes = bytes }

    /// Nil unless there are exactly `byteCount` bytes.
    public init?(bytes: [UInt8]) {
        guard bytes.count == Self.byteCount else { return nil }
        self.bytes = bytes
    }

    /// Nil unless `text` is exactly 96 lower-case hexadecimal digits.
    public init?(text: String) {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Self.byteCount)
        var high: UInt8?
        for byte in text.utf8 {
            guard bytes.count < Self.byteCount, let digit = hexadecimalDigit(byte) else { return nil }
            if let first = high {
                bytes.append(first << 4 | digit)
                high = nil
            } else {
                high = digit
            }
        }
        guard high == nil, bytes.count == Self.byteCount else { return nil }
        self.bytes = bytes
    }
}

extension Hex384: CustomStringConvertible, Codable {
    public var description: String {
        let digits: [UInt8] = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        text.reserveCapacity(2 * Self.byteCount)
        for byte in bytes {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }

    public init(from decoder: any Decoder) throws {
        self = try decodeText(from: decoder, "96 lower-case hexadecimal digits", Self.init(text:))
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
