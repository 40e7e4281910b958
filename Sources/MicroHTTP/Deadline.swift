internal import Glibc
internal import Synchronization
internal import Threading

/// What a client owes its connection next, and by when; the acceptor's thread looks once a second.
///
/// libmicrohttpd only knows how long a connection has been silent, and a byte now and then keeps that at bay for ever.
final class Deadline: Sendable {
    enum Duty: UInt64, CaseIterable, Sendable {
        /// The head of a request; for the first one of a TLS connection the handshake, too.
        case head
        /// A body, at a rate worth waiting for.
        case body
        /// To take the answer.
        case answer
        /// The next request, or to go.
        case nextRequest
    }

    /// Nanoseconds of the monotonic clock with the duty in the lowest bits; the largest number when nothing is due.
    private let due = Atomic<UInt64>(.max)
    private static let dutyBits: UInt64 = 3

    func set(_ duty: Duty, _ time: MonotonicTime) {
        due.store(time.nanoseconds & ~Self.dutyBits | duty.rawValue, ordering: .relaxed)
    }

    func clear() { due.store(.max, ordering: .relaxed) }

    /// What is late, if anything is.
    func late(at now: MonotonicTime) -> Duty? {
        let due = due.load(ordering: .relaxed)
        return due == .max || due > now.nanoseconds ? nil : Duty(rawValue: due & Self.dutyBits)
    }
}

extension MonotonicTime {
    /// The monotonic clock as of the last tick of the kernel, some milliseconds ago at most: a fraction of the price,
    /// and good enough for seconds.
    static var coarse: MonotonicTime {
        var time = timespec()
        // SAFETY: the kernel fills the structure it is given.
        unsafe clock_gettime(CLOCK_MONOTONIC_COARSE, &time)
        return MonotonicTime(nanoseconds: UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec))
    }

    func advanced(bySeconds seconds: UInt32) -> MonotonicTime {
        MonotonicTime(nanoseconds: nanoseconds + UInt64(seconds) * 1_000_000_000)
    }

    /// A second more for each `rate` bytes.
    func advanced(by bytes: UInt64, at rate: UInt32) -> MonotonicTime {
        // Whole seconds and the rest apart, so that no body is large enough to overflow.
        let rate = UInt64(rate)
        let (seconds, rest) = bytes.quotientAndRemainder(dividingBy: rate)
        return MonotonicTime(nanoseconds: nanoseconds + seconds * 1_000_000_000 + rest * 1_000_000_000 / rate)
    }
}
