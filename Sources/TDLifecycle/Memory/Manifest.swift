internal import TDXCalls

// Where what a client says ought to have been measured parts from what the module accepted.

extension Domain {
    /// Where a manifest and the accepted calls first part; nil if they agree as far as the manifest says anything.
    public func difference(from manifest: MeasurementManifest) -> MeasurementDifference? {
        if let regions = manifest.regions, let difference = difference(from: regions) { return difference }
        let mrtd = memory.measurement.actual ?? memory.measurement.expected
        // An MRTD that cannot be known is not what was to be either.
        guard let expected = manifest.expectedMRTD, expected != mrtd else { return nil }
        return MeasurementDifference(reason: .mrtd, index: nil, manifest: nil, accepted: nil)
    }

    private func difference(from regions: [MemoryRegion]) -> MeasurementDifference? {
        var manifest = MeasuredPages(regions.map { ($0, $0.pageCount, $0.chunkCount) })
        var accepted = MeasuredPages(memory.regions.map { ($0.region, $0.pagesAdded, $0.chunksExtended) })
        var index: UInt64 = 0
        while true {
            let (left, right) = (manifest.pageAdd, accepted.pageAdd)
            guard left == right else {
                let reason: MeasurementDifference.Reason = left == nil || right == nil ? .length : .call
                return MeasurementDifference(reason: reason, index: index, manifest: left, accepted: right)
            }
            if left == nil { return nil }
            index += 1
            if manifest.hasOtherContents(than: accepted) {
                return MeasurementDifference(
                    reason: .content, index: index, manifest: manifest.extend(0), accepted: accepted.extend(0))
            }
            let common = min(manifest.chunks, accepted.chunks)
            index += UInt64(common)
            if manifest.chunks != accepted.chunks {
                let (left, right) = (manifest.event(after: common), accepted.event(after: common))
                let reason: MeasurementDifference.Reason = left == nil || right == nil ? .length : .call
                return MeasurementDifference(reason: reason, index: index, manifest: left, accepted: right)
            }
            // What two regions have in common further on need not be walked page by page.
            let skipped = min(manifest.wholePagesAfter, accepted.wholePagesAfter)
            index += UInt64(skipped * (1 + common))
            manifest.advance(1 + skipped)
            accepted.advance(1 + skipped)
        }
    }
}

/// A place in a sequence of calls that measure, page by page.
private struct MeasuredPages {
    private let regions: [(region: MemoryRegion, pages: Int, chunks: Int)]
    private var place = 0
    private var page = 0

    init(_ regions: [(region: MemoryRegion, pages: Int, chunks: Int)]) {
        self.regions = regions.filter { $0.pages > 0 }
    }

    private var gpa: UInt64 { regions[place].region.gpa.rawValue + UInt64(page * pageSizeBytes) }

    var pageAdd: MeasurementDifference.Event? {
        guard place < regions.count else { return nil }
        return MeasurementDifference.Event(leaf: .memPageAdd, gpa: GPA(rawValue: gpa))
    }

    func extend(_ chunk: Int) -> MeasurementDifference.Event {
        MeasurementDifference.Event(leaf: .mrExtend, gpa: GPA(rawValue: gpa + UInt64(chunk * measuredChunkBytes)))
    }

    /// Chunks of this page that are measured.
    var chunks: Int { min(max(0, regions[place].chunks - page * chunksPerPage), chunksPerPage) }

    func event(after chunks: Int) -> MeasurementDifference.Event? {
        if chunks < self.chunks { return extend(chunks) }
        var next = self
        next.advance(1)
        return next.pageAdd
    }

    /// Pages of this region after this one that are added and measured as this one is.
    var wholePagesAfter: Int {
        let measured = regions[place].region.measure ? regions[place].chunks / chunksPerPage : regions[place].pages
        return max(0, measured - page - 1)
    }

    /// Going by what the regions are called; a region that begins elsewhere cannot be compared.
    func hasOtherContents(than other: Self) -> Bool {
        guard page == 0, other.page == 0, chunks > 0, other.chunks > 0,
            let left = regions[place].region.imageDigest, let right = other.regions[other.place].region.imageDigest
        else { return false }
        return left != right
    }

    mutating func advance(_ count: Int) {
        page += count
        if page >= regions[place].pages { (place, page) = (place + 1, 0) }
    }
}
