internal import ControlSchema

/// What stands in a template's value where each body has one of its own.
///
/// Random, and never shown to anybody: nothing that a client writes can be taken for one.
struct Blank: Sendable {
    /// Nothing in it that JSON would escape.
    let text: String
    let time: Timestamp
    let number: UInt64

    /// By place: a value's open members are numbered in the order in which its mapping lists them.
    static let all: [Blank] = (0..<countMax).map { _ in
        Blank(
            text: "blank-" + String(UInt64.random(in: .min ... .max), radix: 36)
                + String(UInt64.random(in: .min ... .max), radix: 36),
            time: Timestamp(microseconds: .random(in: 0...Timestamp.latest.microseconds)),
            number: .random(in: 1 << 52..<1 << 53))
    }

    /// Open members of one value.
    static let countMax = 16

    /// As JSON has it, without quotation marks.
    func isWritten(as kind: Fact) -> [UInt8] {
        switch kind {
        case .text: Array(text.utf8)
        case .time: Array(time.description.utf8)
        case .number: Array(String(number).utf8)
        }
    }
}

/// What one body has in the place of a blank.
enum Fact: Sendable {
    /// Only what JSON need not escape: see ``isPlain(_:)``.
    case text(String)
    case time(Timestamp)
    case number(UInt64)

    /// Whether JSON writes a text as it is.
    static func isPlain(_ text: String) -> Bool {
        text.utf8.allSatisfy { (0x23...0x7e).contains($0) && $0 != UInt8(ascii: "\\") }
    }

    func append(to bytes: inout [UInt8]) {
        switch self {
        case .text(let text): bytes.append(contentsOf: text.utf8)
        case .time(let time): time.append(to: &bytes)
        case .number(let number): bytes.append(contentsOf: String(number).utf8)
        }
    }
}
