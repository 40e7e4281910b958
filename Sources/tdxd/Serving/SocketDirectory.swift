internal import Glibc

/// The directory of the default socket, which a fresh boot does not have.
enum SocketDirectory {
    /// Makes the last part of the path, if it is missing; the socket's own permissions decide who gets in.
    static func create(for socketPath: String) throws(Failure) {
        guard let slash = socketPath.lastIndex(of: "/"), slash != socketPath.startIndex else { return }
        let directory = String(socketPath[..<slash])
        // SAFETY: the path is read during the call.
        if unsafe mkdir(directory, 0o755) == 0 || errno == EEXIST { return }
        throw Failure(.cannotCreateSocket, "\(directory): cannot be created (errno \(errno))")
    }
}
