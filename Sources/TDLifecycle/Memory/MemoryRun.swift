internal import TDXCalls
internal import Threading

/// What an operation that adds memory has of its own while it runs: the contents, one page-aligned piece of host
/// memory that the module copies from, and the batch at hand.
final class MemoryRun: Sendable {
    /// Pages whose contents have been read and that are given one after another; they may outlast a step.
    struct Batch: Sendable {
        /// For the hash of what passes once; else none.
        var bytes: [UInt8]
        /// By place among the TD's regions.
        let region: Int
        let isMeasured: Bool
        let gpa: GPA
        let pages: Int
        var added = 0
        /// Measured chunks of the page added last.
        var chunks = 0

        var isDone: Bool { added == pages && (!isMeasured || chunks == chunksPerPage) }

        func gpaOfPage(_ page: Int) -> UInt64 { gpa.rawValue &+ UInt64(truncatingIfNeeded: page * pageSizeBytes) }

        /// The chunk to be measured next.
        var gpaOfChunk: GPA { GPA(rawValue: gpaOfPage(added - 1) + UInt64(chunks * measuredChunkBytes)) }
    }

    private struct State: Sendable {
        var source: HostMemory?
        var batch: Batch?
        /// The buffer that batches are read into.
        var buffer: [UInt8]?
    }

    private let contents: [any MemoryContent]
    /// Place of the first content's region among the TD's.
    let firstRegion: Int
    private let state = Locked(State())

    init(_ contents: [any MemoryContent], firstRegion: Int) {
        self.contents = contents
        self.firstRegion = firstRegion
    }

    var regions: Range<Int> { firstRegion..<firstRegion + contents.count }

    func content(of region: Int) -> any MemoryContent { contents[region - firstRegion] }

    var hasBatch: Bool { state.withLock { $0.batch != nil } }
    func takeBatch() -> Batch? { state.withLock { $0.batch.take() } }
    func put(_ batch: Batch) { state.withLock { $0.batch = batch } }

    func takeBuffer() -> [UInt8] {
        state.withLock { $0.buffer.take() } ?? [UInt8](repeating: 0, count: MemoryRegion.contentBytesMax)
    }

    func giveBack(_ buffer: [UInt8]) { state.withLock { $0.buffer = buffer } }

    /// Host memory for one batch, taken when it is first needed.
    func source(_ host: any HostPort) throws(PortError) -> HostMemory {
        if let source = sourceAtHand { return source }
        let source = try host.allocateMemory(bytes: MemoryRegion.contentBytesMax)
        state.withLock { $0.source = source }
        return source
    }

    var sourceAtHand: HostMemory? { state.withLock { $0.source } }

    /// Gives back what was taken, and tells the contents.
    func end(_ complete: Bool, _ host: any HostPort) {
        let source = state.withLock { state -> HostMemory? in
            state.batch = nil
            state.buffer = nil
            return state.source.take()
        }
        if let source { host.freeMemory(source) }
        for content in contents { content.end(complete) }
    }
}

extension Operation {
    /// Takes on to fill regions that the row has been planned with.
    mutating func fill(_ run: MemoryRun, _ domain: inout Domain) {
        memoryRun = run
        promisedGuestPages = plan.pages[.guest] ?? 0
        for place in run.regions {
            domain.memory.regions[place].operation = id
            domain.memory.expectation.keep(run.content(of: place), of: domain.memory.regions[place].region)
            progress.bytesTotal += domain.memory.regions[place].region.sizeBytes
        }
    }
}
