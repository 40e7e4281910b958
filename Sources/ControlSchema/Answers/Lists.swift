/// TDs, oldest first.
public struct TDList: Codable, Hashable, Sendable {
    /// The TDs.
    public var items: [TD]
    /// Where the next part begins; absent after the last.
    public var nextCursor: String?
    /// Sequence of the last event that touched the collection, and its ETag.
    public var revision: UInt64

    public init(
        items: [TD], nextCursor: String? = nil, revision: UInt64
    ) {
        self.items = items
        self.nextCursor = nextCursor
        self.revision = revision
    }
}

/// KeyIDs, by number.
public struct KeyIDList: Codable, Hashable, Sendable {
    /// The KeyIDs.
    public var items: [KeyID]
    /// Where the next part begins; absent after the last.
    public var nextCursor: String?
    /// Sequence of the last event that touched the collection, and its ETag.
    public var revision: UInt64

    public init(
        items: [KeyID], nextCursor: String? = nil, revision: UInt64
    ) {
        self.items = items
        self.nextCursor = nextCursor
        self.revision = revision
    }
}

/// Pages that a TD holds, by id.
public struct PageList: Codable, Hashable, Sendable {
    /// The pages.
    public var items: [PageRecord]
    /// Where the next part begins; absent after the last.
    public var nextCursor: String?
    /// Sequence of the last event that touched the collection, and its ETag.
    public var revision: UInt64

    public init(
        items: [PageRecord], nextCursor: String? = nil, revision: UInt64
    ) {
        self.items = items
        self.nextCursor = nextCursor
        self.revision = revision
    }
}
