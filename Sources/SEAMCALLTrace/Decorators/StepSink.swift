internal import Threading

/// Where a recorder puts what it sees.
public protocol StepSink: Sendable {
    /// Whether it still takes steps. What is not recorded need not be noted down.
    var isRecording: Bool { get }
    /// Takes steps that belong together: none of another thread comes between.
    func append(_ steps: [TraceStep])
}

/// A recording in memory.
public final class MemoryRecording: StepSink {
    private struct State: Sendable {
        var steps: [TraceStep] = []
        var dropped = 0
    }

    private let stepsMax: Int
    private let state = Locked(State())

    /// Steps kept unless said otherwise.
    public static let stepsMaxDefault = 1_000_000

    public init(stepsMax: Int = MemoryRecording.stepsMaxDefault) { self.stepsMax = stepsMax }

    public var isRecording: Bool { true }

    /// Steps that were not kept because there were too many.
    public var droppedSteps: Int { state.withLock { $0.dropped } }

    public func append(_ steps: [TraceStep]) {
        state.withLock { state in
            let kept = steps.prefix(max(0, stepsMax - state.steps.count))
            state.steps += kept
            state.dropped += steps.count - kept.count
        }
    }

    /// What was recorded so far.
    public func trace(named name: String, purpose: String = "", platform: TracePlatform) -> Trace {
        Trace(name: name, purpose: purpose, platform: platform, steps: state.withLock { $0.steps })
    }
}
