internal import Glibc

/// An open descriptor, closed with its last owner.
final class Descriptor: Sendable {
    let number: Int32

    init(_ number: Int32) { self.number = number }

    deinit { close(number) }
}

/// What makes a file the one that was hashed.
struct FileIdentity: Hashable, Sendable {
    let device: UInt64
    let inode: UInt64
    let sizeBytes: UInt64
    /// Nanoseconds since 1970.
    let modified: UInt64
}

/// The few system calls of this room, with reasons in words.
enum Files {
    static let folderMode: mode_t = 0o700
    static let fileMode: mode_t = 0o600

    static func open(_ path: String, _ flags: Int32) throws(ImageError) -> Descriptor {
        // SAFETY: the path is read during the call.
        let number = unsafe Glibc.open(path, flags | O_CLOEXEC | O_NOFOLLOW, fileMode)
        guard number >= 0 else { throw failure("\(path) cannot be opened") }
        return Descriptor(number)
    }

    static func identity(of file: Descriptor) throws(ImageError) -> (FileIdentity, accessed: UInt64) {
        var status = stat()
        // SAFETY: the structure is ours and written by the call alone.
        guard unsafe fstat(file.number, &status) == 0 else { throw failure("a file cannot be looked at") }
        guard status.st_mode & S_IFMT == S_IFREG else { throw .disk("it is no regular file") }
        let identity = FileIdentity(
            device: UInt64(status.st_dev), inode: UInt64(status.st_ino), sizeBytes: UInt64(max(0, status.st_size)),
            modified: nanoseconds(status.st_mtim))
        return (identity, nanoseconds(status.st_atim))
    }

    private static func nanoseconds(_ time: timespec) -> UInt64 {
        UInt64(max(0, time.tv_sec)) * 1_000_000_000 + UInt64(max(0, time.tv_nsec))
    }

    /// Notes a use in the file's own access time, which mounts often do not keep by themselves.
    static func touch(_ file: Descriptor, now: UInt64) {
        let used = timespec(tv_sec: Int(now / 1_000_000_000), tv_nsec: Int(now % 1_000_000_000))
        let kept = timespec(tv_sec: 0, tv_nsec: Int(UTIME_OMIT_VALUE))
        // SAFETY: two times, as the call wants. It only dates the file: a failure changes an eviction's order at most.
        _ = unsafe futimens(file.number, [used, kept])
    }

    /// All of `bytes`, at the end of the file.
    static func write(_ bytes: [UInt8], to file: Descriptor) throws(ImageError) {
        var written = 0
        while written < bytes.count {
            // SAFETY: what is read lies within the bytes, which live through the call.
            let count = unsafe bytes.withUnsafeBytes { buffer in
                unsafe Glibc.write(file.number, buffer.baseAddress.map { unsafe $0 + written }, buffer.count - written)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw failure("the image cannot be written") }
            written += count
        }
    }

    /// As many bytes at `offset` as there are and fit; 0 at the end.
    static func read(
        _ file: Descriptor, at offset: UInt64, into bytes: UnsafeMutableRawBufferPointer
    ) throws(ImageError) -> Int {
        while true {
            // SAFETY: the call writes into the buffer that the caller owns, and no more than fits.
            let count = unsafe pread(file.number, bytes.baseAddress, bytes.count, off_t(offset))
            if count >= 0 { return count }
            if errno != EINTR { throw failure("the image cannot be read") }
        }
    }

    static func makeDurable(_ file: Descriptor) throws(ImageError) {
        guard fsync(file.number) == 0 else { throw failure("the image cannot be made durable") }
    }

    static func rename(_ old: String, _ new: String) throws(ImageError) {
        // SAFETY: both paths are read during the call.
        guard unsafe Glibc.rename(old, new) == 0 else { throw failure("the image cannot be moved into place") }
    }

    /// False if it was not there.
    @discardableResult
    static func remove(_ path: String) throws(ImageError) -> Bool {
        // SAFETY: the path is read during the call.
        if unsafe unlink(path) == 0 { return true }
        if errno == ENOENT { return false }
        throw failure("\(path) cannot be deleted")
    }

    /// Names in a folder, in no order.
    static func names(in folder: String) throws(ImageError) -> [String] {
        // SAFETY: the stream is made here and closed below; an entry is good until the next is read.
        guard let stream = unsafe opendir(folder) else { throw failure("\(folder) cannot be read") }
        defer { unsafe closedir(stream) }
        var names: [String] = []
        while let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    /// Makes a folder and those above it that are missing. One that is there is left as it is, and refused if others than
    /// its owner can enter it.
    static func makePrivateFolder(_ path: String) throws(ImageError) {
        var made = path.hasPrefix("/") ? "" : "."
        for part in path.split(separator: "/") {
            made += "/" + part
            // SAFETY: the path is read during the call.
            guard unsafe mkdir(made, folderMode) == 0 || errno == EEXIST else {
                throw failure("\(made) cannot be created")
            }
        }
        var status = stat()
        // SAFETY: the structure is ours and written by the call alone.
        guard unsafe stat(path, &status) == 0 else { throw failure("\(path) cannot be looked at") }
        guard status.st_mode & S_IFMT == S_IFDIR else { throw .disk("\(path) is no directory") }
        guard status.st_uid == geteuid() else { throw .disk("\(path) belongs to somebody else") }
        guard status.st_mode & 0o077 == 0 else {
            throw .disk("\(path) has mode \(String(status.st_mode & 0o7777, radix: 8)): it must be 700, for us alone")
        }
    }

    static func removeFolder(_ path: String) {
        // SAFETY: the path is read during the call.
        _ = unsafe rmdir(path)
    }

    /// Keeps a second daemon out of the folder until the descriptor is closed.
    static func lock(_ folder: String) throws(ImageError) -> Descriptor {
        let descriptor = try open(folder, O_RDONLY | O_DIRECTORY)
        guard flock(descriptor.number, LOCK_EX | LOCK_NB) == 0 else {
            if errno == EWOULDBLOCK { throw .disk("\(folder) is in use by another process") }
            throw failure("\(folder) cannot be locked")
        }
        return descriptor
    }

    static func failure(_ what: String) -> ImageError {
        let number = errno
        if number == ENOSPC || number == EDQUOT { return .deviceFull }
        return .disk("\(what): \(explanation(number))")
    }

    private static func explanation(_ number: Int32) -> String {
        switch number {
        case EACCES, EPERM: "permission denied"
        case ENOENT: "there is no such file or directory"
        case ENOTDIR: "something in its path is no directory"
        case EROFS: "the file system is read-only"
        case EIO: "the device failed"
        case EMFILE, ENFILE: "too many files are open"
        case ELOOP: "it is a symbolic link"
        case EFBIG: "the file system takes no file that large"
        default: "errno \(number)"
        }
    }
}

/// `UTIME_OMIT`, which is a macro with a cast.
private let UTIME_OMIT_VALUE = (1 << 30) - 2
