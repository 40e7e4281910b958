internal import TDXCalls
internal import Threading

extension Engine {
    /// Hashes what is to be measured, in jobs of the engine's; what was hashed before for anybody is not hashed again.
    ///
    /// - Parameter completion: is called once, from one of them, or from this thread if there is nothing to hash.
    func hash(
        _ sources: [MeasuredSource], after hash: MRTDHash,
        _ completion: @escaping @Sendable (Result<MRTDHash, LifecycleError>) -> Void
    ) {
        guard !sources.isEmpty else { return completion(.success(hash)) }
        MRTDPrediction(hash, sources, measuredStates, environment, limits, completion).schedule()
    }

    /// Reads contents and says what MRTD they would make, then hands the plan on with it.
    func predict(
        _ plan: Plan, after hash: MRTDHash, _ sources: [MeasuredSource],
        _ completion: @escaping @Sendable (Result<Plan, LifecycleError>) -> Void
    ) {
        self.hash(sources, after: hash) { result in
            completion(
                result.map { hash in
                    var plan = plan
                    plan.predictedMRTD = hash.digest
                    return plan
                })
        }
    }
}

extension MeasuredSource {
    /// All of a region, as it is going to be.
    init(_ region: MemoryRegion, _ content: any MemoryContent) {
        span = MeasuredSpan(region, pages: region.pageCount, chunks: region.chunkCount, content)
        self.content = content
    }
}

/// A measurement computed without the module: in bounded jobs, one after another, in bounded memory.
final class MRTDPrediction: Sendable {
    private struct State: Sendable {
        var hash: MRTDHash
        var place = 0
        var page = 0
        var buffer: [UInt8] = []
        /// The span at hand, if what comes of it is to be kept.
        var key: MeasuredStates.Key?
    }

    private struct Place: Sendable {
        /// With the job that is at work, while one is.
        var state: State?
        /// A wake came before that job had put the state back.
        var wasWoken = false
    }

    /// Pages at once of which the address alone is measured.
    private static let unmeasuredPagesMax = 512

    private let place: Locked<Place>
    private let sources: [MeasuredSource]
    private let states: MeasuredStates
    private let environment: EngineEnvironment
    private let limits: EngineLimits
    private let completion: @Sendable (Result<MRTDHash, LifecycleError>) -> Void

    init(
        _ hash: MRTDHash, _ sources: [MeasuredSource], _ states: MeasuredStates, _ environment: EngineEnvironment,
        _ limits: EngineLimits, _ completion: @escaping @Sendable (Result<MRTDHash, LifecycleError>) -> Void
    ) {
        place = Locked(Place(state: State(hash: hash)))
        self.sources = sources
        self.states = states
        self.environment = environment
        self.limits = limits
        self.completion = completion
    }

    func schedule() { environment.scheduler.enqueue { self.run() } }

    private func run() {
        let taken = place.withLock { place -> State? in
            place.wasWoken = false
            return place.state.take()
        }
        guard var state = taken else { return }
        let end = environment.elapsedClock.nanoseconds + limits.stepDuration.nanoseconds
        var bytes: UInt64 = 0
        while state.place < sources.count {
            let source = sources[state.place]
            if state.page == source.span.pages {
                if let key = state.key.take() { states.end(key, state.hash.hash) }
                (state.place, state.page) = (state.place + 1, 0)
                continue
            }
            guard bytes < limits.stepBytes, environment.elapsedClock.nanoseconds < end else {
                putBack(state)
                return schedule()
            }
            switch begin(&state, source.span) {
            case .known(let hash):
                state.hash = MRTDHash(hash)
                state.page = source.span.pages
                continue
            case .wait:
                if putBack(state) { schedule() }
                return
            case .begin: break
            }
            switch supply(&state, source) {
            case .pages(let pages):
                let next = state.page..<state.page + pages
                state.hash.add(
                    MeasuredPiece(
                        gpa: GPA(rawValue: source.span.gpa.rawValue + UInt64(state.page * pageSizeBytes)),
                        bytes: state.buffer, isMeasured: source.span.chunks > 0, pages: pages,
                        chunksOfLast: source.span.chunksOfLast(in: next)))
                state.page = next.upperBound
                bytes += UInt64(pages * pageSizeBytes)
            case .nothingYet:
                if putBack(state) { schedule() }
                return
            case .failed(let reason):
                if let key = state.key { states.end(key, nil) }
                return finish(.failure(.contentFailed(region: state.place, reason: reason)))
            }
        }
        finish(.success(state.hash))
    }

