/// An instant in UTC, in microseconds since 1970, written as RFC 3339 has it: `2026-11-23T10:15:02.114Z`.
///
/// Whole milliseconds are written with three digits, anything finer with six. Years 0 to 9999; there are no leap
/// seconds in this count, as there are none in the kernel's clock.
public struct Timestamp: Hashable, Comparable, Sendable {
    public static let earliest = Timestamp(unchecked: -62_167_219_200_000_000)
    public static let latest = Timestamp(unchecked: 253_402_300_799_999_999)

    /// Microseconds since 1970-01-01T00:00:00Z; negative before.
    public let microseconds: Int64

    private init(unchecked microseconds: Int64) { self.microseconds = microseconds }

    /// An instant outside `earliest...latest` becomes the nearer of the two.
    public init(microseconds: Int64) {
        self.microseconds = min(max(microseconds, Self.earliest.microseconds), Self.latest.microseconds)
    }

    /// From what `clock_gettime(CLOCK_REALTIME)` gives; parts of a microsecond are dropped.
    public init(seconds: Int64, nanoseconds: Int64) {
        let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000)
        let bound = seconds < 0 ? Self.earliest.microseconds : Self.latest.microseconds
        self.init(microseconds: overflow ? bound : whole.addingReportingOverflow(nanoseconds / 1_000).partialValue)
    }

    public static func < (left: Self, right: Self) -> Bool { left.microseconds < right.microseconds }
}

extension Timestamp: CustomStringConvertible, Codable {
    public var description: String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Self.bytesMax)
        append(to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Writes what ``description`` is behind other text.
    public func append(to bytes: inout [UInt8]) {
        let (days, ofDay) = flooredDivision(microseconds, by: 86_400_000_000)
        let date = CivilDate(daysSince1970: days)
        let second = ofDay / 1_000_000
        let fraction = ofDay % 1_000_000
        appendPadded(date.year, 4, "-", to: &bytes)
        appendPadded(date.month, 2, "-", to: &bytes)
        appendPadded(date.day, 2, "T", to: &bytes)
        appendPadded(second / 3_600, 2, ":", to: &bytes)
        appendPadded(second / 60 % 60, 2, ":", to: &bytes)
        appendPadded(second % 60, 2, ".", to: &bytes)
        let isWhole = fraction % 1_000 == 0
        appendPadded(isWhole ? fraction / 1_000 : fraction, isWhole ? 3 : 6, "Z", to: &bytes)
    }

    /// `2026-11-23T10:15:02.114000Z`
    private static var bytesMax: Int { 27 }

    /// Nil unless `text` is written as this contract writes times: UTC, three or six digits of a second.
    public init?(text: String) {
        let bytes = Array(text.utf8)
        let separators: [(Int, Character)] = [(4, "-"), (7, "-"), (10, "T"), (13, ":"), (16, ":"), (19, ".")]
        guard bytes.count == 24 || bytes.count == 27, bytes.last == UInt8(ascii: "Z"),
            separators.allSatisfy({ bytes[$0.0] == $0.1.asciiValue }),
            let year = number(bytes[0..<4]), let month = number(bytes[5..<7]), let day = number(bytes[8..<10]),
            let hour = number(bytes[11..<13]), let minute = number(bytes[14..<16]),
            let second = number(bytes[17..<19]), let fraction = number(bytes[20..<(bytes.count - 1)]),
            hour < 24, minute < 60, second < 60
        else { return nil }
        let date = CivilDate(year: year, month: month, day: day)
        guard (1...12).contains(month), day >= 1, CivilDate(daysSince1970: date.daysSince1970) == date else {
            return nil
        }
        let seconds = date.daysSince1970 * 86_400 + hour * 3_600 + minute * 60 + second
        self.init(microseconds: seconds * 1_000_000 + (bytes.count == 24 ? fraction * 1_000 : fraction))
    }

    public init(from decoder: any Decoder) throws {
        self = try decodeText(from: decoder, "an RFC 3339 time in UTC", Self.init(text:))
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

private func flooredDivision(_ value: Int64, by divisor: Int64) -> (quotient: Int64, remainder: Int64) {
    let (quotient, remainder) = value.quotientAndRemainder(dividingBy: divisor)
    return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
}

/// A number that has at most so many digits, with zeroes before it, and what comes after it.
private func appendPadded(_ value: Int64, _ digits: Int, _ end: Unicode.Scalar, to bytes: inout [UInt8]) {
    var divisor: Int64 = 1
    for _ in 1..<digits { divisor *= 10 }
    while divisor > 0 {
        bytes.append(UInt8(ascii: "0") + UInt8(value / divisor % 10))
        divisor /= 10
    }
    bytes.append(UInt8(ascii: end))
}

private func number(_ digits: ArraySlice<UInt8>) -> Int64? {
    var value: Int64 = 0
    for byte in digits {
        guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
        value = value * 10 + Int64(byte - UInt8(ascii: "0"))
    }
    return value
}
