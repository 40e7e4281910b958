/// What is to stand in a region of guest memory, read by the engine as it fills the region. Whoever supplies it
/// decides where it is: in memory, on disk, or on its way from a client.
///
/// The engine asks from one thread at a time and in ascending order; what has been filled is not asked for again, but
/// for content that has a ``name``.
public protocol MemoryContent: Sendable {
    /// What the content is called, where it can be read again at any offset, also after `end`, by several at once, and
    /// where all that is called so is the same: its digest. Nil where it passes once.
    var name: String? { get }

    /// Bytes there are. What follows the last one is zero, up to the region's end.
    var sizeBytes: UInt64 { get }

    /// Fills as much of `bytes` as there is, from its beginning. May block briefly, as a disk does.
    ///
    /// - Parameters:
    ///   - offset: where `bytes` begins in the content; a multiple of 4,096.
    ///   - bytes: room for ``MemoryRegion/contentBytesMax``; the content may end before it does.
    ///   - wake: to be called once, from any thread, when the answer was ``ContentSupply/nothingYet`` and asking again
    ///     makes sense: there is more, or it has failed. It does nothing if the operation has ended meanwhile.
    func read(
        at offset: UInt64, into bytes: inout MutableRawSpan, wake: @escaping @Sendable () -> Void
    ) -> ContentSupply

    /// Nothing is asked any more: the operation has ended, or the dry run. Called once, from an engine thread, unless
    /// the submission was refused, which leaves the content with its owner. Content with a ``name`` may be read again
    /// later; then this is called again.
    ///
    /// - Parameter complete: whether all of it was used, and the operation has succeeded.
    func end(_ complete: Bool)
}

extension MemoryContent {
    public var name: String? { nil }
}

/// What came of asking for content.
public enum ContentSupply: Sendable {
    /// So many bytes are there: at least one page, and whole pages but for the content's last.
    case filled(Int)
    /// Nothing for now; `wake` will be called.
    case nothingYet
    /// There will be no more, and why: the operation fails.
    case failed(String)
}

/// A region of zeroes.
public struct NoContent: MemoryContent {
    public let name: String? = "zeroes"
    public let sizeBytes: UInt64 = 0

    public init() {}

    public func read(
        at offset: UInt64, into bytes: inout MutableRawSpan, wake: @escaping @Sendable () -> Void
    ) -> ContentSupply { .filled(0) }

    public func end(_ complete: Bool) {}
}
