import Certificates
import Glibc
import Testing

@Suite("Seconds of the calendar")
struct CalendarTimeTests {
    @Test(
        "Known seconds are written as the calendar has them",
        arguments: [
            (0, "1970-01-01T00:00:00Z"), (-1, "1969-12-31T23:59:59Z"), (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"), (4_107_542_400, "2100-03-01T00:00:00Z"),
            (2_147_483_648, "2038-01-19T03:14:08Z"), (253_402_300_799, "9999-12-31T23:59:59Z"),
            (-62_167_219_200, "0000-01-01T00:00:00Z"),
        ])
    func known(_ seconds: Int64, _ text: String) {
        #expect(CalendarTime(seconds: seconds).description == text)
    }

    @Test("Random seconds are written as the C library has them")
    func random() {
        let seed = UInt64.random(in: 0 ... .max)
        print("seed of CalendarTimeTests.random: \(seed)")
        var generator = SplitMix(seed: seed)
        for _ in 0..<2000 {
            var seconds = Int.random(in: -62_167_219_200...253_402_300_799, using: &generator)
            // SAFETY: both are ours and live through the call.
            var parts = unsafe tm()
            unsafe gmtime_r(&seconds, &parts)
            let expected = unsafe [
                parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
            ]
            let text = CalendarTime(seconds: Int64(seconds)).description
            let numbers = text.split { !$0.isNumber }.compactMap { Int32($0) }
            #expect(numbers == expected, "\(seconds)")
        }
    }

    @Test("Days left are whole days, and negative from the first second on")
    func days() {
        let end = CalendarTime(seconds: 1_000_000)
        let validity = Validity(notBefore: CalendarTime(seconds: 0), notAfter: end)
        #expect(validity.daysLeft(at: end.adding(days: -3)) == 3)
        #expect(validity.daysLeft(at: end.adding(days: -3).adding(seconds: 1)) == 2)
        #expect(validity.daysLeft(at: end.adding(seconds: -1)) == 0)
        #expect(validity.daysLeft(at: end) == 0)
        #expect(validity.daysLeft(at: end.adding(seconds: 1)) == -1)
        #expect(validity.daysLeft(at: end.adding(days: 2)) == -2)
    }

    @Test("Renewal is due with a third of the life left, and not before the last 30 days")
    func renewal() {
        let start = CalendarTime(seconds: 0)
        let short = Validity(notBefore: start, notAfter: start.adding(days: 9))
        #expect(short.renewalDue == start.adding(days: 6))
        #expect(!short.needsRenewal(at: start.adding(days: 6).adding(seconds: -1)))
        #expect(short.needsRenewal(at: start.adding(days: 6)))
        let long = Validity(notBefore: start, notAfter: start.adding(days: 3650))
        #expect(long.renewalDue == start.adding(days: 3620))
    }
}

/// A small generator whose numbers follow from its seed.
struct SplitMix: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = state
        value = (value ^ value >> 30) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ value >> 27) &* 0x94d0_49bb_1331_11eb
        return value ^ value >> 31
    }
}