    /// Looks a span up that can be read again, before its first page.
    private func begin(_ state: inout State, _ span: MeasuredSpan) -> MeasuredStates.Turn {
        guard state.page == 0, state.key == nil, span.isRepeatable else { return .begin }
        let key = MeasuredStates.Key(before: state.hash.digest, span: span)
        let turn = states.enter(key) { self.wake() }
        if case .begin = turn { state.key = key }
        return turn
    }

    private func supply(_ state: inout State, _ source: MeasuredSource) -> BatchSupply {
        guard source.span.chunks > 0 else {
            return .pages(min(Self.unmeasuredPagesMax, source.span.pages - state.page))
        }
        if state.buffer.isEmpty { state.buffer = [UInt8](repeating: 0, count: MemoryRegion.contentBytesMax) }
        return source.content.fill(&state.buffer, source.span.pages, from: state.page) { self.wake() }
    }

    private func wake() {
        let isWaiting = place.withLock { place in
            if place.state == nil { place.wasWoken = true }
            return place.state != nil
        }
        if isWaiting { schedule() }
    }

    /// Whether it was woken meanwhile.
    @discardableResult
    private func putBack(_ state: State) -> Bool {
        place.withLock { place in
            place.state = state
            return place.wasWoken
        }
    }

    private func finish(_ result: Result<MRTDHash, LifecycleError>) {
        var isComplete = false
        if case .success = result { isComplete = true }
        for source in sources { source.content.end(isComplete) }
        completion(result)
    }
}

/// What came of asking for a batch.
enum BatchSupply: Sendable {
    case pages(Int)
    case nothingYet
    case failed(String)
}

extension MemoryContent {
    /// Fills a buffer with the next pages of a region, as many as there are, with zeroes after the content's end.
    ///
    /// - Parameters:
    ///   - buffer: ``MemoryRegion/contentBytesMax`` bytes.
    ///   - pageCount: pages of the region.
    func fill(
        _ buffer: inout [UInt8], _ pageCount: Int, from page: Int, wake: @escaping @Sendable () -> Void
    ) -> BatchSupply {
        let offset = UInt64(page * pageSizeBytes)
        let pagesMax = min(MemoryRegion.contentBytesMax / pageSizeBytes, pageCount - page)
        let rest = sizeBytes > offset ? sizeBytes - offset : 0
        let wanted = Int(min(rest, UInt64(pagesMax * pageSizeBytes)))
        var filled = 0
        if wanted > 0 {
            var span = buffer.mutableSpan
            // SAFETY: bytes have no padding, and any value will do for one.
            var bytes = unsafe span.mutableBytes
            switch read(at: offset, into: &bytes, wake: wake) {
            case .filled(let count): filled = count
            case .nothingYet: return .nothingYet
            case .failed(let reason): return .failed(reason)
            }
            guard filled > 0, filled == wanted || (filled < wanted && filled % pageSizeBytes == 0) else {
                return .failed("its source gave \(filled) bytes where \(wanted) were asked for")
            }
        }
        let pages = filled == wanted ? pagesMax : filled / pageSizeBytes
        for place in filled..<max(filled, pages * pageSizeBytes) { buffer[place] = 0 }
        return .pages(pages)
    }
}
