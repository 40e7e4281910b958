internal import Glibc

/// The file that says which sessions of the shim's are ours: what a daemon needs to take over after one that died.
///
/// Nobody but its owner may read it. It is replaced as a whole, so that it is whole after any crash.
public struct SessionFile: Sendable {
    public let path: String

    public init(path: String) { self.path = path }

    private static let firstLine = "tdxd-shim-sessions 1"
    /// Daemons that died one after another, each before it had taken over.
    static let sessionsMax = 64
    private static let bytesMax = 16_384

    /// The sessions it names, oldest first; none if there is no file.
    public func read() throws(ShimUnavailable) -> [SessionKey] {
        // SAFETY: the path is read during the call.
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else {
            if errno == ENOENT { return [] }
            throw failure("open it")
        }
        defer { close(descriptor) }
        var status = stat()
        // SAFETY: the structure lives through the call.
        guard unsafe fstat(descriptor, &status) == 0 else { throw failure("look at it") }
        guard status.st_mode & S_IFMT == S_IFREG else { throw fault("it is not a file") }
        guard status.st_uid == geteuid() else { throw fault("it belongs to user \(status.st_uid)") }
        guard status.st_mode & 0o077 == 0 else { throw fault("others may read or write it; it must have mode 0600") }
        guard status.st_size <= Self.bytesMax else { throw fault("it is longer than \(Self.bytesMax) bytes") }
        var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
        var count = 0
        while count < bytes.count {
            // SAFETY: the buffer has room for what is asked.
            let more = unsafe bytes.withUnsafeMutableBytes { buffer in
                unsafe buffer.baseAddress.map { unsafe Glibc.read(descriptor, $0 + count, buffer.count - count) } ?? 0
            }
            if more < 0, errno == EINTR { continue }
            guard more >= 0 else { throw failure("read it") }
            if more == 0 { break }
            count += more
        }
        return try parse(String(decoding: bytes.prefix(count), as: UTF8.self))
    }

    private func parse(_ text: String) throws(ShimUnavailable) -> [SessionKey] {
        var lines = text.split(separator: "\n")
        guard lines.first == Self.firstLine[...] else { throw fault("its first line is not '\(Self.firstLine)'") }
        lines.removeFirst()
        guard lines.count <= Self.sessionsMax else { throw fault("it names more than \(Self.sessionsMax) sessions") }
        var sessions: [SessionKey] = []
        for line in lines {
            let words = line.split(separator: " ").map { UInt64($0, radix: 16) }
            guard words.count == 3, let number = words[0], let high = words[1], let low = words[2] else {
                throw fault("a line of it is not 'session token token', in hexadecimal")
            }
            sessions.append(SessionKey(number: number, token: [high, low]))
        }
        return sessions
    }

    /// Replaces it, durably.
    public func write(_ sessions: [SessionKey]) throws(ShimUnavailable) {
        let lines = sessions.map { key in
            ([key.number] + key.token).map { String($0, radix: 16) }.joined(separator: " ")
        }
        let text = ([Self.firstLine] + lines).joined(separator: "\n") + "\n"
        let temporary = path + ".new"
        // SAFETY: paths and bytes live through the calls, here and below.
        _ = unsafe unlink(temporary)
        let descriptor = unsafe open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode_t(0o600))
        guard descriptor >= 0 else { throw failure("create \(temporary)") }
        defer { close(descriptor) }
        let bytes = Array(text.utf8)
        var written = 0
        while written < bytes.count {
            let count = unsafe bytes.withUnsafeBytes { buffer in
                unsafe buffer.baseAddress.map {
                    unsafe Glibc.write(descriptor, $0 + written, buffer.count - written)
                } ?? 0
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw failure("write it") }
            written += count
        }
        guard fchmod(descriptor, 0o600) == 0, fsync(descriptor) == 0 else { throw failure("make it durable") }
        guard unsafe rename(temporary, path) == 0 else { throw failure("move it into place") }
        let folder = unsafe open(folderPath, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else { throw failure("open its folder") }
        defer { close(folder) }
        guard fsync(folder) == 0 else { throw failure("make its folder durable") }
    }

    private var folderPath: String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    private func fault(_ reason: String) -> ShimUnavailable { .sessionFile(path: path, reason: reason) }

    /// With the current errno.
    private func failure(_ what: String) -> ShimUnavailable { fault("cannot \(what): \(ErrorNumber.text(errno))") }
}
