/// What the host owed and did not do, as the fake module saw it.
public struct Hazard: Codable, Hashable, Sendable {
    /// Counts from 1, in the order of the reports.
    public var number: UInt64
    /// Which rule was broken.
    public var rule: String
    /// Host physical address of the page it is about. Roles `lab` and `admin` only.
    public var page: HexValue?
    /// The KeyID it is about.
    public var keyId: Int?
    /// What went before, if it was seen.
    public var earlier: HazardDeed?
    /// What was done when the rule was found broken.
    public var later: HazardDeed
    /// What is wrong, in a sentence.
    public var explanation: String
    /// What obliges the host.
    public var source: String

    public init(
        number: UInt64, rule: String, page: HexValue? = nil, keyId: Int? = nil, earlier: HazardDeed? = nil,
        later: HazardDeed, explanation: String, source: String
    ) {
        self.number = number
        self.rule = rule
        self.page = page
        self.keyId = keyId
        self.earlier = earlier
        self.later = later
        self.explanation = explanation
        self.source = source
    }
}

/// A call of the module or of the host's port.
public struct HazardDeed: Codable, Hashable, Sendable {
    /// The leaf, or what the host did, such as `host.free`.
    public var name: String
    /// Where a leaf ran.
    public var processor: Int?
    /// Counts what a report could name, from 1.
    public var sequence: UInt64

    public init(name: String, processor: Int? = nil, sequence: UInt64) {
        self.name = name
        self.processor = processor
        self.sequence = sequence
    }
}

/// Hazards, oldest first.
public struct HazardList: Codable, Hashable, Sendable {
    /// The hazards; the first few hundred are kept.
    public var items: [Hazard]
    /// How many were found in all.
    public var total: UInt64
    /// The same number; the list's ETag.
    public var revision: UInt64

    public init(items: [Hazard], total: UInt64, revision: UInt64) {
        self.items = items
        self.total = total
        self.revision = revision
    }
}
