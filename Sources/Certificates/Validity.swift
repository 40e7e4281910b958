/// From when to when something counts. Its last second counts as past, as libcrypto has it.
public struct Validity: Hashable, Sendable {
    public let notBefore: CalendarTime
    public let notAfter: CalendarTime

    /// - Precondition: it ends after it begins.
    public init(notBefore: CalendarTime, notAfter: CalendarTime) {
        precondition(notBefore < notAfter, "a validity ends after it begins")
        self.notBefore = notBefore
        self.notAfter = notAfter
    }

    /// Begins a little before `start`, so that a peer whose clock is slow does not refuse it, and ends `days` after.
    ///
    /// - Precondition: at least one day.
    public init(from start: CalendarTime, days: Int) {
        self.init(notBefore: start.adding(seconds: -Self.clockSkewSeconds), notAfter: start.adding(days: days))
    }

    /// As read, when nothing is known of their order.
    init(unordered notBefore: CalendarTime, _ notAfter: CalendarTime) {
        self.notBefore = notBefore
        self.notAfter = notAfter
    }

    public static let clockSkewSeconds: Int64 = 300
    /// A certificate should be renewed this many days before it ends, or earlier if it lives long; see `renewalDue`.
    public static let renewalDaysMax = 30

    public func contains(_ time: CalendarTime) -> Bool { notBefore <= time && time < notAfter }

    /// Whole days left at `time`; negative once it has ended.
    public func daysLeft(at time: CalendarTime) -> Int { notAfter.days(since: time) }

    /// When to renew: with a third of the life left, or 30 days if that is less.
    public var renewalDue: CalendarTime {
        let third = (notAfter.seconds - notBefore.seconds) / 3
        return notAfter.adding(seconds: -min(third, Int64(Self.renewalDaysMax) * CalendarTime.secondsPerDay))
    }

    public func needsRenewal(at time: CalendarTime) -> Bool { time >= renewalDue }
}
