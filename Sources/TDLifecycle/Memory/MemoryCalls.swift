internal import TDXCalls

// Which call is next on the way to a TD's memory and measurement, and what its row takes in of it.

extension Domain {
    /// All tables of the operation first, then page by page: TDH.MEM.PAGE.ADD, and TDH.MR.EXTEND for each of its
    /// chunks at once, as KVM does. Large pages are made of a region's pages once it is filled.
    func nextMemoryCall(_ regions: Range<Int>) -> Call? {
        guard !regions.isEmpty else { return nil }
        // Also one that an operation before this could not write back.
        if memory.freedTable != nil { return .writeBackTable }
        if let table = memory.tables.next { return .addTable(table) }
        for place in regions where !memory.regions[place].isComplete {
            let state = memory.regions[place]
            if state.region.measure, state.chunksExtended < state.pagesAdded * chunksPerPage {
                return .extend(region: place)
            }
            if state.isFilled { return .promote(region: place) }
            return .addPage(region: place)
        }
        return nil
    }

    /// TDH.MR.FINALIZE, and what the module then says MRTD is.
    var nextFinalizingCall: Call? {
        guard lifecycle == .keysConfigured else { return nil }
        switch opState {
        case .initialized: return .finalize
        case .runnable: return memory.measurement.actual == nil ? .readMRTD(memory.mrtdRead.count) : nil
        case nil, .uninitialized: return nil
        }
    }

    /// Takes regions in that an operation is to add.
    mutating func plan(_ regions: [MemoryRegion], tablesFor levels: UInt8) {
        guard !regions.isEmpty else { return }
        memory.regions += regions.map { GuestRegion(region: $0) }
        memory.tables.plan(for: regions, levels: levels)
    }

    /// The module has taken `pages` of a region and measured `chunks` of it.
    mutating func fill(_ place: Int, pages: Int, chunks: Int, _ sequence: UInt64, _ time: WallTime) {
        stateSource = .inferred
        memory.regions[place].pagesAdded += pages
        memory.regions[place].chunksExtended += chunks
        guard pages > 0 else { return }
        memory.pages.hold(pages, sequence, time)
        heldCounts[.guest] += pages
    }

    /// Bytes of these regions that are there, and measured if they are to be.
    func bytesDone(_ places: Range<Int>) -> UInt64 { memory.regions[places].reduce(0) { $0 + $1.bytesDone } }

    mutating func noteMRTD(_ value: UInt64) {
        memory.mrtdRead.append(value)
        guard memory.mrtdRead.count == Self.mrtdElements else { return }
        let bytes = memory.mrtdRead.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64(8 * $0)) }
        }
        memory.measurement.actual = MeasurementID(bytes: bytes)
        memory.mrtdRead = []
    }

    /// Reads of MNG.RD that MRTD takes.
    static var mrtdElements: Int { MeasurementID.sizeBytes / 8 }

    /// Nobody can ask for them any more; regions and measurement stay readable.
    mutating func dropMemory() {
        memory.pages = GuestPages()
        memory.tables = SEPTTables()
        memory.stream = nil
        memory.expectation.dropContents()
        if isExpectationOpen { memory.expectation.lost = "the TD was deleted before anybody asked" }
    }

    mutating func updateMeasurementCondition(at now: WallTime) {
        guard memory.measurement.isDiverged else { return }
        let type = "MeasurementDiverged"
        if let place = conditions.firstIndex(where: { $0.type == type }) {
            conditions[place].observedRevision = revision
            return
        }
        let isOther = memory.measurement.isVerified == false && memory.measurement.expected != nil
        conditions.append(
            Condition(
                type: type, status: .yes, reason: isOther ? "MRTDDiffers" : "MemoryAddedInPart",
                message: isOther
                    ? "MRTD, as the module gave it back, is not what the accepted calls make."
                    : "Memory was added in part: MRTD is not what was planned, and finalising takes force.",
                lastTransitionAt: now, observedRevision: revision))
    }
}

extension TDXModule {
    /// One eighth of MRTD.
    func readMRTD(_ td: TD, _ element: Int, on processor: Processor) throws(SEAMCALLError) -> UInt64 {
        try tdh_mng_rd(td, FieldID(rawValue: Self.mrtd + UInt64(element)), on: processor)
    }

    /// MRTD's first element; the others follow.
    private static var mrtd: UInt64 { 0x1310_0003_0000_0000 }
}
