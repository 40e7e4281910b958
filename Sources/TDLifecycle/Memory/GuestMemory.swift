public import TDXCalls

/// What a TD has of guest memory and its measurement.
public struct GuestMemory: Sendable {
    /// In the order they were asked for; the last may still be on its way.
    public internal(set) var regions: [GuestRegion] = []
    public internal(set) var measurement = Measurement(expected: .ofNothing)
    var expectation = Expectation()
    var tables = SEPTTables()
    /// A table's page that a promotion has freed and that is not the host's yet: its row says it is held.
    var freedTable: ResourceID?
    var pages = GuestPages()
    /// The hash of what passes once, while an operation adds it.
    var stream: MeasurementStream?
    /// MRTD as far as it was read back, eight bytes at a time.
    var mrtdRead: [UInt64] = []

    /// Most rows have none: they share this one.
    static let none = Boxed(GuestMemory())
}

extension Domain {
    /// Guest memory and what it measures to.
    public internal(set) var memory: GuestMemory {
        _read { yield boxedMemory.value }
        _modify { yield &boxedMemory.value }
    }

    /// Why the expected MRTD cannot be known; nil if it is, or can be.
    public var expectationLost: String? { memory.measurement.expected == nil ? memory.expectation.lost : nil }

    public var isFinalized: Bool { opState == .runnable }

    /// The guest's address of a page that is in its memory.
    public func guestAddress(of page: ResourceID) -> GPA? { memory.pages.gpa(page) }

    /// Pages of all kinds in the order of their ids, from the first after `cursor`, at most `limit`. A large page of
    /// guest memory is one of them.
    public func pages(after cursor: ResourceID?, limit: Int) -> [Page] {
        let own = pages.lazy.filter { page in cursor.map { page.id > $0 } ?? true }.prefix(limit)
        let guest = memory.pages.pages(after: cursor, limit: limit)
        guard !guest.isEmpty else { return Array(own) }
        return Array((Array(own) + guest).sorted { $0.id < $1.id }.prefix(limit))
    }

    /// All pages, guest memory included.
    var pageCount: Int { pages.count + memory.pages.count }
}
