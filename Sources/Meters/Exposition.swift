/// Metrics as Prometheus reads them.
///
/// - Source: Prometheus, exposition formats, text-based format 0.0.4.
public struct Exposition: Sendable {
    public static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    public enum Kind: String, Sendable { case counter, gauge, histogram }

    /// One series' labels, in the order in which they are written.
    public typealias Labels = KeyValuePairs<String, String>

    public private(set) var text = ""
    private var families: Set<String> = []

    public init() {}

    /// A family: everything with one name.
    ///
    /// - Parameters:
    ///   - name: with its unit last, and `_total` after that if it is a counter. Each may come once.
    ///   - samples: writes the series.
    public mutating func family(
        _ name: String, _ kind: Kind, _ help: String, _ samples: (inout Samples) -> Void
    ) {
        precondition(Self.isName(name), "\(name) is no metric's name")
        precondition(families.insert(name).inserted, "\(name) is written twice")
        var written = Samples(name: name)
        samples(&written)
        text += "# HELP \(name) \(Self.escaped(help, quotes: false))\n# TYPE \(name) \(kind.rawValue)\n"
        text += written.text
    }

    /// A family of one series without labels.
    public mutating func single(_ name: String, _ kind: Kind, _ help: String, _ value: UInt64) {
        family(name, kind, help) { $0.add([:], value) }
    }

    /// The lines of one family.
    public struct Samples: Sendable {
        fileprivate let name: String
        fileprivate var text = ""

        public mutating func add(_ labels: Labels, _ value: UInt64) { line(name, labels, nil, String(value)) }

        public mutating func add(_ labels: Labels, _ value: Int) { line(name, labels, nil, String(value)) }

        /// A value in seconds.
        public mutating func add(_ labels: Labels, nanoseconds: UInt64) {
            line(name, labels, nil, Exposition.seconds(nanoseconds))
        }

        public mutating func add(_ labels: Labels, _ histogram: Histogram) {
            let now = histogram.snapshot
            for (bound, count) in zip(histogram.bounds, now.cumulative) {
                line(name + "_bucket", labels, Exposition.seconds(bound), String(count))
            }
            line(name + "_bucket", labels, "+Inf", String(now.count))
            line(name + "_sum", labels, nil, Exposition.seconds(now.sumNanoseconds))
            line(name + "_count", labels, nil, String(now.count))
        }

        private mutating func line(_ name: String, _ labels: Labels, _ bound: String?, _ value: String) {
            var pairs = labels.map { label, value in
                precondition(Exposition.isName(label), "\(label) is no label's name")
                return "\(label)=\"\(Exposition.escaped(value, quotes: true))\""
            }
            if let bound { pairs.append("le=\"\(bound)\"") }
            text += name
            if !pairs.isEmpty { text += "{" + pairs.joined(separator: ",") + "}" }
            text += " " + value + "\n"
        }
    }

    /// Nanoseconds as seconds, exactly: a fraction has no more digits than it needs.
    static func seconds(_ nanoseconds: UInt64) -> String {
        let (whole, rest) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
        guard rest > 0 else { return String(whole) }
        let digits = String(rest)
        var fraction = String(repeating: "0", count: 9 - digits.utf8.count) + digits
        while fraction.last == "0" { fraction.removeLast() }
        return "\(whole).\(fraction)"
    }

    fileprivate static func escaped(_ text: String, quotes: Bool) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": escaped += "\\\\"
            case "\n": escaped += "\\n"
            case "\"" where quotes: escaped += "\\\""
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }

    /// Letters, digits and underscores, no digit first. Colons are for those who aggregate.
    fileprivate static func isName(_ text: String) -> Bool {
        guard let first = text.utf8.first, !(0x30...0x39).contains(first) else { return false }
        return text.utf8.allSatisfy { byte in
            (0x61...0x7a).contains(byte) || (0x41...0x5a).contains(byte) || (0x30...0x39).contains(byte) || byte == 0x5f
        }
    }
}

/// Something with numbers to tell, asked at each scrape.
public protocol MetricSource: Sendable {
    func write(to exposition: inout Exposition)
}
