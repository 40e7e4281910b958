/// One image on disk, as it is known.
public struct Image: Hashable, Sendable {
    public let digest: ImageDigest
    public let sizeBytes: UInt64
    /// Nanoseconds since 1970.
    public let createdAt: UInt64
    /// When a TD was last to be built from it, or else when it came; nanoseconds since 1970.
    public internal(set) var lastUsedAt: UInt64
    public internal(set) var check: Check
    /// Greater with each change to it.
    public internal(set) var revision: UInt64

    /// Whether the file's bytes are those that the digest names.
    public enum Check: Hashable, Sendable {
        /// Hashed by this process; the file has not changed since.
        case passed
        /// Found at the start, and not needed since: it is hashed before it is used.
        case pending
        /// It is not what it is called. The same image sent again takes its place.
        case failed(String)
    }
}

/// Why an image cannot be stored, found, used or deleted.
public enum ImageError: Error, Hashable, Sendable {
    case noSuchImage(ImageDigest)
    case damaged(ImageDigest, reason: String)
    /// It is being read for an operation.
    case inUse(ImageDigest)
    /// The cap is reached, and all that is stored is in use.
    case capacityReached(limitBytes: UInt64, usedBytes: UInt64, requestedBytes: UInt64)
    /// It alone is larger than all images may be.
    case tooLarge(limitBytes: UInt64)
    /// The file system has no room left.
    case deviceFull
    case digestMismatch(algorithm: String, expected: String, actual: String)
    case empty
    case tooManyUploads(limit: Int)
    /// The client went away before the end, or sent more or less than it said.
    case incomplete
    case disk(String)
}
