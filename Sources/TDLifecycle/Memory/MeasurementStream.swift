internal import TDXCalls
internal import Threading

/// The measurement a TD ought to have, kept up while memory is added whose bytes pass once. The hashing is done behind
/// the calls, by jobs of its own.
final class MeasurementStream: Sendable {
    private struct State: Sendable {
        /// With the job that is at work, while one is; not there before what came earlier is hashed.
        var hash: MRTDHash?
        /// Why that failed: what passes is of no use then.
        var lost: String?
        var queue: [MeasuredPiece] = []
        /// Whoever waits for room, or for the end of the queue.
        var waiting: [@Sendable () -> Void] = []
        /// Buffers that were used and may be used again.
        var spare: [[UInt8]] = []
    }

    enum Settled {
        case hash(MRTDHash)
        case lost(String)
    }

    private let state = Locked(State())

    /// Pieces that may wait to be hashed: 2 MiB.
    private static let queueMax = 32

    /// What came before is hashed, or cannot be.
    func begin(_ result: Result<MRTDHash, LifecycleError>, on scheduler: any StepScheduler) {
        switch result {
        case .success(let hash):
            state.withLock { $0.hash = hash }
            scheduler.enqueue { self.work() }
        case .failure(let error):
            let waiting = state.withLock { state in
                state.lost = error.contentReason
                state.queue = []
                defer { state.waiting = [] }
                return state.waiting
            }
            for wake in waiting { wake() }
        }
    }

    /// Whether another piece can be taken; if not, `wake` is called when that has changed.
    func hasRoom(orWake wake: @escaping @Sendable () -> Void) -> Bool {
        state.withLock { state in
            if state.queue.count < Self.queueMax { return true }
            state.waiting.append(wake)
            return false
        }
    }

    /// Zeroes to read a piece into.
    func takeBuffer() -> [UInt8] {
        state.withLock { $0.spare.popLast() } ?? [UInt8](repeating: 0, count: MemoryRegion.contentBytesMax)
    }

    /// A buffer that was not used after all, or not measured.
    func giveBack(_ buffer: [UInt8]) {
        state.withLock { state in
            if state.spare.count < Self.queueMax { state.spare.append(buffer) }
        }
    }

    /// Takes what the module accepted, in order.
    func append(_ piece: MeasuredPiece, on scheduler: any StepScheduler) {
        let isIdle = state.withLock { state in
            if state.lost == nil { state.queue.append(piece) }
            return state.queue.count == 1 && state.hash != nil
        }
        if isIdle { scheduler.enqueue { self.work() } }
    }

    /// The hash of all that was taken; if some of it is not hashed yet, `wake` is called when it is, and the answer is
    /// nil.
    func settled(orWake wake: @escaping @Sendable () -> Void) -> Settled? {
        state.withLock { state in
            if let lost = state.lost { return .lost(lost) }
            if let hash = state.hash, state.queue.isEmpty { return .hash(hash) }
            state.waiting.append(wake)
            return nil
        }
    }

    /// Hashes what is queued.
    private func work() {
        // Two jobs may have been queued for what one of them has done.
        guard var hash = state.withLock({ $0.hash.take() }) else { return }
        while let pieces = next(hash) {
            for piece in pieces { hash.add(piece) }
            state.withLock { state in
                for piece in pieces where !piece.bytes.isEmpty && state.spare.count < Self.queueMax {
                    state.spare.append(piece.bytes)
                }
            }
        }
    }

    /// Takes what is queued, or gives the hash back if there is nothing. Whoever waits is told in both cases.
    private func next(_ hash: MRTDHash) -> [MeasuredPiece]? {
        let (pieces, waiting) = state.withLock { state -> ([MeasuredPiece], [@Sendable () -> Void]) in
            defer {
                state.queue = []
                state.waiting = []
            }
            if state.queue.isEmpty { state.hash = hash }
            return (state.queue, state.waiting)
        }
        for wake in waiting { wake() }
        return pieces.isEmpty ? nil : pieces
    }
}
