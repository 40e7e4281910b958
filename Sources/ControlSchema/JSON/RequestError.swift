/// Why a request body was refused.
///
/// A body that is no JSON has no violations: its `detail` names the byte at which it stops being JSON.
public struct RequestError: Error, Hashable, Sendable {
    /// What kind of refusal it is, with the code of the problem.
    public var error: OwnError
    /// What is wrong, for a person.
    public var detail: String
    /// Each wrong place that was found, at most `RequestLimits.maximumViolations`; empty when the body is no JSON.
    public var violations: [Violation]

    public init(_ error: OwnError, detail: String, violations: [Violation] = []) {
        self.error = error
        self.detail = detail
        self.violations = violations
    }

    static func malformed(_ detail: String) -> Self { Self(.malformedJSON, detail: detail) }

    static func tooLarge() -> Self {
        Self(.payloadTooLarge, detail: "the body is longer than \(RequestLimits.maximumBytes) bytes")
    }

    /// One wrong place.
    static func invalid(_ pointer: String, _ reason: String) -> Self {
        var findings = Findings()
        findings.add(.value, pointer, reason)
        return findings.failure
    }

    /// What is left for the decoder itself to refuse: text that is no JSON, and a body of the wrong type.
    init(_ error: DecodingError) {
        switch error {
        case .typeMismatch(_, let context), .valueNotFound(_, let context), .keyNotFound(_, let context):
            self = .invalid(pointer(of: context.codingPath), "must be an object")
        case .dataCorrupted(let context) where !context.codingPath.isEmpty:
            self = .invalid(pointer(of: context.codingPath), "is not a valid value")
        default:
            self = .malformed("the body is not valid JSON")
        }
    }
}

/// RFC 6901: `~` and `/` inside a name are written `~0` and `~1`.
func pointer(of path: [any CodingKey], _ last: String? = nil) -> String {
    var text = ""
    for key in path { text += "/" + (key.intValue.map { String($0) } ?? pointerToken(key.stringValue)) }
    if let last { text += "/" + pointerToken(last) }
    return text
}

func pointerToken(_ name: String) -> String {
    guard name.utf8.contains(where: { $0 == UInt8(ascii: "~") || $0 == UInt8(ascii: "/") }) else { return name }
    var text = ""
    for character in name {
        switch character {
        case "~": text += "~0"
        case "/": text += "~1"
        default: text.append(character)
        }
    }
    return text
}
