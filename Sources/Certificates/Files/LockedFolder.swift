internal import Glibc

/// A folder that only its owner may enter, and the lock on it while it is open here.
@safe struct LockedFolder: ~Copyable {
    let path: String
    private let descriptor: Descriptor

    /// Opens the folder and locks it against other processes that do the same.
    ///
    /// - Throws: `busy` when one does; `tooOpen` when others than the owner may enter.
    init(_ path: String) throws(CertificateError) {
        self.path = Paths.trimmed(path)
        descriptor = try CertificateError.place(file: path) { () throws(CertificateError.Reason) in
            // SAFETY: the path and the structure live through the calls.
            guard let folder = Descriptor(unsafe open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) else {
                throw SystemCall.failure("open the folder")
            }
            var status = stat()
            guard unsafe fstat(folder.number, &status) == 0 else { throw SystemCall.failure("look at the folder") }
            guard status.st_mode & 0o077 == 0 else { throw .tooOpen(mode: status.st_mode & 0o7777) }
            // The lock ends with the descriptor, also if the process dies.
            guard flock(folder.number, LOCK_EX | LOCK_NB) == 0 else { throw .busy }
            return folder
        }
    }

    func file(_ name: String) -> String { path + "/" + name }
}
