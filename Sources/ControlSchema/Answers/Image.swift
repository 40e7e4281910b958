/// Whether an image's file holds what its digest names.
public struct ImageState: OpenEnum {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }

    /// It was hashed since the daemon started, and the file has not changed.
    public static let ready = Self(rawValue: "ready")
    /// It was there when the daemon started: it is hashed before it is used.
    public static let unchecked = Self(rawValue: "unchecked")
    /// It is not what it is called, and is not used.
    public static let damaged = Self(rawValue: "damaged")

    public static let known: [Self] = [.ready, .unchecked, .damaged]
}

/// A guest image on the daemon's disk.
public struct Image: Codable, Hashable, Sendable {
    /// `sha384:` and 96 digits: the SHA-384 of its bytes, and its name.
    public var digest: String
    /// Its length in bytes.
    public var sizeBytes: Int
    /// Whether it can be used.
    public var state: ImageState
    /// What is wrong with it; only when `damaged`.
    public var reason: String?
    /// When it came; absent for one that was only looked at.
    public var createdAt: Timestamp?
    /// When it was last named by a request, or else when it came.
    public var lastUsedAt: Timestamp?
    /// Counts its changes, and is its ETag; 0 for one that was only looked at.
    public var revision: UInt64
    /// Related paths.
    public var links: [String: String]

    public init(
        digest: String, sizeBytes: Int, state: ImageState, reason: String? = nil, createdAt: Timestamp? = nil,
        lastUsedAt: Timestamp? = nil, revision: UInt64, links: [String: String]
    ) {
        self.digest = digest
        self.sizeBytes = sizeBytes
        self.state = state
        self.reason = reason
        self.createdAt = createdAt
        self.lastUsedAt = lastUsedAt
        self.revision = revision
        self.links = links
    }
}

/// Images, by digest.
public struct ImageList: Codable, Hashable, Sendable {
    /// The images.
    public var items: [Image]
    /// Where the next part begins; absent after the last.
    public var nextCursor: String?
    /// Counts the changes of the collection, and is its ETag.
    public var revision: UInt64
    /// Bytes of all images together, uploads under way included.
    public var usedBytes: Int
    /// Bytes that there may be.
    public var capacityBytes: Int

    public init(
        items: [Image], nextCursor: String? = nil, revision: UInt64, usedBytes: Int, capacityBytes: Int
    ) {
        self.items = items
        self.nextCursor = nextCursor
        self.revision = revision
        self.usedBytes = usedBytes
        self.capacityBytes = capacityBytes
    }
}
