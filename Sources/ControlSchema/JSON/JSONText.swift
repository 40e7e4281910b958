/// Checks that bytes are JSON exactly as RFC 8259 has it, before the decoder sees them.
///
/// The decoder takes more than that (a comma after the last element, broken numbers and strings that nobody asks for)
/// and keeps one of two members with the same name. Two readers that disagree about such a text can be played off
/// against each other; so nothing but JSON, each name once, is read at all.
struct JSONText {
    /// RFC 6901 tokens of the value at `position`.
    private var path: [String] = []
    private var reader: JSONByteReader
    private var duplicates = Findings()

    static func check(_ bytes: [UInt8]) throws(RequestError) {
        guard bytes.count <= RequestLimits.maximumBytes else { throw .tooLarge() }
        guard !bytes.starts(with: [0xef, 0xbb, 0xbf]), String(validating: bytes, as: UTF8.self) != nil else {
            throw .malformed("the body is not UTF-8 without a byte order mark")
        }
        var text = JSONText(reader: JSONByteReader(bytes))
        text.reader.skipSpace()
        try text.value(depth: 0)
        text.reader.skipSpace()
        guard text.reader.isAtEnd else { throw text.reader.failure }
        guard text.duplicates.isEmpty else { throw text.duplicates.failure }
    }

    private init(reader: JSONByteReader) { self.reader = reader }

    private mutating func value(depth: Int) throws(RequestError) {
        switch reader.next {
        case UInt8(ascii: "{"): try object(depth: depth + 1)
        case UInt8(ascii: "["): try array(depth: depth + 1)
        case UInt8(ascii: "\""): _ = try reader.string()
        case UInt8(ascii: "t"): try reader.word("true")
        case UInt8(ascii: "f"): try reader.word("false")
        case UInt8(ascii: "n"): try reader.word("null")
        default: try reader.number()
        }
    }

    private mutating func object(depth: Int) throws(RequestError) {
        try enter(depth)
        guard !reader.take("}") else { return }
        var names: Set<[UInt8]> = []
        repeat {
            reader.skipSpace()
            let name = try reader.string()
            path.append(pointerToken(String(decoding: name, as: UTF8.self)))
            if !names.insert(name).inserted { noteDuplicate() }
            reader.skipSpace()
            guard reader.take(":") else { throw reader.failure }
            reader.skipSpace()
            try value(depth: depth)
            path.removeLast()
            reader.skipSpace()
        } while reader.take(",")
        guard reader.take("}") else { throw reader.failure }
    }

    private mutating func array(depth: Int) throws(RequestError) {
        try enter(depth)
        guard !reader.take("]") else { return }
        var index = 0
        repeat {
            reader.skipSpace()
            path.append(String(index))
            try value(depth: depth)
            path.removeLast()
            index += 1
            reader.skipSpace()
        } while reader.take(",")
        guard reader.take("]") else { throw reader.failure }
    }

    private mutating func enter(_ depth: Int) throws(RequestError) {
        guard depth <= RequestLimits.maximumDepth else {
            throw .malformed("the body is nested deeper than \(RequestLimits.maximumDepth) levels")
        }
        reader.advance()
        reader.skipSpace()
    }

    private mutating func noteDuplicate() {
        guard !duplicates.isFull else { return }
        duplicates.add(.value, path.map { "/" + $0 }.joined(), "is given more than once")
    }
}
