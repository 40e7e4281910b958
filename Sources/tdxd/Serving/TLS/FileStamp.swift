internal import Glibc

/// What tells whether a file is still the one that was read, without reading it.
struct FileStamp: Hashable, Sendable {
    private let device: UInt
    private let inode: UInt
    private let size: Int
    private let modified: [Int]
    private let changed: [Int]

    /// Nil when the file is not there or cannot be looked at. Follows links: where they lead may have changed.
    init?(of path: String) {
        var status = stat()
        // SAFETY: the path is read and the structure written during the call.
        guard unsafe stat(path, &status) == 0 else { return nil }
        device = status.st_dev
        inode = status.st_ino
        size = status.st_size
        modified = [status.st_mtim.tv_sec, status.st_mtim.tv_nsec]
        changed = [status.st_ctim.tv_sec, status.st_ctim.tv_nsec]
    }
}

/// Decides when something that others change is to be read: once it differs from what was read last, and has stayed
/// the same between two looks. Whoever replaces several files, or writes one slowly, is given that time.
struct Settling<Stamp: Equatable> {
    private var read: Stamp
    private var seen: Stamp

    init(read stamp: Stamp) {
        read = stamp
        seen = stamp
    }

    /// Whether it is to be read now.
    mutating func look(_ stamp: Stamp) -> Bool {
        defer { seen = stamp }
        return stamp != read && stamp == seen
    }

    /// It is being read, and was stamped so before. What did not hold is not read again until it changes.
    mutating func willRead(_ stamp: Stamp) {
        read = stamp
        seen = stamp
    }
}
