internal import HTTPExchange
internal import Synchronization
internal import Threading

/// How many requests one identity may make.
public struct RequestRate: Hashable, Sendable {
    /// Most requests a second and in one burst that can be set; the nanoseconds of a burst stay far from overflow.
    public static let perSecondMax = 1_000_000
    public static let burstMax = 1_000_000

    /// Requests a second in the long run, 1 to `perSecondMax`.
    public let perSecond: Int
    /// Requests at once after a rest, 1 to `burstMax`.
    public let burst: Int

    public init(perSecond: Int, burst: Int) {
        precondition((1...Self.perSecondMax).contains(perSecond), "a rate outside its range")
        precondition((1...Self.burstMax).contains(burst), "a burst outside its range")
        self.perSecond = perSecond
        self.burst = burst
    }
}

/// One identity's tokens. It is one number, the time at which it will be full again, so that taking a token is one
/// atomic exchange.
final class Bucket: Sendable {
    struct Refusal: Hashable, Sendable {
        /// Whose bucket is empty.
        let identity: String
        /// Tokens that are out: as many as there are.
        let used: Int
        /// Whole seconds, rounded up, until a request would be taken.
        let retryAfterSeconds: Int
    }

    let identity: String
    let rate: RequestRate
    /// Nanoseconds for a token to come back.
    private let interval: UInt64
    /// Nanoseconds on the monotonic clock.
    private let full = Atomic<UInt64>(0)

    init(_ identity: String, _ rate: RequestRate) {
        self.identity = identity
        self.rate = rate
        interval = max(1, 1_000_000_000 / UInt64(rate.perSecond))
    }

    /// Takes a token for a request; nil if there was one.
    func take(at now: MonotonicTime) -> Refusal? {
        let patience = UInt64(rate.burst - 1) * interval
        var seen = full.load(ordering: .relaxed)
        while true {
            let start = max(seen, now.nanoseconds)
            let debt = start - now.nanoseconds
            if debt > patience {
                // One token is back when the bucket is full but for the others.
                let wait = debt - patience
                return Refusal(
                    identity: identity, used: rate.burst,
                    retryAfterSeconds: Int((wait + 999_999_999) / 1_000_000_000))
            }
            let (exchanged, original) = full.compareExchange(
                expected: seen, desired: start + interval, ordering: .relaxed)
            if exchanged { return nil }
            seen = original
        }
    }
}

/// The buckets of those who ask, as many as there may be.
final class RateLimiter: Sendable {
    /// Identities with a role, and addresses of those without, that have a bucket of their own. Two tables, so that
    /// strangers push nobody out who is known. Whoever is pushed out has a full bucket when he comes back.
    static let knownMax = 4_096
    static let strangersMax = 1_024

    private struct Tables: Sendable {
        var known: RecentTable<String, Bucket>
        var strangers: RecentTable<String, Bucket>
    }

    let rate: RequestRate
    private let tables: Locked<Tables>

    init(_ rate: RequestRate, knownMax: Int = knownMax, strangersMax: Int = strangersMax) {
        self.rate = rate
        tables = Locked(
            Tables(known: RecentTable(capacity: knownMax), strangers: RecentTable(capacity: strangersMax)))
    }

    /// - Parameter isKnown: whether the identity has a role.
    func bucket(_ identity: String, isKnown: Bool) -> Bucket {
        tables.withLock { tables in
            isKnown
                ? tables.known.use(identity) { Bucket(identity, rate) }
                : tables.strangers.use(identity) { Bucket(identity, rate) }
        }
    }

    /// How many of each there are.
    var counts: (known: Int, strangers: Int) { tables.withLock { ($0.known.count, $0.strangers.count) } }
}

extension Peer {
    /// Whose bucket a request is charged to.
    ///
    /// A stranger is pooled by his address, of IPv6 by its network of 64 bits, since whoever has one address of such a
    /// network has all of them. On loopback everybody is, by listener: a local program chooses its address freely.
    func bucketName(_ principal: String) -> String {
        switch transport {
        case .unix, .tls(_, _, .verified): principal
        case .tcp: listener
        case .tls(let address, _, .none), .tls(let address, _, .refused): "tls:" + Self.network(of: address)
        }
    }

    /// The first four groups of an IPv6 address; any other address whole.
    static func network(of address: String) -> String {
        guard address.contains(":"), !address.contains(".") else { return address }
        let bare = address.prefix { $0 != "%" }
        let groups: [Substring]
        if let gap = bare.firstRange(of: "::") {
            let left = bare[..<gap.lowerBound].split(separator: ":")
            let right = bare[gap.upperBound...].split(separator: ":")
            let zeros = [Substring](repeating: "0", count: max(0, 8 - left.count - right.count))
            groups = left + zeros + right
        } else {
            groups = bare.split(separator: ":")
        }
        return groups.prefix(4).joined(separator: ":") + "::/64"
    }
}
