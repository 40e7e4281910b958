internal import ControlSchema
internal import Logging

/// How a log record is written: one line each.
enum LogFormat: String, CaseIterable, Sendable {
    /// `time level message key=value ...`
    case text
    /// An object with `time`, `level`, `message` and, if there are facts, `metadata`.
    case json

    /// In UTF-8, its newline included.
    func line(at time: Timestamp, _ level: Logger.Level, _ message: String, _ metadata: Logger.Metadata) -> [UInt8] {
        var line: [UInt8] = []
        line.reserveCapacity(Self.lineBytes)
        switch self {
        case .text: Self.appendText(time, level, message, metadata, to: &line)
        case .json: Self.appendJSON(time, level, message, metadata, to: &line)
        }
        line.append(UInt8(ascii: "\n"))
        return line
    }

    private static func appendText(
        _ time: Timestamp, _ level: Logger.Level, _ message: String, _ metadata: Logger.Metadata,
        to line: inout [UInt8]
    ) {
        time.append(to: &line)
        for text in [" ", level.rawValue, " ", escaped(message)] { line.append(contentsOf: text.utf8) }
        for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
            for text in [" ", key, "=", quoted(plain(value))] { line.append(contentsOf: text.utf8) }
        }
    }

    /// Members in order of their names, as everywhere in our JSON.
    private static func appendJSON(
        _ time: Timestamp, _ level: Logger.Level, _ message: String, _ metadata: Logger.Metadata,
        to line: inout [UInt8]
    ) {
        line.append(contentsOf: #"{"level":"#.utf8)
        appendJSONString(level.rawValue, to: &line)
        line.append(contentsOf: #","message":"#.utf8)
        appendJSONString(message, to: &line)
        line.append(contentsOf: (metadata.isEmpty ? #","# : #","metadata":{"#).utf8)
        var isFirst = true
        for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
            if !isFirst { line.append(UInt8(ascii: ",")) }
            isFirst = false
            appendJSONString(key, to: &line)
            line.append(UInt8(ascii: ":"))
            appendJSONString(plain(value), to: &line)
        }
        line.append(contentsOf: (metadata.isEmpty ? #""time":""# : #"},"time":""#).utf8)
        time.append(to: &line)
        line.append(contentsOf: "\"}".utf8)
    }

    /// Nearly all texts stand in JSON as they are; the encoder is asked about the others.
    private static func appendJSONString(_ text: String, to line: inout [UInt8]) {
        let start = line.count
        line.append(UInt8(ascii: "\""))
        line.append(contentsOf: text.utf8)
        let isPlain = line[(start + 1)...].allSatisfy {
            (0x20...0x7e).contains($0) && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\")
        }
        if isPlain {
            line.append(UInt8(ascii: "\""))
        } else {
            line.removeSubrange(start...)
            line.append(contentsOf: ControlJSON.encode(text))
        }
    }

    /// What most lines need.
    private static let lineBytes = 256

    private static func plain(_ value: Logger.MetadataValue) -> String {
        if case .string(let text) = value { text } else { value.description }
    }

    /// What stands after `key=`: bare if nothing in it could be mistaken for something else.
    private static func quoted(_ text: String) -> String {
        let isBare =
            !text.isEmpty
            && text.utf8.allSatisfy {
                (0x21...0x7e).contains($0) && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "=")
                    && $0 != UInt8(ascii: "\\")
            }
        return isBare ? text : "\"" + escaped(text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")) + "\""
    }

    /// Without anything that ends a line or moves a terminal's cursor.
    private static func escaped(_ text: String) -> String {
        if text.utf8.allSatisfy({ (0x20...0x7e).contains($0) }) { return text }
        var escaped = ""
        for scalar in text.unicodeScalars {
            if scalar.value < 0x20 || (0x7f...0x9f).contains(scalar.value) {
                escaped += "\\u{" + String(scalar.value, radix: 16) + "}"
            } else {
                escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}
