internal import FoundationEssentials

/// A recording as it is written while it goes on: a file of recordings with one trace, a step a line.
///
/// Whoever adds steps writes them, with ``end`` behind them, over the ``end`` that is there: the file is whole after
/// each such write.
public enum RecordingText {
    /// Everything before the first step.
    ///
    /// - Throws: ``TraceError`` if `meta` cannot be written as JSON.
    public static func head(
        name: String, purpose: String, meta: JSONValue, platform: TracePlatform
    ) throws(TraceError) -> [UInt8] {
        let head = Head(name: name, purpose: purpose, platform: platform)
        do {
            let trace = try encoder.encode(head).dropLast()
            return Array("{\"meta\":".utf8) + (try encoder.encode(meta)) + Array(",\"traces\":[".utf8) + trace
                + Array(",\"steps\":[\n".utf8)
        } catch {
            throw TraceError("cannot encode the head of a recording: \(error)")
        }
    }

    /// What stands behind the last step.
    public static let end: [UInt8] = Array("\n]}]}\n".utf8)

    /// What stands between two steps.
    public static let separator: [UInt8] = Array(",\n".utf8)

    /// One line, without an end.
    ///
    /// - Throws: ``TraceError`` if the step cannot be written as JSON.
    public static func line(_ step: TraceStep) throws(TraceError) -> [UInt8] {
        do {
            return [UInt8](try encoder.encode(step))
        } catch {
            throw TraceError("cannot encode a step: \(error)")
        }
    }

    static let stepsMember: [UInt8] = Array(",\"steps\":[".utf8)

    struct Head: Codable {
        var name: String
        var purpose: String
        var platform: TracePlatform?
    }

    private static let encoder: JSONEncoder = {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return encoder
    }()
}
