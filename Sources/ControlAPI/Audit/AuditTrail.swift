internal import ControlSchema
internal import HTTPTypes
public import Logging
public import Meters
internal import Synchronization
internal import Threading

/// Takes the lines of the audit trail.
public protocol AuditSink: Sendable {
    /// Takes one line, its newline included, in one go.
    func write(_ line: [UInt8]) throws(AuditFailure)
}

/// Why a line was not taken.
public struct AuditFailure: Error, Hashable, Sendable {
    public let reason: String

    public init(_ reason: String) { self.reason = reason }
}

/// Who did what: one line of JSON for each request that matters, apart from the log.
///
/// A line is written before its answer is given. One that cannot be written does not stop the daemon, since a full disk
/// would keep TDs from being torn down: it is counted, the log says so at `error`, and the trail itself says how many
/// are missing as soon as it can be written again.
public final class AuditTrail: Sendable {
    /// Which requests have a line.
    public enum Scope: String, CaseIterable, Sendable {
        /// Those that change something or were refused.
        case changes
        case all
    }

    static let message = "audit"
    /// Refusals of strangers and of those who ask too fast, in one `LineBudget` period: nobody fills a disk with them.
    static let refusalsPerPeriod = 100

    private let scope: Scope
    private let sink: any AuditSink
    private let logger: Logger
    private let now: @Sendable () -> (wall: UInt64, monotonic: MonotonicTime)
    private let lastSequence = Atomic<UInt64>(0)
    private let templates = BodyTemplates<AuditLine>()
    private let refusals = LineBudget(lines: refusalsPerPeriod)
    private let complaints = LineBudget(lines: 1)
    /// Lines that could not be written and that the trail does not tell of yet.
    private let missing = Atomic<UInt64>(0)
    private let written = Counter()
    private let failures = Counter()

    public convenience init(_ scope: Scope, to sink: any AuditSink, logger: Logger) {
        self.init(scope, to: sink, logger: logger) { (wallClockNanoseconds(), .now) }
    }

    /// - Parameter now: nanoseconds since 1970, and the monotonic clock.
    init(
        _ scope: Scope, to sink: any AuditSink, logger: Logger,
        now: @escaping @Sendable () -> (wall: UInt64, monotonic: MonotonicTime)
    ) {
        self.scope = scope
        self.sink = sink
        self.logger = logger
        self.now = now
    }

    func wants(_ method: HTTPRequest.Method, status: Int) -> Bool {
        scope == .all || status >= 400 || (method != .get && method != .head)
    }

    /// - Parameter isBounded: whether it is of a kind that somebody without rights can make without end.
    func record(_ line: AuditLine, isBounded: Bool) {
        if isBounded {
            switch refusals.spend(at: now().monotonic) {
            case .suppress: return
            case .write(suppressed: 0): break
            case .write(let count): tell(.suppressed, count)
            }
        }
        let gap = missing.exchange(0, ordering: .relaxed)
        if gap > 0, !tell(.lost, gap) { return lose(gap + 1) }
        var line = line
        line.time = time
        line.sequence = nextSequence()
        if !write(templates.body(line.blanked, line.facts) { line }) { lose(1) }
    }

    /// - Parameter count: lines that are missing now, of which one is new.
    private func lose(_ count: UInt64) {
        failures.add()
        missing.wrappingAdd(count, ordering: .relaxed)
    }

    @discardableResult
    private func tell(_ event: AuditEvent.Kind, _ count: UInt64) -> Bool {
        write(ControlJSON.encode(AuditEvent(time: time, sequence: nextSequence(), event: event, count: count)))
    }

    private func write(_ line: [UInt8]) -> Bool {
        do throws(AuditFailure) {
            try sink.write(line + [UInt8(ascii: "\n")])
            written.add()
            return true
        } catch {
            if case .write(let suppressed) = complaints.spend(at: now().monotonic) {
                logger.error(
                    "The audit trail cannot be written",
                    metadata: ["reason": "\(error.reason)", "failuresBefore": "\(suppressed)"])
            }
            return false
        }
    }

    /// To the millisecond.
    private var time: Timestamp { Timestamp(microseconds: Int64(now().wall / 1_000_000) * 1_000) }

    private func nextSequence() -> UInt64 { lastSequence.wrappingAdd(1, ordering: .relaxed).newValue }
}

extension AuditTrail: MetricSource {
    public func write(to exposition: inout Exposition) {
        exposition.single(
            "tdxd_audit_lines_total", .counter, "Lines of the audit trail that were written.", written.value)
        exposition.single(
            "tdxd_audit_failures_total", .counter, "Lines of the audit trail that could not be written.",
            failures.value)
        exposition.single(
            "tdxd_audit_suppressed_total", .counter,
            "Refusals left out of the audit trail because there were too many at once.", refusals.suppressed)
    }
}
