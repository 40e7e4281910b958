import Certificates
import Testing

@testable import tdxd

@Suite("What ends, and what is told of it")
struct ExpiryTests {
    private static let day = CalendarTime.secondsPerDay
    private static let end = CalendarTime(seconds: 400 * day)

    private func item(_ identity: String = "a", days: Int = 400, ends: CalendarTime = end) -> Expiring {
        Expiring(
            kind: .own, subject: "CN=s", identity: identity,
            validity: Validity(notBefore: ends.adding(days: -days), notAfter: ends))
    }

    /// What is told when one looks four times a day, by whole days before the end.
    private func story(_ item: Expiring, from days: Int, to last: Int) -> [String] {
        var notices = ExpiryNotices()
        var story: [String] = []
        for quarter in (-days * 4)...(-last * 4) {
            let now = item.validity.notAfter.adding(seconds: Int64(quarter) * Self.day / 4)
            for notice in notices.due([item], now: now) { story.append("\(notice.stage) \(notice.daysLeft)") }
        }
        return story
    }

    @Test("Once thirty days before the end, then each of the last days, then each day after it")
    func calendar() {
        let expected =
            ["renew 30"] + (0...7).reversed().map { "lastDays(\($0)) \($0)" } + ["over(1) 0", "over(2) -2"]
        #expect(story(item(), from: 40, to: -2) == expected)
    }

    @Test("What lives a day is told of in its last third only")
    func shortLived() {
        var notices = ExpiryNotices()
        let short = item(days: 1)
        let begin = short.validity.notBefore
        #expect(notices.due([short], now: begin.adding(seconds: Self.day / 2)).isEmpty)
        let due = notices.due([short], now: begin.adding(seconds: Self.day * 3 / 4))
        #expect(due.map(\.stage) == [.lastDays(0)])
    }

    @Test("What does not count yet is told of until it does")
    func early() {
        var notices = ExpiryNotices()
        let begin = Self.end.adding(days: -400)
        #expect(notices.due([item()], now: begin.adding(seconds: -1)).map(\.stage) == [.early])
        #expect(notices.due([item()], now: begin).isEmpty)
    }

    @Test("The successor of what was told of is told of anew, and what is gone is forgotten")
    func successors() {
        var notices = ExpiryNotices()
        let now = Self.end.adding(days: -3)
        #expect(notices.due([item("a")], now: now).count == 1)
        #expect(notices.due([item("a")], now: now).isEmpty)
        #expect(notices.due([item("b")], now: now).map(\.item.identity) == ["b"])
        #expect(notices.due([item("a")], now: now).map(\.item.identity) == ["a"])
        #expect(notices.due([item("c", ends: Self.end.adding(days: 90))], now: now).isEmpty)
    }

    @Test("The same thing in two places is told of once")
    func twice() {
        var notices = ExpiryNotices()
        #expect(notices.due([item(), item()], now: Self.end).count == 1)
    }
}

@Suite("When files are read")
struct SettlingTests {
    private func looks(_ settling: inout Settling<Int>, _ stamps: [Int]) -> [Bool] {
        stamps.map { settling.look($0) }
    }

    @Test("A change is read when two looks have found the same, and only once")
    func settles() {
        var settling = Settling(read: 0)
        #expect(looks(&settling, [0, 0, 1, 2, 3, 3]) == [false, false, false, false, false, true])
        settling.willRead(3)
        #expect(looks(&settling, [3, 3]) == [false, false])
    }

    @Test("What comes back to what was read before the change settled is not read")
    func returns() {
        var settling = Settling(read: 0)
        #expect(looks(&settling, [1, 0, 0]) == [false, false, false])
    }

    @Test("A change during the reading is seen as one")
    func changesWhileRead() {
        var settling = Settling(read: 0)
        #expect(looks(&settling, [1, 1]) == [false, true])
        settling.willRead(1)
        #expect(looks(&settling, [2, 2]) == [false, true])
    }
}
