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

        fileprivate init?(_ prefix: Span<UInt8>) {
            guard let kind = Self.prefixes.first(where: { $0.isSame(prefix) })?.kind else { return nil }
            self = kind
        }

        private struct Prefix: Sendable {
            let kind: Kind
            let bytes: [UInt8]

            func isSame(_ other: Span<UInt8>) -> Bool {
                bytes.count == other.count && bytes.indices.allSatisfy { bytes[$0] == other[$0] }
            }
        }

        private static let prefixes = allCases.map { Prefix(kind: $0, bytes: Array($0.rawValue.utf8)) }
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
        let bytes = text.utf8.span
        let dash = bytes.count - Self.digitCount - 1
        guard dash > 0, bytes[dash] == UInt8(ascii: "-"), let kind = Kind(bytes.extracting(..<dash)) else { return nil }
        var (high, low) = (UInt64(0), UInt64(0))
        for place in (dash + 1)..<bytes.count {
            let digit = Self.digits[Int(bytes[place])]
            // 26 digits have room for 130 bits; what does not fit into 128 is no id.
            guard digit != Self.noDigit, high >> 59 == 0 else { return nil }
            (high, low) = (high << 5 | low >> 59, low << 5 | UInt64(digit))
        }
        self.init(kind, UInt128(high) << 64 | UInt128(low))
    }

    public var description: String {
        let prefix = kind.rawValue.utf8
        let count = prefix.count + 1 + Self.digitCount
        // SAFETY: the buffer has room for `count` bytes, and each of them is written: prefix, dash, digits.
        return unsafe String(unsafeUninitializedCapacity: count) { buffer in
            var place = unsafe buffer.update(fromContentsOf: prefix)
            unsafe buffer[place] = UInt8(ascii: "-")
            place = count
            // Two words at a time, since shifting 128 bits by five is dear.
            var (high, low) = (UInt64(truncatingIfNeeded: value >> 64), UInt64(truncatingIfNeeded: value))
            for _ in 0..<Self.digitCount {
                place -= 1
                unsafe buffer[place] = Self.alphabet[Int(low & 31)]
                low = low >> 5 | high << 59
                high >>= 5
            }
            return count
        }
    }

    /// The low half tells any two of ours apart.
    public func hash(into hasher: inout Hasher) { hasher.combine(UInt64(truncatingIfNeeded: value)) }

    /// What a character stands for, or `noDigit`.
    private static let digits: [UInt8] = {
        var digits = [UInt8](repeating: noDigit, count: 256)
        for (digit, character) in alphabet.enumerated() { digits[Int(character)] = UInt8(digit) }
        return digits
    }()
    private static let noDigit: UInt8 = 0xff

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

    /// The first of so many that count up one by one.
    func next(_ kind: ResourceID.Kind, count: Int) -> ResourceID {
        let first = next(kind)
        let isOurs = last.withLock { last in
            guard last == first.value else { return false }
            last += UInt128(count - 1)
            return true
        }
        // Somebody came between: the run begins after his.
        return isOurs ? first : next(kind, count: count)
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
