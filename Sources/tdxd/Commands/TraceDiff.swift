internal import ArgumentParser
internal import SEAMCALLTrace

struct TraceDiff: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff",
        abstract: "Compare two recordings.",
        discussion: """
            Each difference is printed with its TD, the step in either file, leaf, register and both values; the last \
            line counts. Files of several traces are compared trace by trace, by name. Calls that contention decided are \
            left out, and values that no second run can have (unstable) are not compared.

            EXIT CODES
              0   the same
              1   they differ
              2   a file cannot be used
            """)

    @Argument(help: "A recording.")
    var first: String

    @Argument(help: "Another.")
    var second: String

    @Option(
        help: """
            td: TD by TD, in the order of their creation; a TD's pages are the same if it got them in the same order, and \
            KeyIDs, processors and interrupts do not count. whole: as in the files; everything counts.
            """)
    var by: Order = .td

    @Flag(help: "Print JSON.")
    var json = false

    enum Order: String, ExpressibleByArgument, CaseIterable {
        case td, whole

        var order: Comparison.Order {
            switch self {
            case .td: .td
            case .whole: .whole
            }
        }
    }

    func run() throws {
        let code: TraceDiffCode
        do throws(TraceError) {
            code = try compare()
        } catch {
            LineOutput.standardError.write("tdxd: \(error.description)\n")
            code = .unusable
        }
        if code != .same { throw ExitCode(code.rawValue) }
    }

    private func compare() throws(TraceError) -> TraceDiffCode {
        let files = (try Self.read(first), try Self.read(second))
        var code = TraceDiffCode.same
        var report: [ComparisonReport.Entry] = []
        for pair in try Self.pairs(files.0.traces, files.1.traces) {
            guard let left = pair.first, let right = pair.second else {
                if !json { Self.print("\(pair.name): only in the \(pair.first == nil ? "second" : "first")") }
                report.append(ComparisonReport.Entry(pair.name, onlyInFirst: pair.second == nil))
                code = .different
                continue
            }
            let comparison = try Comparison(left, right, by: by.order)
            report.append(ComparisonReport.Entry(pair.name, comparison))
            if !comparison.isSame { code = .different }
            if json { continue }
            if files.0.traces.count > 1 { Self.print(pair.name) }
            Self.print(comparison.text)
        }
        if json { Self.print(String(decoding: try ComparisonReport(report).json(), as: UTF8.self)) }
        return code
    }

    private static func read(_ path: String) throws(TraceError) -> TraceFile {
        let file = try TraceFile(path: path)
        if let damage = file.damage { LineOutput.standardError.write("tdxd: \(path): \(damage)\n") }
        return file
    }

    private struct Pair {
        let name: String
        let first: Trace?
        let second: Trace?
    }

    /// Two files of one trace are compared whatever the traces are called.
    private static func pairs(_ first: [Trace], _ second: [Trace]) throws(TraceError) -> [Pair] {
        if first.count == 1, second.count == 1 {
            return [Pair(name: first[0].name, first: first[0], second: second[0])]
        }
        let named = Dictionary(second.map { ($0.name, $0) }) { earlier, _ in earlier }
        let names = Set(first.map(\.name))
        guard !(first.isEmpty && second.isEmpty) else { throw TraceError("there is nothing to compare") }
        return first.map { Pair(name: $0.name, first: $0, second: named[$0.name]) }
            + second.filter { !names.contains($0.name) }.map { Pair(name: $0.name, first: nil, second: $0) }
    }

    private static func print(_ text: String) { LineOutput.standardOutput.write(text + "\n") }
}

private enum TraceDiffCode: Int32 {
    case same = 0
    case different = 1
    case unusable = 2
}
