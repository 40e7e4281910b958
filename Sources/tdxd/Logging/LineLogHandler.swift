internal import ControlSchema
internal import Glibc
internal import Logging
internal import Threading

/// Writes each log record as one line to a file descriptor.
struct LineLogHandler: LogHandler {
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?
    var logLevel: Logger.Level
    private let format: LogFormat
    private let output: LineOutput

    init(_ level: Logger.Level, _ format: LogFormat, to output: LineOutput) {
        logLevel = level
        self.format = format
        self.output = output
    }

    subscript(metadataKey key: String) -> Logger.MetadataValue? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var facts = metadata
        if let provided = metadataProvider?.get() { facts.merge(provided) { $1 } }
        if let own = event.metadata {
            if facts.isEmpty { facts = own } else { facts.merge(own) { $1 } }
        }
        if let error = event.error { facts["error"] = "\(error)" }
        let now = Timestamp(microseconds: Int64(wallClockNanoseconds() / 1_000))
        output.write(format.line(at: now, event.level, event.message.description, facts))
    }
}

/// A file descriptor that takes whole lines from any thread.
struct LineOutput: Sendable {
    static let standardError = LineOutput(descriptor: STDERR_FILENO)
    static let standardOutput = LineOutput(descriptor: STDOUT_FILENO)

    let descriptor: Int32

    func write(_ line: String) { write([UInt8](line.utf8)) }

    /// Writes all of `line`; gives up if nobody can take it, since a log must not stop what it tells of.
    func write(_ line: [UInt8]) {
        var rest = line[...]
        while !rest.isEmpty {
            // SAFETY: the bytes are read during the call.
            let written = unsafe rest.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if written > 0 {
                rest.removeFirst(written)
            } else if errno != EINTR {
                return
            }
        }
    }
}
