internal import ControlAPI
internal import Glibc
internal import Threading

/// A file, or standard error, that takes whole lines of the audit trail, each with one `write`.
///
/// What is written survives the end of this process, not that of the host: nothing is forced to the disk.
final class AuditFile: AuditSink {
    /// Nobody but us and root reads who did what.
    static let mode: mode_t = 0o600

    private struct State {
        var descriptor: Int32
        /// Only part of the last line was taken: the next one begins a line of its own.
        var isTorn = false
    }

    /// Nil for standard error.
    private let path: String?
    private let state: Locked<State>

    /// - Throws: if the file cannot be opened for appending.
    init(path: String) throws(AuditFailure) {
        self.path = path
        state = Locked(State(descriptor: try Self.open(path)))
    }

    private init(descriptor: Int32) {
        path = nil
        state = Locked(State(descriptor: descriptor))
    }

    static let standardError = AuditFile(descriptor: STDERR_FILENO)

    deinit {
        if path != nil { close(state.withLock(\.descriptor)) }
    }

    func write(_ line: [UInt8]) throws(AuditFailure) {
        try state.withLock { (state) throws(AuditFailure) in
            let bytes = state.isTorn ? [UInt8(ascii: "\n")] + line : line
            var written: Int
            repeat {
                // SAFETY: the bytes are read during the call.
                written = unsafe bytes.withUnsafeBytes {
                    unsafe Glibc.write(state.descriptor, $0.baseAddress, $0.count)
                }
            } while written < 0 && errno == EINTR
            if written == bytes.count {
                state.isTorn = false
                return
            }
            if written < 0 { throw AuditFailure(Self.explanation(errno)) }
            if written > 0 { state.isTorn = true }
            throw AuditFailure("only \(written) of \(bytes.count) bytes were taken")
        }
    }

    /// Opens the path anew and writes there from now on: whoever rotates the file has moved it away.
    ///
    /// - Throws: if the path cannot be opened; the old file stays in use then.
    func reopen() throws(AuditFailure) {
        guard let path else { return }
        let descriptor = try Self.open(path)
        let old = state.withLock { state in
            let old = state.descriptor
            state = State(descriptor: descriptor)
            return old
        }
        close(old)
    }

    private static func open(_ path: String) throws(AuditFailure) -> Int32 {
        // Not blocking: a pipe without a reader, or with a slow one, must not hold up requests.
        let flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY
        // SAFETY: the path is read during the call.
        let descriptor = unsafe Glibc.open(path, flags, mode)
        if descriptor < 0 { throw AuditFailure("\(path): cannot be opened for appending: \(explanation(errno))") }
        return descriptor
    }

    private static func explanation(_ number: Int32) -> String {
        switch number {
        case ENOSPC: "no space is left on the device"
        case EACCES: "permission denied"
        case ENOENT: "there is no such directory"
        case EISDIR: "it is a directory"
        case EROFS: "the file system is read-only"
        case EIO: "the device failed"
        case ENXIO: "nobody reads the pipe"
        case EAGAIN: "the reader of the pipe is too slow"
        default: "errno \(number)"
        }
    }
}
