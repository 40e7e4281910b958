internal import Glibc

/// Files that are there whole or not at all, also after a crash.
enum FileWriting {
    static let secretMode: mode_t = 0o600
    static let publicMode: mode_t = 0o644
    static let folderMode: mode_t = 0o700

    /// Writes a file beside its place, makes it durable and moves it there.
    ///
    /// - Parameter replacing: false refuses with `alreadyExists` when something is there, even if it came meanwhile.
    static func write(
        _ bytes: RawSpan, to path: String, mode: mode_t, replacing: Bool
    ) throws(CertificateError) {
        let temporary = path + ".new-" + Hexadecimal.text(RandomBytes.take(8))
        do throws(CertificateError.Reason) {
            try create(temporary, bytes, mode: mode)
            try move(temporary, to: path, replacing: replacing)
            try makeDurable(folderOf: path)
        } catch {
            // SAFETY: the path lives through the call. It is not there if it was moved, or never made.
            unsafe unlink(temporary)
            throw CertificateError(error, file: path)
        }
    }

    static func write(
        _ bytes: [UInt8], to path: String, mode: mode_t = publicMode, replacing: Bool
    ) throws(CertificateError) {
        // SAFETY: bytes have no padding, so all of the span's memory is initialised.
        try unsafe write(bytes.span.bytes, to: path, mode: mode, replacing: replacing)
    }

    private static func create(_ path: String, _ bytes: RawSpan, mode: mode_t) throws(CertificateError.Reason) {
        // SAFETY: the path and the bytes live through the calls.
        let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
        guard let file = Descriptor(unsafe open(path, flags, mode)) else { throw SystemCall.failure("create it") }
        // The process's mask may have taken bits away; a key's mode has none that it could.
        guard fchmod(file.number, mode) == 0 else { throw SystemCall.failure("set its mode") }
        var written = 0
        while written < bytes.byteCount {
            let count = unsafe bytes.withUnsafeBytes { buffer in
                guard let start = buffer.baseAddress else { return 0 }
                return unsafe Glibc.write(file.number, start + written, buffer.count - written)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw SystemCall.failure("write it") }
            written += count
        }
        guard fsync(file.number) == 0 else { throw SystemCall.failure("make it durable") }
    }

    private static func move(
        _ temporary: String, to path: String, replacing: Bool
    ) throws(CertificateError.Reason) {
        // SAFETY: both paths live through the calls.
        if replacing {
            guard unsafe rename(temporary, path) == 0 else { throw SystemCall.failure("move it into place") }
            return
        }
        // Unlike rename, link does not replace.
        guard unsafe link(temporary, path) == 0 else {
            if errno == EEXIST { throw .alreadyExists }
            throw SystemCall.failure("move it into place")
        }
        unsafe unlink(temporary)
    }

    private static func makeDurable(folderOf path: String) throws(CertificateError.Reason) {
        // SAFETY: the path lives through the call.
        guard let folder = Descriptor(unsafe open(Paths.folder(of: path), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) else {
            throw SystemCall.failure("open its folder")
        }
        guard fsync(folder.number) == 0 else { throw SystemCall.failure("make its folder durable") }
    }
}

enum Paths {
    /// `a/b` of `a/b/c`, `.` of `c`.
    static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// Without slashes at its end, so that something may be appended.
    static func trimmed(_ path: String) -> String {
        var path = path
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        return path
    }
}
