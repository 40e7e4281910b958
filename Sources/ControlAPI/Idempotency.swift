internal import HTTPExchange
internal import HTTPTypes
internal import Threading

/// What a request with an `Idempotency-Key` holds on to until it is answered.
struct IdempotencyClaim: Hashable, Sendable {
    let principal: String
    let route: String
    let key: String
}

/// The first answers to requests with an `Idempotency-Key`, so that a repeat does nothing twice.
final class IdempotencyTable: Sendable {
    /// Answers kept; the oldest go first.
    static let entriesMax = 10_000
    /// Longest key in bytes.
    static let keyBytesMax = 255

    enum Verdict: Sendable {
        case go
        case replay(Response)
        case running(operation: String?)
        case otherBody
    }

    private struct Entry: Sendable {
        let fingerprint: Int
        var operation: String?
        var answer: Response?
    }

    private struct State: Sendable {
        var entries: [IdempotencyClaim: Entry] = [:]
        var order: [IdempotencyClaim] = []
    }

    private let state = Locked(State())

    func claim(_ claim: IdempotencyClaim, body: [UInt8]) -> Verdict {
        var hasher = Hasher()
        hasher.combine(body)
        let fingerprint = hasher.finalize()
        return state.withLock { state in
            if let entry = state.entries[claim] {
                if entry.fingerprint != fingerprint { return .otherBody }
                if let answer = entry.answer { return .replay(answer) }
                return .running(operation: entry.operation)
            }
            if state.order.count >= Self.entriesMax {
                let oldest = state.order.prefix(Self.entriesMax / 10)
                for old in oldest where state.entries[old]?.answer != nil { state.entries[old] = nil }
                state.order.removeFirst(oldest.count)
            }
            state.entries[claim] = Entry(fingerprint: fingerprint)
            state.order.append(claim)
            return .go
        }
    }

    func note(_ claim: IdempotencyClaim, operation: String) {
        state.withLock { $0.entries[claim]?.operation = operation }
    }

    /// Keeps an answer that settles the matter; any other frees the key, so that a repeat is a new try.
    func finish(_ claim: IdempotencyClaim, _ answer: Response) {
        let status = answer.head.status
        let settles = status.kind == .successful || status == .unprocessableContent
        state.withLock { state in
            if settles { state.entries[claim]?.answer = answer } else { state.entries[claim] = nil }
        }
    }
}
