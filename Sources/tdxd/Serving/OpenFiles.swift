internal import Glibc

/// The limit of open files, which is one of connections, too.
enum OpenFiles {
    /// Descriptors for everything that is no connection.
    private static let others: rlim_t = 64

    /// Raises the limit as far as we may.
    ///
    /// - Returns: how many files `connections` connections need and how many there may be, if these are too few.
    static func raise(for connections: Int) -> (needed: rlim_t, allowed: rlim_t)? {
        var limit = rlimit()
        // SAFETY: the call fills the structure it is given.
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return nil }
        let needed = rlim_t(connections) + others
        if limit.rlim_cur < needed {
            limit.rlim_cur = min(limit.rlim_max, needed)
            // SAFETY: the call reads one structure.
            _ = unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        }
        return limit.rlim_cur < needed ? (needed, limit.rlim_cur) : nil
    }
}
