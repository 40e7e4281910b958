internal import Glibc

enum FileReading {
    /// The bytes of a regular file.
    ///
    /// - Parameter forbidden: modes that it must not have.
    static func bytes(of path: String, limit: Int, forbidden: mode_t = 0) throws(CertificateError) -> [UInt8] {
        try CertificateError.place(file: path) { () throws(CertificateError.Reason) in
            // A pipe without a writer must not make us wait.
            guard let file = Descriptor(unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)) else {
                throw SystemCall.failure("open it")
            }
            var status = stat()
            // SAFETY: the structure is ours and written by the call alone.
            guard unsafe fstat(file.number, &status) == 0 else { throw SystemCall.failure("look at it") }
            guard status.st_mode & S_IFMT == S_IFREG else { throw .invalid("it is no regular file") }
            if status.st_mode & forbidden != 0 { throw .tooOpen(mode: status.st_mode & 0o7777) }
            guard status.st_size <= limit else { throw .tooLarge(limitBytes: limit) }
            let bytes = try read(file, limit: limit)
            guard !bytes.isEmpty else { throw .empty }
            return bytes
        }
    }

    /// A group may be let in to read a key, as Debian's `ssl-cert` does.
    static let forbiddenForKeys: mode_t = 0o027
    /// What decides who may do what is for its owner alone to change.
    static let forbiddenForRoles: mode_t = 0o022

    /// Up to the end of the file, which may have grown since it was looked at.
    private static func read(_ file: borrowing Descriptor, limit: Int) throws(CertificateError.Reason) -> [UInt8] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 64 * 1024)
        while true {
            // SAFETY: the buffer is as long as said.
            let count = unsafe Glibc.read(file.number, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw SystemCall.failure("read it") }
            if count == 0 { return bytes }
            bytes += buffer[..<count]
            guard bytes.count <= limit else { throw .tooLarge(limitBytes: limit) }
        }
    }
}
