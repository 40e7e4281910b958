internal import TDXCalls
internal import Threading

/// What MRTD ought to be: how far it is hashed, and what the rest can be read from when somebody asks for it.
struct Expectation: Sendable {
    /// Over the first so many regions of the TD.
    private(set) var hash = MRTDHash()
    private(set) var regions = 0
    /// Of regions after those, by their first address: each is kept until it is hashed or the TD is deleted.
    private(set) var contents: [UInt64: any MemoryContent] = [:]
    /// Why it will never be known, if it will not.
    var lost: String?

    mutating func keep(_ content: any MemoryContent, of region: MemoryRegion) {
        if region.measure, content.name != nil { contents[region.gpa.rawValue] = content }
    }

    /// Takes in that the first `count` of `regions` are hashed.
    mutating func advance(to count: Int, of regions: [GuestRegion], _ hash: MRTDHash) {
        for row in regions[self.regions..<count] { contents[row.region.gpa.rawValue] = nil }
        self.hash = hash
        self.regions = count
    }

    /// Nobody can read them any more.
    mutating func drop(_ regions: some Sequence<MemoryRegion>) {
        for region in regions { contents[region.gpa.rawValue] = nil }
    }

    mutating func dropContents() { contents = [:] }

    /// What is to be hashed yet up to a region.
    func rest(to count: Int, of rows: [GuestRegion]) -> [MeasuredSource] {
        rows[regions..<max(regions, count)].filter { $0.pagesAdded > 0 }.map { row in
            let content = contents[row.region.gpa.rawValue]
            let span = MeasuredSpan(row.region, pages: row.pagesAdded, chunks: row.chunksExtended, content)
            return MeasuredSource(span: span, content: content ?? NoContent())
        }
    }
}

extension Domain {
    /// Regions that no operation is at work on; they come first.
    var settledRegions: Int {
        guard let activeOperation else { return memory.regions.count }
        return memory.regions.firstIndex { $0.operation == activeOperation } ?? memory.regions.count
    }

    /// Whether the expected MRTD can be had by hashing what is settled.
    var isExpectationOpen: Bool { memory.measurement.expected == nil && memory.expectation.lost == nil }

    /// Takes in what the first `count` regions were found to make.
    mutating func expect(_ hash: MRTDHash, after count: Int) {
        guard count >= memory.expectation.regions, count <= settledRegions else { return }
        memory.expectation.advance(to: count, of: memory.regions, hash)
        if count == settledRegions { memory.measurement.expected = hash.digest }
        compareMeasurement()
    }

    /// Takes in what was found while a step was at work on a copy of the row.
    mutating func expect(asFoundIn other: Domain) {
        let (own, found) = (memory.expectation, other.memory.expectation)
        if found.regions > own.regions { expect(found.hash, after: found.regions) }
        if own.lost == nil, let lost = found.lost, memory.measurement.expected == nil { memory.expectation.lost = lost }
    }

    /// What the module says against what the accepted calls make.
    mutating func compareMeasurement() {
        let measurement = memory.measurement
        guard let actual = measurement.actual, let expected = measurement.expected, actual != expected else { return }
        memory.measurement.isDiverged = true
    }
}

extension Engine {
    /// Tells what a TD is once its expected MRTD is known: at once, or after what it is made of has been read again and
    /// hashed by jobs of the engine's. Where it cannot be known the row says why.
    ///
    /// - Parameter completion: is called once, from this thread or an engine's.
    public func measuredTD(
        _ reference: TDReference, completion: @escaping @Sendable (Result<Domain, LifecycleError>) -> Void
    ) throws(LifecycleError) {
        let domain = try state.withLock { (state) throws(LifecycleError) in try state.domain(reference) }
        guard domain.isExpectationOpen else { return completion(.success(domain)) }
        let (id, count) = (domain.id, domain.settledRegions)
        let expectation = domain.memory.expectation
        let rest = expectation.rest(to: count, of: domain.memory.regions)
        hash(rest, after: expectation.hash) { result in
            let changed = self.transact(.grouped) { state, transaction -> Domain? in
                guard var row = state.domains[id]?.value else { return nil }
                switch result {
                case .success(let hash): row.expect(hash, after: count)
                case .failure(let error):
                    // Said to who asks, and not kept: the image may be sent again.
                    if row.isExpectationOpen { row.memory.expectation.lost = error.contentReason }
                    return row
                }
                // Before MRTD is read back nobody sees a difference, so that it is no change of the TD's.
                if row.memory.measurement.actual == nil {
                    state.domains[id] = Boxed(row)
                } else {
                    state.put(row, &transaction)
                }
                return state.domains[id]?.value
            }
            completion(changed.map { .success($0) } ?? .failure(.noSuchTD(id.description)))
        }
    }
}

extension LifecycleError {
    /// Why a region's content could not be read.
    var contentReason: String {
        if case .contentFailed(_, let reason) = self { reason } else { "its content cannot be read again" }
    }
}
