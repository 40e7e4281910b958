internal import Logging
internal import Threading

/// Messages a client can bring about, the library's among them: only so many in a while, then their number.
final class TroubleLog: Sendable {
    private let logger: Logger
    private let budget: LineBudget

    init(_ logger: Logger, _ budget: LineBudget = LineBudget()) {
        self.logger = logger
        self.budget = budget
    }

    /// Messages left out since the start.
    var suppressed: UInt64 { budget.suppressed }

    func note(_ message: String, at level: Logger.Level = .debug, now: MonotonicTime = .now) {
        // What would not be written anyway must not push out what would.
        guard level >= logger.logLevel else { return }
        guard case .write(let suppressed) = budget.spend(at: now) else { return }
        tell(suppressed)
        let text = message.last == "\n" ? String(message.dropLast()) : message
        logger.log(level: level, "A connection was in trouble", metadata: ["message": "\(text)"])
    }

    /// To be called now and then: says how many messages were left out, once there are no more of them.
    func settle(now: MonotonicTime = .now) { tell(budget.settle(at: now)) }

    private func tell(_ suppressed: UInt64) {
        guard suppressed > 0 else { return }
        logger.notice("Messages about connections were left out", metadata: ["count": "\(suppressed)"])
    }
}
