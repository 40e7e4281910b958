internal import Logging
internal import SEAMCALLTrace
internal import TDXCalls

/// A recording of every SEAMCALL of this process.
struct Recording: Sendable {
    private let writer: RecordingWriter

    /// - Throws: if the file cannot be made, or there is one.
    init(_ settings: RecordSettings, of backend: Backend, _ logger: Logger) throws(Failure) {
        let path = settings.path
        let head: [UInt8]
        do throws(TraceError) {
            head = try RecordingText.head(
                name: "tdxd", purpose: "every SEAMCALL of a run of tdxd", meta: Self.meta(backend),
                platform: backend.platform)
        } catch {
            throw Failure(.internalError, error.description)
        }
        do throws(RecordingFault) {
            writer = try RecordingWriter(
                to: RecordingFile(path: path), head: head, bytesMax: settings.bytesMax
            ) { fault in
                logger.error(
                    "The recording has stopped; what it holds is whole",
                    metadata: ["file": "\(path)", "reason": "\(fault.reason)"])
            }
        } catch {
            throw Failure(.configuration, "--record: \(error.reason)")
        }
        logger.warning("Every SEAMCALL is recorded, guests' contents too", metadata: ["file": "\(path)"])
    }

    func recorder(of backend: Backend) -> Recorder {
        Recorder(calls: backend.calls, host: backend.host, into: writer)
    }

    private static func meta(_ backend: Backend) -> JSONValue {
        let module = backend.host.module
        return .object([
            "writer": .string("tdxd \(Version.current)"),
            "backend": .string(module.backend),
            "module": .string("\(module.majorVersion).\(module.minorVersion).\(module.updateVersion)"),
            "format": .string("Recordings, in the documentation of SEAMCALLTrace"),
        ])
    }
}
