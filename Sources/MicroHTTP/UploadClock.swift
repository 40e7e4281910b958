internal import Threading

/// How long one request may take to arrive: its head, then its body at a rate worth waiting for, and all of it within a
/// time. Time during which we hold the client back does not count.
struct UploadClock {
    private let limits: Limits
    private var requestBegan: MonotonicTime
    private var bodyBegan: MonotonicTime
    private var bodyBytes: UInt64 = 0
    private var heldSince: MonotonicTime?

    init(_ limits: Limits, now: MonotonicTime) {
        self.limits = limits
        requestBegan = now
        bodyBegan = now
    }

    var headDue: MonotonicTime { requestBegan.advanced(bySeconds: limits.headSeconds) }

    mutating func beginBody(now: MonotonicTime) { bodyBegan = now }

    mutating func took(_ bytes: Int) { bodyBytes += UInt64(bytes) }

    var bodyDue: MonotonicTime {
        let byRate = bodyBegan.advanced(bySeconds: limits.bodySeconds)
            .advanced(by: bodyBytes, at: limits.bodyBytesPerSecond)
        return min(byRate, requestBegan.advanced(bySeconds: limits.requestSeconds))
    }

    mutating func hold(now: MonotonicTime) { heldSince = now }

    mutating func goOn(now: MonotonicTime) {
        guard let since = heldSince else { return }
        heldSince = nil
        let pause = now.duration(since: since)
        requestBegan = requestBegan.advanced(by: pause)
        bodyBegan = bodyBegan.advanced(by: pause)
    }

    var isHeld: Bool { heldSince != nil }
}
