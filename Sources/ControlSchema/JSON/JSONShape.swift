internal import FoundationEssentials

/// What the decoder does not refuse by itself: too much nesting, names given twice, other encodings than UTF-8.
///
/// It looks at brackets, strings and colons only; whether the text is JSON at all is the decoder's to say.
struct JSONShape {
    /// One open object or array: where it stands, and the names seen or the elements counted.
    private struct Frame {
        var names: Set<String>?
        var name = ""
        var index = 0
        var expectsName: Bool
    }

    private let bytes: [UInt8]
    private var position = 0
    private var frames: [Frame] = []
    private var duplicates: [Violation] = []

    static func check(_ bytes: [UInt8]) throws(RequestError) {
        guard bytes.count <= RequestLimits.maximumBytes else { throw .tooLarge() }
        // The decoder would guess UTF-16 and UTF-32 from zero bytes; RFC 8259 allows UTF-8 alone.
        guard !bytes.contains(0), !bytes.starts(with: [0xef, 0xbb, 0xbf]),
            String(validating: bytes, as: UTF8.self) != nil
        else { throw .malformed("the body is not UTF-8 without a byte order mark") }
        var shape = JSONShape(bytes: bytes)
        try shape.walk()
        guard shape.duplicates.isEmpty else { throw .invalid(shape.duplicates, unknownMembersOnly: false) }
    }

    private init(bytes: [UInt8]) { self.bytes = bytes }

    private mutating func walk() throws(RequestError) {
        while position < bytes.count {
            let byte = bytes[position]
            switch byte {
            case UInt8(ascii: "{"): try open(Frame(names: [], expectsName: true))
            case UInt8(ascii: "["): try open(Frame(names: nil, expectsName: false))
            case UInt8(ascii: "}"), UInt8(ascii: "]"): _ = frames.popLast()
            case UInt8(ascii: ","): nextElement()
            case UInt8(ascii: "\""):
                string()
                continue
            default: break
            }
            position += 1
        }
    }

    private mutating func open(_ frame: Frame) throws(RequestError) {
        guard frames.count < RequestLimits.maximumDepth else {
            throw .malformed("the body is nested deeper than \(RequestLimits.maximumDepth) levels")
        }
        frames.append(frame)
    }

    private mutating func nextElement() {
        guard var frame = frames.popLast() else { return }
        frame.index += 1
        frame.expectsName = frame.names != nil
        frames.append(frame)
    }

    /// Passes over a string; if it is a name, remembers it.
    private mutating func string() {
        let start = position
        position += 1
        while position < bytes.count, bytes[position] != UInt8(ascii: "\"") {
            position += bytes[position] == UInt8(ascii: "\\") ? 2 : 1
        }
        position = min(position + 1, bytes.count)
        guard let last = frames.indices.last, frames[last].expectsName else { return }
        let name = text(of: bytes[start..<position])
        frames[last].expectsName = false
        frames[last].name = name
        guard frames[last].names?.insert(name).inserted == false else { return }
        duplicates.append(Violation(pointer: pointerToFrames(), reason: "is given more than once"))
    }

    private func text(of literal: ArraySlice<UInt8>) -> String {
        // A broken escape is the decoder's to refuse later; until then any text will do.
        if literal.contains(UInt8(ascii: "\\")), let name = try? JSONDecoder().decode(String.self, from: Data(literal))
        {
            return name
        }
        return String(decoding: literal.dropFirst().dropLast(), as: UTF8.self)
    }

    private func pointerToFrames() -> String {
        var text = ""
        for frame in frames { text += "/" + (frame.names == nil ? String(frame.index) : pointerToken(frame.name)) }
        return text
    }
}
