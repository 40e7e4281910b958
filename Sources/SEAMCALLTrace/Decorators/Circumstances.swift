internal import TDXCalls

/// What a replay has to arrange before a call so that it meets what the recorded one met.
enum Circumstances {
    /// How often the module draws at random before it gives up.
    private static let drawAttempts = 10

    static func before(_ completion: Completion) -> [TraceStep] {
        switch completion {
        case .interruptedResumable: [.interruptPending(InterruptStep(atPoll: 1, kind: "intr"))]
        case .keyGenerationFailed: [.keyGenerationFails(FailureStep(count: 1))]
        case .rndNoEntropy: [.randomDrawFails(FailureStep(count: drawAttempts))]
        default: []
        }
    }
}

extension Completion {
    /// Somebody else had what the call wanted. Nothing changed.
    var saysContention: Bool {
        // The random source is of the same class: it was emptied, not held.
        if case .rndNoEntropy = self { return false }
        return isError && classCode == Self.contentionClass
    }

    private static let contentionClass: UInt8 = 2
}
