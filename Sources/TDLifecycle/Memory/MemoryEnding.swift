internal import TDXCalls

// What an operation on memory leaves behind when it ends.

extension Step {
    /// Regions of this operation's that are there in part or whole.
    private var ownRegions: [GuestRegion] { domain.memory.regions.filter { $0.operation == operation.id } }

    /// Whether a region was begun and not filled. One whose large pages were not all made measures as it was planned.
    private var leavesPart: Bool { ownRegions.contains { $0.pagesAdded > 0 && !$0.isFilled } }

    mutating func noteMemory(_ state: Operation.State) {
        defer { domain.compareMeasurement() }
        guard operation.memoryRun != nil else { return }
        domain.memory.tables.forgetPlanned()
        guard state != .succeeded else { return noteExpectation() }
        defer { noteExpectation() }
        if operation.kind == .addMemory, leavesPart { domain.memory.measurement.isDiverged = true }
        let id = operation.id
        let unused = domain.memory.regions.filter { $0.operation == id && $0.pagesAdded == 0 }
        guard !unused.isEmpty else { return }
        domain.memory.regions.removeAll { $0.operation == id && $0.pagesAdded == 0 }
        domain.memory.expectation.drop(unused.lazy.map(\.region))
    }

    /// What MRTD ought to be now: by the hash of what has passed, or as it was found for another TD. Else it is hashed
    /// when somebody asks.
    private mutating func noteExpectation() {
        guard !domain.isDeleted else { return }
        let rows = domain.memory.regions
        let expectation = domain.memory.expectation
        guard rows.count > expectation.regions else { return }
        domain.memory.measurement.expected = nil
        if let stream = domain.memory.stream {
            domain.memory.stream = nil
            switch stream.settled(orWake: {}) {
            case .hash(let hash): expect(hash, rows)
            case .lost(let reason): domain.memory.expectation.lost = reason
            case nil: domain.memory.expectation.lost = "the operation ended before all was hashed"
            }
            return
        }
        let spans = expectation.rest(to: rows.count, of: rows).lazy.map(\.span)
        if let hash = engine.measuredStates.find(spans, after: expectation.hash) { expect(hash, rows) }
    }

    private mutating func expect(_ hash: MRTDHash, _ rows: [GuestRegion]) {
        domain.memory.expectation.advance(to: rows.count, of: rows, hash)
        domain.memory.measurement.expected = hash.digest
    }

    func noteMemory(_ residue: inout Residue) {
        residue.memory = ownRegions
        residue.septPages = operation.pagesGiven - residue.memory.reduce(0) { $0 + $1.pagesAdded }
        residue.measurementDiverged = leavesPart
    }
}
