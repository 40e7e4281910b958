internal import Threading

/// Chains that were verified not long ago, and for how long the answer stays the same: a peer that comes back shows the
/// same bytes, and checking their signatures again is the dearest part of its handshake that is ours.
///
/// Every byte of every certificate must be the same. Only what has been believed is kept, so that nobody without a
/// certificate of a trusted authority can fill this; what is refused is looked at anew each time.
final class BelievedChains: Sendable {
    private struct Entry {
        let identity: PeerIdentity
        let since: CalendarTime
        /// The first second at which the answer may be another.
        let until: CalendarTime
    }

    /// Beyond, all are let go: they come back as they are shown again.
    static let chainsMax = 256
    /// Longer chains, all certificates together, are verified each time.
    static let chainBytesMax = 8 * 1024

    private let entries = Locked<[[[UInt8]]: Entry]>([:])

    func identity(_ chain: [[UInt8]], at time: CalendarTime) -> PeerIdentity? {
        guard let entry = entries.withLock({ $0[chain] }), entry.since <= time, time < entry.until else { return nil }
        return entry.identity
    }

    /// - Parameters:
    ///   - time: for which it was verified.
    ///   - turns: when the answer may change, besides the end of the identity itself.
    func keep(_ identity: PeerIdentity, _ chain: [[UInt8]], at time: CalendarTime, turns: [CalendarTime]) {
        guard chain.reduce(0, { $0 + $1.count }) <= Self.chainBytesMax else { return }
        let until = turns.filter { $0 > time }.reduce(identity.expires, min)
        entries.withLock { entries in
            if entries.count >= Self.chainsMax { entries.removeAll() }
            entries[chain] = Entry(identity: identity, since: time, until: until)
        }
    }
}
