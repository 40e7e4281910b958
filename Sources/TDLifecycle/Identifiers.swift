internal import Threading

/// A resource's identifier: a prefix that says what it is, and 26 characters that sort by time.
public struct ResourceID: Hashable, Comparable, Sendable, CustomStringConvertible {
    public enum Kind: String, CaseIterable, Sendable {
        case td = "td"
        case operation = "op"
        case page = "pg"
        case image = "img"
        case seamcall = "sc"
        case request = "req"
    }

    public let kind: Kind
    /// Milliseconds since 1970 in the top 48 bits, the rest random and growing within a millisecond.
    public let value: UInt128

    public init(_ kind: Kind, _ value: UInt128) {
        self.kind = kind
        self.value = value
    }

    /// Nil unless the text is exactly what ``description`` gives for some id.
    public init?(_ text: String) {
        guard let dash = text.utf8.firstIndex(of: UInt8(ascii: "-")),
            let kind = Kind(rawValue: String(text[..<dash]))
        else { return nil }
        let digits = text.utf8[text.utf8.index(after: dash)...]
        guard digits.count == Self.digitCount else { return nil }
        var value: UInt128 = 0
        for (place, character) in digits.enumerated() {
            guard let digit = Self.alphabet.firstIndex(of: character), place > 0 || digit < 8 else { return nil }
            value = value << 5 | UInt128(digit)
        }
        self.init(kind, value)
    }

    public var description: String {
        var digits = [UInt8](repeating: 0, count: Self.digitCount)
        var rest = value
        for place in digits.indices.reversed() {
            digits[place] = Self.alphabet[Int(rest & 31)]
            rest >>= 5
        }
        return kind.rawValue + "-" + String(decoding: digits, as: UTF8.self)
    }

    public static func < (left: Self, right: Self) -> Bool { left.value < right.value }

    /// Whether a text begins as an id does; such names are refused, so that `/tds/{id or name}` is not ambiguous.
    public static func looksLikeID(_ text: String) -> Bool {
        Kind.allCases.contains { text.hasPrefix($0.rawValue + "-") }
    }

    private static let digitCount = 26
    /// Crockford's base 32 in lower case.
    private static let alphabet = Array("0123456789abcdefghjkmnpqrstvwxyz".utf8)
}

/// Makes identifiers that are unique and ascend in the order they were made.
final class IdentifierSource: Sendable {
    private let clock: any WallClock
    private let random: any RandomSource
    private let last = Locked<UInt128>(0)

    init(clock: any WallClock, random: any RandomSource) {
        self.clock = clock
        self.random = random
    }

    func next(_ kind: ResourceID.Kind) -> ResourceID {
        let milliseconds = UInt128(clock.now.nanosecondsSince1970 / 1_000_000)
        return ResourceID(
            kind,
            last.withLock { last in
                // Within one millisecond, or when the clock steps back, count on: order matters more than chance.
                if milliseconds > last >> 80 {
                    last = milliseconds << 80 | UInt128(random.next()) << 16 | UInt128(random.next() & 0xffff)
                } else {
                    last += 1
                }
                return last
            })
    }
}
