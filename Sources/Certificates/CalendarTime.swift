internal import Glibc

/// A second of the calendar, in UTC: what certificates are dated with.
public struct CalendarTime: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// Seconds since 1970-01-01T00:00:00Z, leap seconds not counted.
    public let seconds: Int64

    public init(seconds: Int64) { self.seconds = seconds }

    /// The system's clock.
    public static func now() -> CalendarTime { CalendarTime(seconds: Int64(time(nil))) }

    public static let secondsPerDay: Int64 = 86_400

    public static func < (left: Self, right: Self) -> Bool { left.seconds < right.seconds }

    public func adding(seconds more: Int64) -> CalendarTime { CalendarTime(seconds: seconds + more) }
    public func adding(days: Int) -> CalendarTime { adding(seconds: Int64(days) * Self.secondsPerDay) }

    /// Whole days from `time` until this; negative when it has passed: -1 from its first second on.
    public func days(since time: CalendarTime) -> Int {
        let difference = seconds - time.seconds
        return Int((difference - (difference < 0 ? Self.secondsPerDay - 1 : 0)) / Self.secondsPerDay)
    }

    /// As RFC 3339 writes it: `2026-01-31T12:00:00Z`.
    public var description: String {
        let (date, clock) = split
        let (year, month, day) = Self.civil(fromDays: date)
        return "\(Self.padded(year, 4))-\(Self.padded(month, 2))-\(Self.padded(day, 2))T"
            + "\(Self.padded(clock / 3600, 2)):\(Self.padded(clock / 60 % 60, 2)):\(Self.padded(clock % 60, 2))Z"
    }

    /// Nil when no such second exists.
    init?(year: Int64, month: Int64, day: Int64, hour: Int64, minute: Int64, second: Int64) {
        guard (0...9999).contains(year), (1...12).contains(month), (1...31).contains(day), (0...23).contains(hour),
            (0...59).contains(minute), (0...60).contains(second)
        else { return nil }
        let days = Self.days(fromYear: year, month: month, day: day)
        guard Self.civil(fromDays: days) == (year, month, day) else { return nil }
        seconds = days * Self.secondsPerDay + hour * 3600 + minute * 60 + second
    }

    /// Days since 1970, and seconds of that day.
    private var split: (days: Int64, seconds: Int64) {
        let (quotient, remainder) = seconds.quotientAndRemainder(dividingBy: Self.secondsPerDay)
        return remainder < 0 ? (quotient - 1, remainder + Self.secondsPerDay) : (quotient, remainder)
    }

    private static func padded(_ value: Int64, _ width: Int) -> String {
        let digits = String(value)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }

    // The calendar repeats every 400 years. Years are taken to begin in March, so that the leap day is the last.
    private static let daysPerEra: Int64 = 146_097
    /// From 0000-03-01 to 1970-01-01.
    private static let daysToEpoch: Int64 = 719_468

    private static func days(fromYear year: Int64, month: Int64, day: Int64) -> Int64 {
        let marchYear = month > 2 ? year : year - 1
        let era = (marchYear >= 0 ? marchYear : marchYear - 399) / 400
        let yearOfEra = marchYear - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * daysPerEra + dayOfEra - daysToEpoch
    }

    private static func civil(fromDays days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = days + daysToEpoch
        let era = (shifted >= 0 ? shifted : shifted - daysPerEra + 1) / daysPerEra
        let dayOfEra = shifted - era * daysPerEra
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let marchMonth = (5 * dayOfYear + 2) / 153
        let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
        return (
            yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * marchMonth + 2) / 5 + 1
        )
    }
}
