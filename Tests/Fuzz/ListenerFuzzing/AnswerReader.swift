/// Reads a run of HTTP/1.1 answers strictly.
struct AnswerReader {
    struct Answer {
        var status: Int
        /// It says, in whichever way, that the connection ends with it.
        var isLast: Bool
        /// The problem says that nobody can know where the next request begins.
        var isRefusalOfFraming: Bool
    }

    enum Reading {
        case answer(Answer)
        /// A 100 that comes before an answer.
        case interim
        /// The connection ended inside it.
        case cutShort
        case malformed(String)
    }

    private let bytes: [UInt8]
    private var position = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    var isAtEnd: Bool { position == bytes.count }

    /// - Parameter toHead: whether the answer is to a HEAD, which has a length and no body; nil when that is not known.
    mutating func next(toHead: Bool?) -> Reading {
        guard let line = takeLine() else { return .cutShort }
        let parts = line.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0] == "HTTP/1.1", parts[1].utf8.count == 3, let status = Int(parts[1]) else {
            return .malformed("no status line: \(line.debugDescription)")
        }
        var fields: [(name: String, value: String)] = []
        while true {
            guard let line = takeLine() else { return .cutShort }
            if line.isEmpty { break }
            guard let colon = line.firstIndex(of: ":"), colon != line.startIndex else {
                return .malformed("no field: \(line.debugDescription)")
            }
            let value = line[line.index(after: colon)...].drop { $0 == " " }
            fields.append((line[..<colon].lowercased(), String(value)))
        }
        if status == 100 { return .interim }
        return readBody(status, fields, toHead)
    }

    private mutating func readBody(_ status: Int, _ fields: [(name: String, value: String)], _ toHead: Bool?) -> Reading
    {
        func all(_ name: String) -> [String] { fields.filter { $0.name == name }.map(\.value) }
        let isLast = all("connection").contains { $0.lowercased().contains("close") }
        // To a Content-Length that is no number or too large a one the library itself answers, and says its status and
        // fields twice.
        if all("content-type").isEmpty, status == 400 || status == 413, isLast { return libraryAnswer() }
        guard all("content-length").count + all("transfer-encoding").count == 1 || status == 304 else {
            return .malformed("an answer \(status) with other than one length: \(fields)")
        }
        let start = position
        if toHead != true, status != 304, status != 204 {
            guard let length = all("content-length").first.flatMap({ Int($0) }) else {
                return .malformed("an answer \(status) without length: \(fields)")
            }
            let isBodiless = toHead == nil && (isAtEnd || hasStatusLineNext)
            guard isBodiless || bytes.count - position >= length else {
                position = bytes.count
                return .cutShort
            }
            if !isBodiless { position += length }
        }
        let isFraming = status >= 400 && Self.framingCodes.contains { contains($0, in: bytes[start..<position]) }
        return .answer(Answer(status: status, isLast: isLast, isRefusalOfFraming: isFraming))
    }

    /// The codes with which the API words refusals of the request's form.
    private static let framingCodes = [
        "\"code\":\"malformed-request\"", "\"code\":\"uri-too-long\"", "\"code\":\"header-fields-too-large\"",
    ].map { [UInt8]($0.utf8) }

    private mutating func libraryAnswer() -> Reading {
        position = bytes.count
        return .answer(Answer(status: 400, isLast: true, isRefusalOfFraming: false))
    }

    private var hasStatusLineNext: Bool { bytes[position...].starts(with: "HTTP/1.1 ".utf8) }

    private func contains(_ needle: [UInt8], in haystack: ArraySlice<UInt8>) -> Bool {
        haystack.firstRange(of: needle) != nil
    }

    private mutating func takeLine() -> String? {
        guard let end = bytes[position...].firstIndex(of: UInt8(ascii: "\n")) else {
            position = bytes.count
            return nil
        }
        defer { position = end + 1 }
        let line = bytes[position..<end]
        return String(decoding: line.last == UInt8(ascii: "\r") ? line.dropLast() : line, as: UTF8.self)
    }
}
