internal import FoundationEssentials

extension Comparison {
    /// The comparison for people: a paragraph for each call, and a line of counts.
    public var text: String {
        var lines: [String] = []
        var last: (first: Int?, second: Int?)?
        for parting in differences {
            if last?.first != parting.firstStep || last?.second != parting.secondStep { lines.append(parting.heading) }
            last = (parting.firstStep, parting.secondStep)
            lines.append("  " + parting.line)
        }
        let shown = differ + onlyInFirst + onlyInSecond
        if differences.count >= Self.differencesMax, shown > 0 { lines.append("further differences are only counted") }
        if leftOut > 0 { lines.append("\(leftOut) calls that contention or an interrupt decided are left out") }
        lines.append(
            "\(agree + differ) calls compared: \(agree) agree, \(differ) differ; "
                + "only in the first \(onlyInFirst), only in the second \(onlyInSecond)")
        return lines.joined(separator: "\n")
    }
}

/// Comparisons of two files, trace by trace, for programs.
public struct ComparisonReport: Hashable, Sendable, Encodable {
    public struct Entry: Hashable, Sendable, Encodable {
        public let name: String
        /// `first` or `second`, where the other file has no such trace.
        public let onlyIn: String?
        public let agree: Int?
        public let differ: Int?
        public let onlyInFirst: Int?
        public let onlyInSecond: Int?
        public let leftOut: Int?
        public let differences: [Parting]?

        public init(_ name: String, _ comparison: Comparison) {
            self.name = name
            onlyIn = nil
            agree = comparison.agree
            differ = comparison.differ
            onlyInFirst = comparison.onlyInFirst
            onlyInSecond = comparison.onlyInSecond
            leftOut = comparison.leftOut
            differences = comparison.differences
        }

        public init(_ name: String, onlyInFirst isFirst: Bool) {
            self.name = name
            onlyIn = isFirst ? "first" : "second"
            agree = nil
            differ = nil
            onlyInFirst = nil
            onlyInSecond = nil
            leftOut = nil
            differences = nil
        }
    }

    public let traces: [Entry]

    public init(_ traces: [Entry]) { self.traces = traces }

    /// - Throws: ``TraceError`` if it cannot be written as JSON.
    public func json() throws(TraceError) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        do {
            return [UInt8](try encoder.encode(self))
        } catch {
            throw TraceError("cannot encode the comparison: \(error)")
        }
    }
}

extension Parting {
    fileprivate var heading: String {
        let whose = td.map { "TD \($0), " } ?? ""
        let steps = [firstStep, secondStep].map { $0.map { "step \($0)" } ?? "-" }.joined(separator: " | ")
        return "\(whose)\(steps): \(leaf)"
    }

    fileprivate var line: String {
        switch kind {
        case .onlyInFirst: "only in the first: \(first ?? "")"
        case .onlyInSecond: "only in the second: \(second ?? "")"
        case .completion, .processor: "\(kind.rawValue): \(first ?? "") | \(second ?? "")"
        case .memory: "what \(register ?? "") points at differs: \(first ?? "") | \(second ?? "")"
        case .input, .output: "\(kind.rawValue) \(register ?? ""): \(first ?? "") | \(second ?? "")"
        }
    }
}
