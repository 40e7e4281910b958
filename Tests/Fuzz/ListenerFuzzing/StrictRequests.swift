/// Takes requests from bytes as long as they are beyond reproach: a second opinion on where each begins and ends.
///
/// Whatever is unusual, though it may be served, ends what this knows.
struct StrictRequests {
    struct Request {
        var line: String
        var isHead: Bool
    }

    private var rest: ArraySlice<UInt8>
    private var pending: Request?
    /// Something unusual has come: nothing is known of what follows.
    private var isLost = false

    init(_ bytes: [UInt8]) { rest = bytes[...] }

    /// Everything was understood, and there is nothing more.
    var isExhausted: Bool { !isLost && pending == nil && rest.isEmpty }

    /// Whether an answer to something not understood is one to HEAD: nil when it may be.
    var isHeadPerhaps: Bool? {
        String(decoding: rest, as: UTF8.self).lowercased().contains("head ") ? nil : false
    }

    mutating func putBack(_ request: Request?) { pending = request }

    mutating func next() -> Request? {
        if let request = pending {
            pending = nil
            return request
        }
        guard !isLost, !rest.isEmpty else { return nil }
        guard let request = take() else {
            isLost = true
            return nil
        }
        return request
    }

    private mutating func take() -> Request? {
        guard let end = rest.firstRange(of: Array("\r\n\r\n".utf8)), end.upperBound - rest.startIndex < Self.headMax
        else { return nil }
        let head = rest[..<end.lowerBound]
        guard head.allSatisfy({ (0x20...0x7E).contains($0) || $0 == 0x0D || $0 == 0x0A }) else { return nil }
        let lines = String(decoding: head, as: UTF8.self).split(separator: "\r\n", omittingEmptySubsequences: false)
        guard let line = lines.first, lines.allSatisfy({ !$0.utf8.contains(0x0D) && !$0.utf8.contains(0x0A) }),
            lines.count < Self.fieldsMax
        else { return nil }
        let parts = line.split(separator: " ", omittingEmptySubsequences: false)
        guard parts.count == 3, ["GET", "HEAD", "POST", "PATCH", "DELETE"].contains(parts[0]), parts[2] == "HTTP/1.1",
            parts[1].hasPrefix("/"), parts[1].utf8.allSatisfy(Self.isPlain)
        else { return nil }
        guard let length = Self.bodyBytes(lines.dropFirst()), rest.endIndex - end.upperBound >= length else {
            return nil
        }
        rest = rest[(end.upperBound + length)...]
        return Request(line: String(line), isHead: parts[0] == "HEAD")
    }

    /// The body's length; nil when a field is not as plain as can be.
    private static func bodyBytes(_ lines: ArraySlice<Substring>) -> Int? {
        var hosts = 0
        var lengths: [Int] = []
        for line in lines {
            guard let colon = line.utf8.firstIndex(of: UInt8(ascii: ":")), colon != line.startIndex,
                line[..<colon].utf8.allSatisfy(isPlain)
            else { return nil }
            let value = line[line.utf8.index(after: colon)...]
            switch line[..<colon].lowercased() {
            case "host":
                hosts += 1
                guard value == " t" else { return nil }
            case "content-length":
                let digits = value.dropFirst()
                guard value.hasPrefix(" "), digits.utf8.count < 6,
                    digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
                    let length = Int(digits)
                else { return nil }
                lengths.append(length)
            case "transfer-encoding", "connection", "expect", "upgrade": return nil
            default: break
            }
        }
        guard hosts == 1, lengths.count <= 1 else { return nil }
        return lengths.first ?? 0
    }

    private static let headMax = 4_000
    private static let fieldsMax = 60

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "/"), UInt8(ascii: "_"):
            true
        default: false
        }
    }
}
