internal import Glibc
internal import SEAMCALLTrace

/// A new file that takes a recording.
final class RecordingFile: RecordingStore {
    /// Nobody but us and root: a recording has what guests are made of.
    static let mode: mode_t = 0o600

    private let descriptor: Int32

    /// - Throws: if there is a file already, which may be somebody's only recording, or none can be made.
    init(path: String) throws(RecordingFault) {
        // SAFETY: the path is read during the call.
        descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, Self.mode)
        if descriptor < 0 { throw RecordingFault("\(path): \(Self.explanation(errno))") }
    }

    deinit { close(descriptor) }

    func write(_ bytes: [UInt8], at offset: Int) throws(RecordingFault) {
        var done = 0
        while done < bytes.count {
            // SAFETY: the bytes are read during the call.
            let written = unsafe bytes.withUnsafeBytes {
                unsafe pwrite(descriptor, $0.baseAddress?.advanced(by: done), $0.count - done, off_t(offset + done))
            }
            if written > 0 {
                done += written
            } else if written == 0 || errno != EINTR {
                throw RecordingFault(written == 0 ? "nothing was taken" : Self.explanation(errno))
            }
        }
    }

    func truncate(to size: Int) throws(RecordingFault) {
        guard ftruncate(descriptor, off_t(size)) == 0 else { throw RecordingFault(Self.explanation(errno)) }
    }

    private static func explanation(_ number: Int32) -> String {
        switch number {
        case EEXIST: "there is such a file already; a recording is never overwritten"
        case ENOSPC: "no space is left on the device"
        case EDQUOT: "the disk quota is used up"
        case EFBIG: "the file would become larger than the process may write"
        case EACCES: "permission denied"
        case ENOENT: "there is no such directory"
        case ENOTDIR: "part of the path is no directory"
        case EISDIR: "it is a directory"
        case EROFS: "the file system is read-only"
        case EIO: "the device failed"
        default: "errno \(number)"
        }
    }
}
