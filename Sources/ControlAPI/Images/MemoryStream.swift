internal import HTTPExchange
internal import TDLifecycle
internal import Threading

/// Guest memory on its way from a client into a TD: the connection puts in what has come, the engine takes it out, and
/// each waits for the other.
final class MemoryStream: BodyReceiver, MemoryContent {
    /// Bytes that may wait for the engine.
    static let bufferBytes = 256 << 10

    private struct State {
        var bytes = ByteQueue(capacity: MemoryStream.bufferBytes + MemoryStream.pieceBytesMax)
        var takenBytes: UInt64 = 0
        /// All that will come is here.
        var isComplete = false
        /// Why no more will come.
        var failure: String?
        /// The engine takes no more.
        var isClosed = false
        var engineWaits: (@Sendable () -> Void)?
        var clientWaits: Wake?
        /// What became of the operation, where the engine ended before the client.
        var ended: TDLifecycle.Operation?
        var planned: (@Sendable () -> Void)?
        var plan: Result<TDLifecycle.Plan, LifecycleError>?
    }

    /// A listener hands over less than this at once.
    private static let pieceBytesMax = 128 << 10
    /// The engine is woken for this much, not for each packet.
    private static let worthwhileBytes = MemoryRegion.contentBytesMax

    let sizeBytes: UInt64
    let requestID: String
    private let state = Locked(State())
    private let operationID = Locked<ResourceID?>(nil)
    private let operationEnd: @Sendable (ResourceID, @escaping @Sendable (TDLifecycle.Operation) -> Void) -> Void
    private let refusal: @Sendable (TDLifecycle.Operation) -> Response

    /// - Parameters:
    ///   - operationEnd: tells when an operation has ended.
    ///   - refusal: the answer to a client that still sends when the operation has failed.
    init(
        sizeBytes: UInt64, requestID: String,
        operationEnd: @escaping @Sendable (ResourceID, @escaping @Sendable (TDLifecycle.Operation) -> Void) -> Void,
        refusal: @escaping @Sendable (TDLifecycle.Operation) -> Response
    ) {
        self.sizeBytes = sizeBytes
        self.requestID = requestID
        self.operationEnd = operationEnd
        self.refusal = refusal
    }

    /// The operation that takes what comes; nil for a dry run.
    var operation: ResourceID? { operationID.withLock { $0 } }

    /// The operation may have failed already.
    func begun(_ operation: ResourceID) {
        operationID.withLock { $0 = operation }
        if state.withLock({ $0.isClosed }) { awaitEnd(operation) }
    }

    // MARK: From the client

    func receive(_ bytes: Span<UInt8>, wake: Wake) -> Reception {
        let (reception, engineWaits) = state.withLock { state -> (Reception, (@Sendable () -> Void)?) in
            if let ended = state.ended { return (.refuse(refusal(ended)), nil) }
            if state.isClosed {
                // A dry run needs no more; else it is to be known what became of the operation.
                if operation == nil { return (.more, nil) }
                state.clientWaits = wake
                return (.full, nil)
            }
            guard UInt64(bytes.count) <= sizeBytes - state.takenBytes - UInt64(state.bytes.count) else {
                state.failure = "the body is longer than \(sizeBytes) bytes"
                return (.more, state.engineWaits.take())
            }
            state.bytes.append(bytes)
            let isFull = state.bytes.count >= Self.bufferBytes
            if isFull { state.clientWaits = wake }
            let isWorthwhile = state.bytes.count >= Self.worthwhileBytes
            return (isFull ? .full : .more, isWorthwhile ? state.engineWaits.take() : nil)
        }
        engineWaits?()
        return reception
    }

    func end(_ end: StreamEnd) {
        let engineWaits = state.withLock { state in
            state.clientWaits = nil
            if end == .complete {
                state.isComplete = true
            } else if !state.isComplete, state.failure == nil {
                let came = state.takenBytes + UInt64(state.bytes.count)
                state.failure = "the client went away after \(came) of \(sizeBytes) bytes"
            }
            return state.engineWaits.take()
        }
        engineWaits?()
    }

    // MARK: To the engine

