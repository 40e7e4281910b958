internal import ControlSchema
internal import Logging

/// How a log record is written: one line each.
enum LogFormat: String, CaseIterable, Sendable {
    /// `time level message key=value ...`
    case text
    /// An object with `time`, `level`, `message` and, if there are facts, `metadata`.
    case json

    func line(at time: Timestamp, _ level: Logger.Level, _ message: String, _ metadata: Logger.Metadata) -> String {
        switch self {
        case .text: Self.textLine(time, level, message, metadata)
        case .json: Self.jsonLine(time, level, message, metadata)
        }
    }

    private static func textLine(
        _ time: Timestamp, _ level: Logger.Level, _ message: String, _ metadata: Logger.Metadata
    ) -> String {
        var line: [UInt8] = []
        line.reserveCapacity(lineBytes)
        time.append(to: &line)
        for text in [" ", level.rawValue, " ", escaped(message)] { line.append(contentsOf: text.utf8) }
        for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
            for text in [" ", key, "=", quoted(plain(value))] { line.append(contentsOf: text.utf8) }
        }
        line.append(UInt8(ascii: "\n"))
        return String(decoding: line, as: UTF8.self)
    }

    /// Members in order of their names, as everywhere in our JSON.
    private static func jsonLine(
        _ time: Timestamp, _ level: Logger.Level, _ message: String, _ metadata: Logger.Metadata
    ) -> String {
        var line: [UInt8] = []
        line.reserveCapacity(lineBytes)
        func append(_ texts: String...) { for text in texts { line.append(contentsOf: text.utf8) } }
        append(#"{"level":"#, jsonString(level.rawValue), #","message":"#, jsonString(message))
        var separator = #","metadata":{"#
        for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
            append(separator, jsonString(key), ":", jsonString(plain(value)))
            separator = ","
        }
        append(metadata.isEmpty ? #","time":""# : #"},"time":""#)
        time.append(to: &line)
        append("\"}\n")
        return String(decoding: line, as: UTF8.self)
    }

    /// Nearly all texts stand in JSON as they are; the encoder is asked about the others.
    private static func jsonString(_ text: String) -> String {
        let isPlain = text.utf8.allSatisfy {
            (0x20...0x7e).contains($0) && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\")
        }
        return isPlain ? "\"\(text)\"" : String(decoding: ControlJSON.encode(text), as: UTF8.self)
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
