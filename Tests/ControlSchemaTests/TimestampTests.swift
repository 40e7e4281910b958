import ControlSchema
import Testing

@Suite("Timestamps")
struct TimestampTests {
    @Test(
        "Known instants are written as RFC 3339 has it",
        arguments: [
            (Int64(0), "1970-01-01T00:00:00.000Z"),
            (1_795_428_902_114_000, "2026-11-23T10:15:02.114Z"),
            (1_795_428_909_331_402, "2026-11-23T10:15:09.331402Z"),
            (951_782_400_000_000, "2000-02-29T00:00:00.000Z"),
            (951_868_799_999_999, "2000-02-29T23:59:59.999999Z"),
            (-1, "1969-12-31T23:59:59.999999Z"),
            (-2_203_891_200_000_000, "1900-03-01T00:00:00.000Z"),
            (253_402_300_799_999_999, "9999-12-31T23:59:59.999999Z"),
            (-62_167_219_200_000_000, "0000-01-01T00:00:00.000Z"),
        ])
    func known(_ microseconds: Int64, _ text: String) {
        #expect(Timestamp(microseconds: microseconds).description == text)
        #expect(Timestamp(text: text)?.microseconds == microseconds)
    }

    @Test(
        "What is written otherwise is not read",
        arguments: [
            "", "2026-11-23", "2026-11-23T10:15:02Z", "2026-11-23T10:15:02.114+00:00", "2026-11-23t10:15:02.114z",
            "2026-02-29T00:00:00.000Z", "2026-13-01T00:00:00.000Z", "2026-00-01T00:00:00.000Z",
            "2026-01-00T00:00:00.000Z",
            "2026-04-31T00:00:00.000Z", "2026-01-01T24:00:00.000Z", "2026-01-01T00:60:00.000Z",
            "2026-01-01T00:00:60.000Z",
            "2026-01-01T00:00:00.00Z", "2026-01-01T00:00:00.0000Z", "2O26-01-01T00:00:00.000Z",
            "1900-02-29T00:00:00.000Z",
        ])
    func refused(_ text: String) { #expect(Timestamp(text: text) == nil) }

    @Test("Every day of 800 years is written and read, and follows the day before")
    func days() {
        var previous = ""
        for day in Int64(-146_097)..<146_097 {
            let instant = Timestamp(microseconds: day * 86_400_000_000)
            let text = instant.description
            #expect(previous < text)
            #expect(Timestamp(text: text) == instant)
            previous = text
        }
    }

    @Test("The kernel's clock loses what is below a microsecond")
    func fromClock() {
        #expect(Timestamp(seconds: 1, nanoseconds: 999_999_999).microseconds == 1_999_999)
        #expect(Timestamp(seconds: .max, nanoseconds: 0) == .latest)
        #expect(Timestamp(seconds: .min, nanoseconds: 0) == .earliest)
        #expect(Timestamp(microseconds: .max) == .latest)
    }
}
