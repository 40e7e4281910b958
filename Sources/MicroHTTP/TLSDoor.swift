internal import HTTPExchange
internal import Synchronization
internal import Threading

/// What a TLS listener believes now. It may be replaced while connections are open.
final class TLSDoor: Sendable {
    private let context: Locked<TLSContext>
    private let number = Atomic<UInt64>(1)

    init(_ context: TLSContext) { self.context = Locked(context) }

    var current: TLSContext { context.withLock { $0 } }

    /// Counts how often judgements have become void: one that was made under an earlier number is to be made again.
    var generation: UInt64 { number.load(ordering: .acquiring) }

    func replace(with new: TLSContext) {
        context.withLock { $0 = new }
        voidJudgements()
    }

    func voidJudgements() { number.add(1, ordering: .acquiringAndReleasing) }

    func judge(_ chain: [[UInt8]]) -> ClientIdentity {
        if chain.isEmpty { return .none }
        guard chain.count <= TLSConfiguration.largestChain else {
            return .refused(
                code: "client-certificate-chain-too-long",
                reason: "the client shows more than \(TLSConfiguration.largestChain) certificates")
        }
        switch current.verify(chain) {
        case .verified(let uris, let sha256): return .verified(uris: uris, sha256: sha256)
        case .refused(let code, let reason): return .refused(code: code, reason: reason)
        }
    }
}

/// What the client of one TLS connection has shown, and what was made of it.
final class ClientProof: Sendable {
    private struct State {
        /// DER, the client's own first; nil until the first request.
        var chain: [[UInt8]]?
        var identity = ClientIdentity.none
        var generation: UInt64 = 0
        var wasVerified = false
    }

    private let door: TLSDoor
    private let state = Locked(State())
    /// Keeps alive what the session points to.
    let context: TLSContext

    init(_ door: TLSDoor) {
        self.door = door
        context = door.current
    }

    /// Judges the client once in each generation.
    ///
    /// A verdict is stored before it is looked whether it is still of the latest generation. Hence whoever begins a new
    /// generation and then looks at all connections finds each verdict of an earlier one, or it is made again here.
    ///
    /// - Parameter read: takes the chain out of the session; asked once.
    func identity(reading read: () -> [[UInt8]]) -> ClientIdentity {
        while true {
            let generation = door.generation
            let (identity, known) = state.withLock { ($0.generation == generation ? $0.identity : nil, $0.chain) }
            if let identity { return identity }
            let chain = known ?? read()
            let verdict = door.judge(chain)
            state.withLock { state in
                state.chain = chain
                state.identity = verdict
                state.generation = generation
                if case .verified = verdict { state.wasVerified = true }
            }
        }
    }

    /// Judges the client again if it has been judged at all; false when it was believed once and is not any more.
    func stillHolds() -> Bool {
        let (chain, wasVerified) = state.withLock { ($0.chain, $0.wasVerified) }
        guard let chain, wasVerified else { return true }
        if case .verified = identity(reading: { chain }) { return true }
        return false
    }
}
