internal import TDXCalls
internal import Threading

extension Engine {
    /// Reads contents and says what MRTD they would make, then hands the plan on with it.
    func predict(
        _ plan: Plan, from hash: MRTDHash, _ sources: [(MemoryRegion, any MemoryContent)],
        _ completion: @escaping @Sendable (Result<Plan, LifecycleError>) -> Void
    ) {
        let prediction = MRTDPrediction(hash, sources, environment, limits) { result in
            completion(
                result.map { mrtd in
                    var plan = plan
                    plan.predictedMRTD = mrtd
                    return plan
                })
        }
        prediction.schedule()
    }
}

/// A measurement computed without the module: in bounded jobs, one after another, in bounded memory.
final class MRTDPrediction: Sendable {
    private struct State: Sendable {
        var hash: MRTDHash
        var region = 0
        var page = 0
        var buffer = [UInt8](repeating: 0, count: MemoryRegion.contentBytesMax)
    }

    private struct Place: Sendable {
        /// With the job that is at work, while one is.
        var state: State?
        /// A wake came before that job had put the state back.
        var wasWoken = false
    }

    private let place: Locked<Place>
    private let sources: [(region: MemoryRegion, content: any MemoryContent)]
    private let environment: EngineEnvironment
    private let limits: EngineLimits
    private let completion: @Sendable (Result<MeasurementID, LifecycleError>) -> Void

    init(
        _ hash: MRTDHash, _ sources: [(MemoryRegion, any MemoryContent)], _ environment: EngineEnvironment,
        _ limits: EngineLimits, _ completion: @escaping @Sendable (Result<MeasurementID, LifecycleError>) -> Void
    ) {
        place = Locked(Place(state: State(hash: hash)))
        self.sources = sources
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
        while state.region < sources.count {
            let (region, content) = sources[state.region]
            if state.page == region.pageCount {
                (state.region, state.page) = (state.region + 1, 0)
                continue
            }
            guard bytes < limits.stepBytes, environment.elapsedClock.nanoseconds < end else {
                putBack(state)
                return schedule()
            }
            let supply = content.fill(&state.buffer, region, from: state.page) { self.wake() }
            switch supply {
            case .pages(let pages):
                state.hash.add(
                    MeasuredPiece(
                        gpa: GPA(rawValue: region.gpa.rawValue + UInt64(state.page * pageSizeBytes)),
                        bytes: state.buffer, isMeasured: region.measure, pages: pages, chunksOfLast: chunksPerPage))
                state.page += pages
                bytes += UInt64(pages * pageSizeBytes)
            case .nothingYet:
                if putBack(state) { schedule() }
                return
            case .failed(let reason):
                return finish(.failure(.contentFailed(region: state.region, reason: reason)))
            }
        }
        finish(.success(state.hash.digest))
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

    private func finish(_ result: Result<MeasurementID, LifecycleError>) {
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
    /// - Parameter buffer: ``MemoryRegion/contentBytesMax`` bytes.
    func fill(
        _ buffer: inout [UInt8], _ region: MemoryRegion, from page: Int, wake: @escaping @Sendable () -> Void
    ) -> BatchSupply {
        let offset = UInt64(page * pageSizeBytes)
        let pagesMax = min(MemoryRegion.contentBytesMax / pageSizeBytes, region.pageCount - page)
        let rest = sizeBytes > offset ? sizeBytes - offset : 0
        let wanted = Int(min(rest, UInt64(pagesMax * pageSizeBytes)))
        var filled = 0
        if wanted > 0 {
            // An unmeasured region's contents are asked for too: they go to the guest all the same.
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
