internal import HTTPTypes

/// What `Prefer` asks for. What is not understood is ignored, and of two with one name the first counts.
///
/// - Source: RFC 7240, sections 2 and 4.
struct Preferences: Sendable {
    static let waitDefault: Duration = .seconds(2)
    /// Seconds; who asks for more gets this.
    static let waitMax = 60

    /// Seconds, where the client named them.
    private(set) var waitSeconds: Int?
    private(set) var respondAsync = false
    /// `handling=strict`: a refused lab step is a problem, not a result.
    private(set) var isStrict = false
    private var handling: String?

    /// Nothing is asked for.
    init() {}

    init(_ field: String) {
        var seen: Set<String> = []
        for element in field.split(separator: ",") {
            // What follows a semicolon are parameters; none of these preferences has any.
            let preference = element.prefix { $0 != ";" }
            let pair = preference.split(separator: "=", maxSplits: 1).map { $0.trimming(" \t") }
            guard let name = pair.first?.lowercased(), seen.insert(name).inserted else { continue }
            let value = pair.count == 2 ? pair[1].trimming("\"").lowercased() : ""
            switch name {
            case "respond-async": respondAsync = true
            case "wait": waitSeconds = Self.seconds(value)
            case "handling":
                isStrict = value == "strict"
                if isStrict || value == "lenient" { handling = value }
            default: break
            }
        }
    }

    private static func seconds(_ text: String) -> Int? {
        guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        // More digits than an Int holds are more seconds than the maximum, too.
        return min(Int(text) ?? waitMax, waitMax)
    }

    /// How long to wait for the work's end. Together, `respond-async, wait=N` is an asynchronous answer after
    /// N seconds.
    var wait: Duration {
        if let waitSeconds { return .seconds(waitSeconds) }
        return respondAsync ? .zero : Self.waitDefault
    }

    /// `Preference-Applied` of an answer to a request that could be waited for; nil when nothing was asked for.
    func applied(toStep isStep: Bool, isAsync: Bool) -> String? {
        var applied: [String] = []
        if respondAsync, isAsync { applied.append("respond-async") }
        if let waitSeconds { applied.append("wait=\(waitSeconds)") }
        if isStep, let handling { applied.append("handling=\(handling)") }
        return applied.isEmpty ? nil : applied.joined(separator: ", ")
    }
}
