/// How much is kept, and for how long.
public struct ImageLimits: Hashable, Sendable {
    /// Bytes of all images together, those that are being uploaded included.
    public var capacityBytes: UInt64 = 16 << 30
    /// An image that no TD names is deleted when it has not been used for so long; nil keeps it.
    public var retention: Duration? = .seconds(7 * 24 * 3600)
    /// Uploads at once; each has a thread and at most `queuedBytesMax` in memory.
    public var uploads = 16

    public init() {}

    /// Bytes of one upload that wait for the disk; the client is held back beyond.
    static let queuedBytesMax = 1 << 20
    /// Bytes set aside at once for an upload whose length is not known.
    static let reservationBytes: UInt64 = 1 << 20
    /// Bytes read at once where a whole file is hashed.
    static let readBytes = 256 << 10
}
