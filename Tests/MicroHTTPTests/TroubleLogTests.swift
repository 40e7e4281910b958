import Logging
import Testing
import Threading

@testable import MicroHTTP

@Suite("What is logged of connections in trouble")
struct TroubleLogTests {
    private struct Lines: LogHandler {
        let written: Locked<[String]>
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.info
        subscript(metadataKey key: String) -> Logger.MetadataValue? {
            get { nil }
            set {}
        }
        func log(event: LogEvent) {
            let facts = (event.metadata ?? [:]).values.map(\.description).joined(separator: ",")
            written.withLock { $0.append("\(event.level) \(event.message): \(facts)") }
        }
    }

    private let written = Locked<[String]>([])

    private func log(lines: Int) -> TroubleLog {
        let written = written
        return TroubleLog(Logger(label: "test") { _ in Lines(written: written) }, LineBudget(lines: lines))
    }

    private func at(_ seconds: UInt64) -> MonotonicTime { MonotonicTime(nanoseconds: seconds * 1_000_000_000) }

    @Test("A flood is so many lines, and then one with the number of the rest")
    func flood() {
        let log = log(lines: 2)
        for number in 0..<1_000 { log.note("n \(number)\n", at: .info, now: at(1)) }
        log.settle(now: at(5))
        log.settle(now: at(11))
        log.settle(now: at(12))
        #expect(
            written.withLock { $0 } == [
                "info A connection was in trouble: n 0", "info A connection was in trouble: n 1",
                "notice Messages about connections were left out: 998",
            ])
        #expect(log.suppressed == 998)
    }

    @Test("The next line of a new period comes after the number of those left out")
    func nextPeriod() {
        let log = log(lines: 1)
        for number in 0..<3 { log.note("n \(number)", at: .info, now: at(1)) }
        log.note("later", at: .warning, now: at(20))
        #expect(
            written.withLock { $0 } == [
                "info A connection was in trouble: n 0", "notice Messages about connections were left out: 2",
                "warning A connection was in trouble: later",
            ])
    }

    @Test("What is below the log's level takes nothing from what is not")
    func levels() {
        let log = log(lines: 1)
        for _ in 0..<100 { log.note("detail", at: .debug, now: at(1)) }
        log.note("matter", at: .info, now: at(1))
        #expect(written.withLock { $0 } == ["info A connection was in trouble: matter"])
        #expect(log.suppressed == 0)
    }
}