    func read(
        at offset: UInt64, into bytes: inout MutableRawSpan, wake: @escaping @Sendable () -> Void
    ) -> ContentSupply {
        let wanted = Int(min(UInt64(bytes.byteCount), sizeBytes - min(offset, sizeBytes)))
        let (supply, clientWaits) = state.withLock { state -> (ContentSupply, Wake?) in
            if let failure = state.failure { return (.failed(failure), nil) }
            guard state.bytes.count >= wanted || state.isComplete else {
                state.engineWaits = wake
                return (.nothingYet, state.clientWaits.take())
            }
            let count = min(wanted, state.bytes.count)
            state.bytes.remove(count, into: &bytes)
            // A client may say more than it sends; the rest is zero.
            if count < wanted { bytes.clear(count..<wanted) }
            state.takenBytes += UInt64(wanted)
            let hasRoom = state.bytes.count <= Self.bufferBytes / 2
            return (.filled(wanted), hasRoom ? state.clientWaits.take() : nil)
        }
        clientWaits?()
        return supply
    }

    func end(_ complete: Bool) {
        let clientWaits = state.withLock { state -> Wake? in
            state.isClosed = true
            state.bytes.removeAll()
            return complete || operation == nil ? state.clientWaits.take() : nil
        }
        clientWaits?()
        if !complete, let operation { awaitEnd(operation) }
    }

    private func awaitEnd(_ operation: ResourceID) {
        operationEnd(operation) { ended in
            let clientWaits = self.state.withLock { state in
                state.ended = ended
                return state.clientWaits.take()
            }
            clientWaits?()
        }
    }

    // MARK: A dry run

    func finish(_ plan: Result<TDLifecycle.Plan, LifecycleError>) {
        let planned = state.withLock { state in
            state.plan = plan
            return state.planned.take()
        }
        planned?()
    }

    /// Calls once the plan is there.
    func whenPlanned(_ body: @escaping @Sendable (Result<TDLifecycle.Plan, LifecycleError>) -> Void) {
        let plan = state.withLock { state in
            if state.plan == nil {
                state.planned = { [self] in
                    if let plan = self.plan { body(plan) }
                }
            }
            return state.plan
        }
        if let plan { body(plan) }
    }

    private var plan: Result<TDLifecycle.Plan, LifecycleError>? { state.withLock { $0.plan } }
}

/// Bytes in the order in which they came, in one buffer that is made with the first of them.
struct ByteQueue: Sendable {
    private let capacity: Int
    private var storage: [UInt8] = []
    private var first = 0
    private(set) var count = 0

    init(capacity: Int) { self.capacity = capacity }

    /// - Precondition: they fit.
    mutating func append(_ bytes: Span<UInt8>) {
        precondition(bytes.count <= capacity - count, "a listener hands over less at once")
        if storage.isEmpty { storage = [UInt8](repeating: 0, count: capacity) }
        let end = (first + count) % capacity
        let before = min(bytes.count, capacity - end)
        copy(bytes.extracting(..<before), to: end)
        copy(bytes.extracting(before...), to: 0)
        count += bytes.count
    }

    private mutating func copy(_ bytes: Span<UInt8>, to place: Int) {
        // SAFETY: the caller has seen to it that so many bytes fit from there on; the two do not overlap.
        unsafe storage.withUnsafeMutableBytes { target in
            unsafe bytes.withUnsafeBytes { source in
                unsafe UnsafeMutableRawBufferPointer(rebasing: target[place...]).copyMemory(from: source)
            }
        }
    }

    /// - Precondition: there are as many, and room for them.
    mutating func remove(_ count: Int, into bytes: inout MutableRawSpan) {
        precondition(count <= self.count && count <= bytes.byteCount, "more than there is, or than fits")
        guard count > 0 else { return }
        let before = min(count, capacity - first)
        // SAFETY: both pieces lie within the storage, and together fit into the target.
        unsafe bytes.withUnsafeMutableBytes { target in
            unsafe storage.withUnsafeBytes { source in
                unsafe target.copyMemory(from: UnsafeRawBufferPointer(rebasing: source[first..<first + before]))
                let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: target[before...])
                unsafe rest.copyMemory(from: UnsafeRawBufferPointer(rebasing: source[..<(count - before)]))
            }
        }
        first = (first + count) % capacity
        self.count -= count
    }

    mutating func removeAll() {
        storage = []
        (first, count) = (0, 0)
    }
}

extension MutableRawSpan {
    fileprivate mutating func clear(_ places: Range<Int>) {
        // SAFETY: the places lie within the span.
        unsafe withUnsafeMutableBytes { buffer in
            _ = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[places])
                .initializeMemory(as: UInt8.self, repeating: 0)
        }
    }
}
