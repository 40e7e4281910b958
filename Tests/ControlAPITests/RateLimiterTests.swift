import HTTPExchange
import Synchronization
import Testing
import Threading

@testable import ControlAPI

@Suite("How many requests an identity may make")
struct RateLimiterTests {
    private func at(milliseconds: UInt64) -> MonotonicTime { MonotonicTime(nanoseconds: milliseconds * 1_000_000) }

    /// The same moment for all, long after the clock's beginning.
    private static let start: UInt64 = 3_600_000

    private func take(_ limiter: RateLimiter, _ identity: String, after milliseconds: UInt64) -> Bucket.Refusal? {
        limiter.bucket(identity, isKnown: true).take(at: at(milliseconds: Self.start + milliseconds))
    }

    @Test("A burst is taken at once, then one for each token that comes back")
    func burst() {
        let limiter = RateLimiter(RequestRate(perSecond: 10, burst: 3))
        for _ in 0..<3 { #expect(take(limiter, "a", after: 0) == nil) }
        let refusal = Bucket.Refusal(identity: "a", used: 3, retryAfterSeconds: 1)
        #expect(take(limiter, "a", after: 0) == refusal)
        #expect(take(limiter, "a", after: 99) == refusal)
        #expect(take(limiter, "a", after: 100) == nil)
        #expect(take(limiter, "a", after: 100) == refusal)
        #expect(take(limiter, "a", after: 299) == nil)
        #expect(take(limiter, "a", after: 299) == refusal)
        #expect(take(limiter, "a", after: 300) == nil)
    }

    @Test("A rest fills the bucket, and no more than that")
    func rest() {
        let limiter = RateLimiter(RequestRate(perSecond: 10, burst: 3))
        for _ in 0..<3 { #expect(take(limiter, "a", after: 0) == nil) }
        for _ in 0..<3 { #expect(take(limiter, "a", after: 60_000) == nil) }
        #expect(take(limiter, "a", after: 60_000) != nil)
    }

    @Test("Refused requests cost nothing, and do not put off the next")
    func refusalsAreFree() {
        let limiter = RateLimiter(RequestRate(perSecond: 1, burst: 1))
        #expect(take(limiter, "a", after: 0) == nil)
        for _ in 0..<1_000 { #expect(take(limiter, "a", after: 500) != nil) }
        #expect(take(limiter, "a", after: 1_000) == nil)
    }

    @Test("The wait is in whole seconds, rounded up")
    func retryAfter() {
        let limiter = RateLimiter(RequestRate(perSecond: 1, burst: 2))
        for _ in 0..<2 { _ = take(limiter, "a", after: 0) }
        #expect(take(limiter, "a", after: 0)?.retryAfterSeconds == 1)
        #expect(take(limiter, "a", after: 999)?.retryAfterSeconds == 1)
        #expect(take(limiter, "a", after: 1_000) == nil)
        #expect(take(limiter, "a", after: 1_001)?.retryAfterSeconds == 1)
    }

    @Test("Each identity has its own bucket")
    func apart() {
        let limiter = RateLimiter(RequestRate(perSecond: 1, burst: 1))
        #expect(take(limiter, "a", after: 0) == nil)
        #expect(take(limiter, "b", after: 0) == nil)
        #expect(take(limiter, "a", after: 0)?.identity == "a")
        #expect(limiter.bucket("a", isKnown: false).take(at: at(milliseconds: Self.start)) == nil)
    }

    @Test("Ten thousand strangers take no more places than there are, and push out nobody who is known")
    func bounded() {
        let limiter = RateLimiter(RequestRate(perSecond: 1, burst: 1), knownMax: 4, strangersMax: 8)
        #expect(take(limiter, "known", after: 0) == nil)
        for number in 0..<10_000 {
            #expect(limiter.bucket("tls:\(number)", isKnown: false).take(at: at(milliseconds: Self.start)) == nil)
        }
        #expect(take(limiter, "known", after: 0) != nil)
        #expect(limiter.counts == (1, 8))
    }

    @Test("Threads that take at once get as many tokens as there are, not one more")
    func threads() {
        let bucket = Bucket("a", RequestRate(perSecond: 1, burst: 1_000))
        let taken = Atomic(0)
        let threads = (0..<4).map { _ in
            Threading.Thread {
                for _ in 0..<500 where bucket.take(at: MonotonicTime(nanoseconds: 1_000_000_000_000)) == nil {
                    taken.wrappingAdd(1, ordering: .relaxed)
                }
            }
        }
        for thread in threads { thread.join() }
        #expect(taken.load(ordering: .relaxed) == 1_000)
    }

    @Test("The largest rate and burst that can be set do not overflow")
    func extremes() {
        let limiter = RateLimiter(RequestRate(perSecond: 1, burst: RequestRate.burstMax))
        for _ in 0..<RequestRate.burstMax where take(limiter, "a", after: 0) != nil {
            Issue.record("a token is missing")
            return
        }
        #expect(take(limiter, "a", after: 0)?.retryAfterSeconds == 1)
        #expect(take(limiter, "a", after: 1_000) == nil)
        let fast = RateLimiter(RequestRate(perSecond: RequestRate.perSecondMax, burst: 1))
        #expect(take(fast, "a", after: 0) == nil)
        #expect(take(fast, "a", after: 0) != nil)
        #expect(take(fast, "a", after: 1) == nil)
    }

    @Test("Who is believed has a bucket of his own, strangers share one by network, loopback one by listener")
    func buckets() {
        func bucket(_ transport: Peer.Transport) -> String {
            Peer(listener: "here", transport: transport).bucketName("me")
        }
        #expect(bucket(.unix(user: 5, group: 5, process: 1)) == "me")
        #expect(bucket(.tcp(address: "127.0.0.9", port: 1)) == "here")
        #expect(bucket(.tls(address: "::1", port: 1, identity: .verified(uris: [], sha256: "00"))) == "me")
        #expect(bucket(.tls(address: "192.0.2.7", port: 1, identity: .none)) == "tls:192.0.2.7")
        let refused = ClientIdentity.refused(code: "c", reason: "r")
        #expect(bucket(.tls(address: "2001:db8:1:2:3:4:5:6", port: 1, identity: refused)) == "tls:2001:db8:1:2::/64")
        #expect(bucket(.tls(address: "2001:db8:1:2:ffff::9", port: 1, identity: refused)) == "tls:2001:db8:1:2::/64")
    }

    @Test(
        "An IPv6 address counts by its network of 64 bits",
        arguments: [
            ("2001:db8::1", "2001:db8:0:0::/64"), ("::1", "0:0:0:0::/64"), ("fe80::1%eth0", "fe80:0:0:0::/64"),
            ("2001:db8:1:2::", "2001:db8:1:2::/64"), ("::ffff:192.0.2.7", "::ffff:192.0.2.7"),
            ("192.0.2.7", "192.0.2.7"),
        ])
    func networks(_ address: String, _ network: String) {
        #expect(Peer.network(of: address) == network)
    }
}
