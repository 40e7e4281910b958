/// What an id names. An id is a prefix and 26 lower-case Crockford characters, so that it tells what it is of.
public enum IDKind: String, CaseIterable, Sendable {
    case td = "td-"
    case operation = "op-"
    case page = "pg-"
    case image = "img-"
    case seamcall = "sc-"
    case request = "req-"

    /// Characters after the prefix: 128 bits, five to a character, so that the first has three: 0 to 7.
    public static let characterCount = 26

    /// Crockford's base 32: no i, l, o or u, which are easily misread.
    public static let alphabet: [UInt8] = Array("0123456789abcdefghjkmnpqrstvwxyz".utf8)

    /// The id of what was only planned: all characters zero.
    public var nilID: String { rawValue + String(repeating: "0", count: Self.characterCount) }

    /// Whether `text` is an id of this kind.
    public func isID(_ text: String) -> Bool {
        let bytes = text.utf8
        return bytes.count == rawValue.utf8.count + Self.characterCount && bytes.starts(with: rawValue.utf8)
            && bytes.dropFirst(rawValue.utf8.count).allSatisfy { Self.alphabet.contains($0) }
            && bytes.dropFirst(rawValue.utf8.count).first.map { $0 < UInt8(ascii: "8") } == true
    }

    /// The id of 128 bits, most significant first: time-ordered if the upper bits are a time.
    public func id(high: UInt64, low: UInt64) -> String {
        var characters = [UInt8](repeating: 0, count: Self.characterCount)
        var (high, low) = (high, low)
        for index in characters.indices.reversed() {
            characters[index] = Self.alphabet[Int(low & 31)]
            low = low >> 5 | high << 59
            high >>= 5
        }
        return rawValue + String(decoding: characters, as: UTF8.self)
    }
}
