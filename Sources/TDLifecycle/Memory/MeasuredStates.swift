internal import Digests
internal import TDXCalls
internal import Threading

/// How far MRTD's hash has come after spans that were hashed before, so that many TDs of one image are expected once.
///
/// A state is found by the digest before it and the span that led to it, so that it holds for all that begins the same.
final class MeasuredStates: Sendable {
    struct Key: Hashable, Sendable {
        let before: MeasurementID
        let span: MeasuredSpan
    }

    enum Turn {
        case known(SHA384)
        /// Nobody is at it: it is for the one who asked to hash the span, and to say what came of it.
        case begin
        /// Somebody is at it; the wake comes.
        case wait
    }

    fileprivate struct State: Sendable {
        var known: [Key: (hash: SHA384, lastUse: UInt64)] = [:]
        var underWay: [Key: [@Sendable () -> Void]] = [:]
        var uses: UInt64 = 0
        var hashed: UInt64 = 0
    }

    private let state = Locked(State())
    private let statesMax: Int

    init(statesMax: Int) { self.statesMax = statesMax }

    /// Times a span was hashed rather than found.
    var hashed: UInt64 { state.withLock { $0.hashed } }
    var count: Int { state.withLock { $0.known.count } }

    func enter(_ key: Key, orWake wake: @escaping @Sendable () -> Void) -> Turn {
        state.withLock { state in
            if let hash = state.find(key) { return .known(hash) }
            guard state.underWay[key] == nil else {
                state.underWay[key]?.append(wake)
                return .wait
            }
            state.underWay[key] = []
            return .begin
        }
    }

    /// What came of a span that was begun; nil if nothing did, and somebody else is to try.
    func end(_ key: Key, _ hash: SHA384?) {
        let waiting = state.withLock { state in
            if let hash {
                state.hashed += 1
                state.uses += 1
                if state.known.count >= statesMax, let oldest = state.known.min(by: { $0.value.lastUse < $1.value.lastUse })
                {
                    state.known[oldest.key] = nil
                }
                state.known[key] = (hash, state.uses)
            }
            return state.underWay.removeValue(forKey: key) ?? []
        }
        for wake in waiting { wake() }
    }

    /// The hash after spans, if all of them are known.
    func find(_ spans: some Sequence<MeasuredSpan>, after hash: MRTDHash) -> MRTDHash? {
        var hash = hash
        for span in spans {
            let key = Key(before: hash.digest, span: span)
            guard span.isRepeatable, let found = state.withLock({ $0.find(key) }) else { return nil }
            hash = MRTDHash(found)
        }
        return hash
    }
}

extension MeasuredStates.State {
    fileprivate mutating func find(_ key: MeasuredStates.Key) -> SHA384? {
        guard let hash = known[key]?.hash else { return nil }
        uses += 1
        known[key]?.lastUse = uses
        return hash
    }
}
