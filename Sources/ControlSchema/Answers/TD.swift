/// A trust domain.
public struct TD: Codable, Hashable, Sendable {
    /// Its id, for ever.
    public var id: String
    /// Its name, unique among the TDs that are not deleted.
    public var name: String?
    /// Its labels; empty when it has none.
    public var labels: [String: String]
    /// Sequence of its last change; the ETag is `"r<revision>"`.
    public var revision: UInt64
    /// When it was asked for.
    public var createdAt: Timestamp
    /// Who asked.
    public var createdBy: String
    /// When its last page was back; absent before.
    public var deletedAt: Timestamp?
    /// What was asked for, with every default filled in.
    public var spec: EffectiveSpec
    /// What it is now.
    public var status: TDStatus
    /// Related paths.
    public var links: [String: String]

    public init(
        id: String, name: String? = nil, labels: [String: String], revision: UInt64, createdAt: Timestamp,
        createdBy: String, deletedAt: Timestamp? = nil, spec: EffectiveSpec, status: TDStatus,
        links: [String: String]
    ) {
        self.id = id
        self.name = name
        self.labels = labels
        self.revision = revision
        self.createdAt = createdAt
        self.createdBy = createdBy
        self.deletedAt = deletedAt
        self.spec = spec
        self.status = status
        self.links = links
    }
}
