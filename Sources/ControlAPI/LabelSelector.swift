internal import ControlSchema

/// Kubernetes' label-selector grammar: `team=payments,pool in (a,b),!legacy`.
///
/// - Source: Kubernetes documentation, "Labels and Selectors".
struct LabelSelector: Sendable {
    enum Requirement: Hashable, Sendable {
        case equals(String, String)
        case differs(String, String)
        case oneOf(String, Set<String>)
        case noneOf(String, Set<String>)
        case exists(String)
        case absent(String)
    }

    let requirements: [Requirement]

    /// Bytes of a selector, and requirements in it.
    static let bytesMax = 1_024
    static let requirementsMax = 32

    struct Malformed: Error {
        let reason: String
    }

    /// The empty selector selects everything.
    init(_ text: String) throws(Malformed) {
        guard text.utf8.count <= Self.bytesMax else { throw Malformed(reason: "is longer than \(Self.bytesMax) bytes") }
        var parser = Parser(rest: Array(text.utf8)[...])
        requirements = try parser.selector()
    }

    func matches(_ labels: [String: String]) -> Bool {
        requirements.allSatisfy { requirement in
            switch requirement {
            case .equals(let key, let value): labels[key] == value
            // As Kubernetes has it, a label that is not there differs from every value.
            case .differs(let key, let value): labels[key] != value
            case .oneOf(let key, let values): labels[key].map(values.contains) ?? false
            case .noneOf(let key, let values): !(labels[key].map(values.contains) ?? false)
            case .exists(let key): labels[key] != nil
            case .absent(let key): labels[key] == nil
            }
        }
    }

    private struct Parser {
        var rest: ArraySlice<UInt8>

        mutating func selector() throws(Malformed) -> [Requirement] {
            var requirements: [Requirement] = []
            skipSpace()
            if rest.isEmpty { return [] }
            while true {
                requirements.append(try requirement())
                guard requirements.count <= LabelSelector.requirementsMax else {
                    throw Malformed(reason: "has more than \(LabelSelector.requirementsMax) requirements")
                }
                skipSpace()
                if rest.isEmpty { return requirements }
                try expect(",")
            }
        }

        private mutating func requirement() throws(Malformed) -> Requirement {
            if takeAfterSpace("!") { return .absent(try key()) }
            let key = try key()
            if takeAfterSpace("!") {
                guard take("=") else { throw Malformed(reason: "has a '!' where '!=' belongs") }
                return .differs(key, try value())
            }
            if take("=") {
                _ = take("=")
                return .equals(key, try value())
            }
            guard let next = rest.first, next != UInt8(ascii: ",") else { return .exists(key) }
            switch word() {
            case "in": return .oneOf(key, try set())
            case "notin": return .noneOf(key, try set())
            case let other:
                let found = other.isEmpty ? "something else" : "'\(other)'"
                throw Malformed(reason: "has \(found) after '\(key)', where =, !=, in, notin or a comma belongs")
            }
        }

        private mutating func set() throws(Malformed) -> Set<String> {
            try expect("(")
            var values: Set<String> = []
            repeat { values.insert(try value()) } while takeAfterSpace(",")
            try expect(")")
            return values
        }

        private mutating func key() throws(Malformed) -> String {
            let key = word()
            if key.isEmpty { throw Malformed(reason: "lacks a key") }
            if let reason = LabelSyntax.violation(inKey: key) { throw Malformed(reason: "has '\(key)': \(reason)") }
            return key
        }

        /// A value may be empty.
        private mutating func value() throws(Malformed) -> String {
            let value = word()
            if let reason = LabelSyntax.violation(inValue: value) {
                throw Malformed(reason: "has '\(value)': \(reason)")
            }
            return value
        }

        private mutating func word() -> String {
            skipSpace()
            let end = rest.firstIndex { !Self.isWordByte($0) } ?? rest.endIndex
            defer { rest = rest[end...] }
            return String(decoding: rest[..<end], as: UTF8.self)
        }

        private static func isWordByte(_ byte: UInt8) -> Bool {
            switch byte {
            case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: true
            case UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "/"): true
            default: false
            }
        }

        private mutating func skipSpace() {
            while let byte = rest.first, byte == 0x20 || (0x09...0x0d).contains(byte) { rest.removeFirst() }
        }

        private mutating func take(_ character: Unicode.Scalar) -> Bool {
            guard rest.first == UInt8(ascii: character) else { return false }
            rest.removeFirst()
            return true
        }

        private mutating func takeAfterSpace(_ character: Unicode.Scalar) -> Bool {
            skipSpace()
            return take(character)
        }

        private mutating func expect(_ character: Unicode.Scalar) throws(Malformed) {
            if !takeAfterSpace(character) { throw Malformed(reason: "lacks '\(character)'") }
        }
    }
}
