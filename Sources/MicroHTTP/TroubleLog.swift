internal import Logging
internal import Threading

/// Messages a client can bring about, the library's among them: at most so many a second.
final class TroubleLog: Sendable {
    private struct Window {
        var second: UInt64 = 0
        var written = 0
        var dropped = 0
    }

    private static let messagesPerSecond = 5
    private let logger: Logger
    private let window = Locked(Window())

    init(_ logger: Logger) { self.logger = logger }

    func note(_ message: String, at level: Logger.Level = .debug) {
        let second = MonotonicTime.now.nanoseconds / 1_000_000_000
        let (isWritten, dropped) = window.withLock { window -> (Bool, Int) in
            var dropped = 0
            if window.second != second {
                dropped = window.dropped
                window = Window(second: second)
            }
            guard window.written < Self.messagesPerSecond else {
                window.dropped += 1
                return (false, 0)
            }
            window.written += 1
            return (true, dropped)
        }
        guard isWritten else { return }
        let text = message.last == "\n" ? String(message.dropLast()) : message
        let facts: Logger.Metadata = ["message": "\(text)", "droppedBefore": "\(dropped)"]
        logger.log(level: level, "A connection was in trouble", metadata: facts)
    }
}
