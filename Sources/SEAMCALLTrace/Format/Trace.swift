internal import FoundationEssentials

/// A file of recordings.
public struct TraceFile: Hashable, Sendable, Codable {
    /// What the file says of itself; a reading aid.
    public var meta: JSONValue
    public var traces: [Trace]
    /// What is missing at the end of a recording whose writer was cut off; nil if nothing is.
    public private(set) var damage: String?

    private enum CodingKeys: String, CodingKey { case meta, traces }

    public init(meta: JSONValue = .object([:]), traces: [Trace]) {
        self.meta = meta
        self.traces = traces
    }

    /// Bytes of the largest file that is read.
    public static let fileBytesMax = 1 << 30

    /// - Throws: ``TraceError`` if the file cannot be read, or is no file of recordings.
    public init(path: String) throws(TraceError) {
        let bytes: Data
        do {
            bytes = try Data(contentsOf: URL(filePath: path), options: .mappedIfSafe)
        } catch {
            throw TraceError("\(path) cannot be read: \(Self.reason(error))")
        }
        do throws(TraceError) {
            try self.init(bytes)
        } catch {
            throw TraceError("\(path): \(error.description)")
        }
    }

    private static func reason(_ error: any Error) -> String {
        switch (error as? CocoaError)?.code {
        case .fileReadNoSuchFile?: "there is no such file"
        case .fileReadNoPermission?: "permission denied"
        default: "it is no regular file, or one too large"
        }
    }

    /// - Throws: ``TraceError`` with what does not fit the format, and where.
    public init(json: [UInt8]) throws(TraceError) { try self.init(Data(json)) }

    private init(_ json: Data) throws(TraceError) {
        guard json.count <= Self.fileBytesMax else { throw TraceError("the file exceeds \(Self.fileBytesMax) bytes") }
        if let recording = try RecordingReader(json) {
            meta = recording.meta
            traces = [recording.trace]
            damage = recording.damage
            return
        }
        do {
            self = try JSONDecoder().decode(TraceFile.self, from: json)
        } catch {
            throw TraceError("not a file of recordings: \(error)")
        }
    }

    /// The file as JSON, a trace a line, keys in order.
    public func json() throws(TraceError) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        do {
            var bytes = Array("{\"meta\":".utf8) + (try encoder.encode(meta)) + Array(",\"traces\":[\n".utf8)
            for (index, trace) in traces.enumerated() {
                if index > 0 { bytes += Array(",\n".utf8) }
                bytes += try encoder.encode(trace)
            }
            return bytes + Array("\n]}\n".utf8)
        } catch {
            throw TraceError("cannot encode the recordings: \(error)")
        }
    }
}

/// One recording: what was done to a fresh module, in order.
public struct Trace: Hashable, Sendable, Codable {
    public var name: String
    public var purpose: String
    /// Absent for the platform in the file's `meta`.
    public var platform: TracePlatform?
    public var steps: [TraceStep]

    public init(name: String, purpose: String = "", platform: TracePlatform? = nil, steps: [TraceStep]) {
        self.name = name
        self.purpose = purpose
        self.platform = platform
        self.steps = steps
    }

    /// Whether the module has yet to be brought up: the trace does so itself.
    public var bringsUpModule: Bool {
        steps.contains { step in
            if case .call(let call) = step { call.op == "TDH.SYS.INIT" && call.status?.rawValue == 0 } else { false }
        }
    }
}

/// What is wrong with a file of recordings.
public struct TraceError: Error, Hashable, Sendable, CustomStringConvertible {
    public let description: String

    public init(_ description: String) { self.description = description }
}
