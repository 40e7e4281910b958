internal import HTTPExchange
internal import HTTPTypes
internal import Threading

/// What a request with an `Idempotency-Key` holds on to until it is answered.
struct IdempotencyClaim: Hashable, Sendable {
    let principal: String
    /// A plain listener's clients are told apart by their addresses alone, and two listeners may give two roles:
    /// what is shown on one is not replayed on the other.
    let listener: String
    let key: String
}

/// The first answers to requests with an `Idempotency-Key`, so that a repeat does nothing twice.
final class IdempotencyTable: Sendable {
    /// Longest key in bytes.
    static let keyBytesMax = 255

    enum Verdict: Sendable {
        case go
        case replay(Response)
        case running(operation: String?)
        case otherRequest
    }

    private struct Entry: Sendable {
        let fingerprint: Int
        /// Tells the entry from a later one of the same claim.
        let serial: UInt64
        var operation: String?
        var answer: Response?
    }

    private struct State: Sendable {
        var entries: [IdempotencyClaim: Entry] = [:]
        /// Oldest first. Claims whose entry is gone stay until they come to the front.
        var order: [(claim: IdempotencyClaim, serial: UInt64)] = []
        var lastSerial: UInt64 = 0
    }

    /// Answers kept; the oldest go first.
    private let entriesMax: Int
    private let state = Locked(State())

    init(entriesMax: Int = 10_000) { self.entriesMax = entriesMax }

    /// - Parameters:
    ///   - request: path and query, however they were spelt.
    func claim(_ claim: IdempotencyClaim, request: String, body: [UInt8]) -> Verdict {
        var hasher = Hasher()
        hasher.combine(request)
        hasher.combine(body)
        let fingerprint = hasher.finalize()
        return state.withLock { state in
            if let entry = state.entries[claim] {
                if entry.fingerprint != fingerprint { return .otherRequest }
                if let answer = entry.answer { return .replay(answer) }
                return .running(operation: entry.operation)
            }
            state.lastSerial += 1
            state.entries[claim] = Entry(fingerprint: fingerprint, serial: state.lastSerial)
            state.order.append((claim, state.lastSerial))
            if state.order.count > entriesMax { makeRoom(&state) }
            return .go
        }
    }

    /// Lets go of a tenth at once, so that the cost is spread. Requests that run are kept.
    private func makeRoom(_ state: inout State) {
        state.order.removeAll { state.entries[$0.claim]?.serial != $0.serial }
        guard state.order.count > entriesMax else { return }
        let answered = state.order.filter { state.entries[$0.claim]?.answer != nil }
        for (claim, _) in answered.prefix(max(1, entriesMax / 10)) { state.entries[claim] = nil }
        state.order.removeAll { state.entries[$0.claim] == nil }
    }

    func note(_ claim: IdempotencyClaim, operation: String) {
        state.withLock { $0.entries[claim]?.operation = operation }
    }

    /// Keeps an answer that settles the matter. Any other frees the key, so that a repeat is a new try: a refusal
    /// before anything began, and one that says that the same request can succeed later.
    func finish(_ claim: IdempotencyClaim, _ answer: Response, isRetryable: Bool) {
        state.withLock { state in
            let hasBegun = state.entries[claim]?.operation != nil
            if answer.status.kind == .successful || hasBegun && !isRetryable {
                state.entries[claim]?.answer = answer
            } else {
                state.entries[claim] = nil
            }
        }
    }
}
