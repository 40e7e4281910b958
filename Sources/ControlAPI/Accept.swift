/// What a client can read, as `Accept` says it.
///
/// - Source: RFC 9110, section 12.5.1: the most specific range that matches decides.
struct Accept {
    private let ranges: [(type: String, isRefused: Bool)]

    init(_ field: String) {
        ranges = field.split(separator: ",").map { range in
            let parts = range.split(separator: ";").map { $0.trimming(" \t").lowercased() }
            return (parts.first ?? "", parts.dropFirst().contains(where: Self.isZeroWeight))
        }
    }

    /// Whether an answer of this media type may be sent: nil is JSON, any other a text with its parameters.
    func takes(_ mediaType: String?) -> Bool {
        guard let mediaType else { return takesJSON }
        return takes(anyOf: [String(mediaType.prefix { $0 != ";" }), "text/*", "*/*"])
    }

    /// Whether JSON may be sent. A field that lists nothing rules nothing out.
    var takesJSON: Bool {
        // One that only wants problems is told ours; answers that are none it will find odd, but can read.
        takes(anyOf: ["application/json", "application/problem+json", "application/*", "*/*"])
    }

    private func takes(anyOf names: [String]) -> Bool {
        if ranges.allSatisfy({ $0.type.isEmpty }) { return true }
        for name in names {
            if let range = ranges.first(where: { $0.type == name }) { return !range.isRefused }
        }
        return false
    }

    /// `q=0`, `q=0.0` and so on: not acceptable.
    private static func isZeroWeight(_ parameter: String) -> Bool {
        let pair = parameter.split(separator: "=", maxSplits: 1).map { $0.trimming(" \t") }
        return pair.count == 2 && pair[0] == "q" && pair[1].first == "0" && pair[1].allSatisfy { "0.".contains($0) }
    }
}
