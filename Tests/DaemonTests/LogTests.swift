import ControlSchema
import Glibc
import Logging
import Testing

@testable import tdxd

@Suite("Log lines")
struct LogTests {
    private static let time = Timestamp(microseconds: 1_795_433_000_114_000)

    @Test("A line of text has time, level, message and the facts in order of their keys")
    func text() {
        let line = Self.line(
            .text, at: Self.time, .notice, "TD phase changed", ["to": "deleted", "from": "initialized", "n": "\(2)"])
        #expect(line == "2026-11-23T11:23:20.114Z notice TD phase changed from=initialized n=2 to=deleted\n")
    }

    @Test("A value that could be mistaken for something else is quoted, and nothing in it ends the line")
    func quoting() {
        let line = Self.line(
            .text, at: Self.time, .error, "a\nb",
            ["a": "x y", "b": "", "c": "k=v", "d": "say \"so\"\\", "e": "\u{1b}[2J\n", "f": "µ"])
        let expected =
            #"2026-11-23T11:23:20.114Z error a\u{a}b a="x y" b="" c="k=v" d="say \"so\"\\" e="\u{1b}[2J\u{a}" f="µ""#
        #expect(line == expected + "\n")
    }

    @Test("A line of JSON is one object, without metadata where there is none")
    func json() {
        #expect(
            Self.line(.json, at: Self.time, .info, "Listening", ["place": "/run/tdxd.sock"])
                == #"{"level":"info","message":"Listening","metadata":{"place":"/run/tdxd.sock"},"#
                + #""time":"2026-11-23T11:23:20.114Z"}"# + "\n")
        #expect(
            Self.line(.json, at: Self.time, .info, "a\n", [:])
                == #"{"level":"info","message":"a\n","time":"2026-11-23T11:23:20.114Z"}"# + "\n")
    }

    @Test("A logger's own facts, the event's, and its error come together; the event's win")
    func handler() throws {
        var ends: [Int32] = [0, 0]
        // SAFETY: the call fills an array of two.
        try #require(unsafe pipe(&ends) == 0)
        defer { close(ends[0]) }
        var logger = Logger(label: "test") { _ in
            LineLogHandler(.info, .text, to: LineOutput(descriptor: ends[1]))
        }
        logger[metadataKey: "listener"] = "unix"
        logger[metadataKey: "td"] = "first"
        logger.notice("Serving", metadata: ["td": "second"])
        logger.debug("Not wanted at this level")
        close(ends[1])
        let line = readAll(ends[0])
        #expect(line.hasSuffix("Z notice Serving listener=unix td=second\n"))
        #expect(line.split(separator: "\n").count == 1)
    }

    private static func line(
        _ format: LogFormat, at time: Timestamp, _ level: Logger.Level, _ message: String, _ metadata: Logger.Metadata
    ) -> String {
        String(decoding: format.line(at: time, level, message, metadata), as: UTF8.self)
    }

    private func readAll(_ descriptor: Int32) -> String {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            // SAFETY: the call writes no more than the buffer holds.
            let count = unsafe buffer.withUnsafeMutableBytes { unsafe read(descriptor, $0.baseAddress, $0.count) }
            if count <= 0 { return String(decoding: bytes, as: UTF8.self) }
            bytes += buffer[..<count]
        }
    }
}
