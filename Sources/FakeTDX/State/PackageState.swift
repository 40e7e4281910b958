/// A package's write-back in progress. All of it belongs to the holder of the package's WBCACHE mutex.
final class PackageState: @unchecked Sendable {
    private let locks = LockBlock(count: 1)

    /// How far a write-back that was interrupted has come; nil when there is none to resume.
    var position: WriteBackPosition?
    /// KeyIDs that were flushed when it began, from the lowest private one: what its completion covers.
    var covered: [Bool]

    init(privateKeyIDs: Int) {
        covered = Array(repeating: false, count: privateKeyIDs)
    }

    var writeBackLock: LockReference { locks[0] }
}

/// A point in a package's write-back.
struct WriteBackPosition: Hashable, Sendable {
    /// Sub-blocks that are done.
    var blocks = 0
    /// Time already spent on the next one, where write-backs take time.
    var spent: Duration = .zero
}
