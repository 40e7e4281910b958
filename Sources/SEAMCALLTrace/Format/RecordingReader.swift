internal import FoundationEssentials

/// Reads a recording line by line, also one whose writer was cut off within a line.
struct RecordingReader {
    let meta: JSONValue
    let trace: Trace
    let damage: String?

    private struct File: Decodable {
        let meta: JSONValue
        let traces: [RecordingText.Head]
    }

    /// Nil if the file is not laid out as a recording: it may be a file of recordings all the same.
    ///
    /// - Throws: ``TraceError`` if a line is no step.
    init?(_ bytes: Data) throws(TraceError) {
        var lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)[...]
        guard let first = lines.popFirst(), first.count > RecordingText.stepsMember.count,
            first.suffix(RecordingText.stepsMember.count).elementsEqual(RecordingText.stepsMember)
        else { return nil }
        let decoder = JSONDecoder()
        let head = first.dropLast(RecordingText.stepsMember.count) + Data("}]}".utf8)
        // `try?`: what is no head of a recording may still be a file in another layout.
        guard let file = try? decoder.decode(File.self, from: head), let named = file.traces.first else { return nil }
        var isWhole = false
        if let last = lines.last, last.isEmpty, lines.dropLast().last?.elementsEqual(Self.end) == true {
            lines = lines.dropLast(2)
            isWhole = true
        }
        var steps: [TraceStep] = []
        steps.reserveCapacity(lines.count)
        var cut: Int?
        for (index, line) in lines.enumerated() {
            guard !line.isEmpty else { continue }
            let isLast = index == lines.count - 1
            let step = line.last == UInt8(ascii: ",") ? line.dropLast() : line
            do {
                steps.append(try decoder.decode(TraceStep.self, from: step))
            } catch {
                guard isLast, !isWhole else { throw TraceError("line \(index + 2) is no step: \(error)") }
                cut = index
            }
        }
        meta = file.meta
        trace = Trace(name: named.name, purpose: named.purpose, platform: named.platform, steps: steps)
        damage = Self.damage(isWhole: isWhole, steps: steps.count, cut: cut)
    }

    private static func damage(isWhole: Bool, steps: Int, cut: Int?) -> String? {
        if isWhole { return nil }
        let kept = "the \(steps) steps before are whole"
        return cut == nil ? "the recording has no end; \(kept)" : "the recording ends within a line; \(kept)"
    }

    private static let end = Array("]}]}".utf8)
}
