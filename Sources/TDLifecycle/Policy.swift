internal import TDXCalls
internal import Threading

/// What to do about a refusal, by leaf and completion. One table, so that no flow decides for itself.
enum Disposition: Sendable {
    /// The cause goes away by itself: try again, within the budget.
    case retry
    /// Long work was interrupted: go on where it stopped.
    case resume
    /// What was asked for is so already.
    case treatAsDone
    /// Not done, and cannot be.
    case fail

    init(_ completion: Completion, for call: Call) {
        switch (call, completion) {
        case (.writeBack, .interruptedResumable):
            self = .resume
        case (.writeBack, .wbCacheResumeError):
            // Somebody started another write-back on this package meanwhile: start anew.
            self = .retry
        case (.flushVCPU, .vcpuNotAssociated):
            self = .treatAsDone
        case (_, .operandBusy), (_, .sysBusy), (_, .rndNoEntropy), (_, .keyGenerationFailed),
            (_, .interruptedRestartable), (_, .previousTLBEpochBusy), (_, .operandBusyHostPriority):
            self = .retry
        default:
            self = .fail
        }
    }
}

/// Every limit of the engine, by name.
public struct EngineLimits: Sendable {
    /// A step ends after this long or this many leaves, whichever comes first, and others have their turn.
    public var stepDuration: Duration = .milliseconds(10)
    public var stepCalls = 2_048
    /// The same for a first step on the thread of whoever asks, which has others to serve.
    public var stepDurationInPlace: Duration = .milliseconds(1)
    public var stepCallsInPlace = 256
    /// Pages taken from the host ahead of their use; written down before the first is handed over.
    public var reservationPages = 4_096
    /// How long a call may go on being refused for passing reasons, and the first and longest pause between tries.
    public var retryBudget: Duration = .seconds(5)
    public var retryPauseFirst: Duration = .microseconds(50)
    public var retryPauseMax: Duration = .milliseconds(5)
    /// How often one write-back may be interrupted; Linux gives up after 10,000, and we slice finer.
    public var resumptionsMax = 100_000
    /// Repeats made at once before the first pause.
    public var retriesInPlace = 3
    /// A field access is one short call; whoever is in its way is gone after a few tries.
    public var fieldAccessTriesMax = 100
    /// SEAMCALL records kept for one TD and for the host.
    public var recordsPerTD = 1_024
    public var recordsOfHost = 65_536
    /// Ended operations and deleted TDs are kept at least this long, and this many of them longer, as far as there
    /// is room: beyond the largest numbers the oldest go, whatever their age.
    public var retention: Duration = .seconds(24 * 3600)
    public var keptMin = 10_000
    public var operationsMax = 20_000
    public var tombstonesMax = 10_000
    /// SEAMCALL records kept for all deleted TDs together, at some 250 bytes each; the longest deleted lose theirs.
    public var recordsOfDeletedMax = 250_000
    /// Operations that have not ended, and KeyIDs held or promised, of one principal; nil is no limit.
    public var operationsPerPrincipal: Int?
    public var keyIDsPerPrincipal: Int?
    /// Field accesses and operations waiting for one TD.
    public var laneJobsMax = 256
    /// Guest memory a step adds, at most; and regions of one TD.
    public var stepBytes: UInt64 = 2 << 20
    public var memoryRegionsMax = 256
    /// States of MRTD's hash that are kept for TDs that begin the same, each below 1 KiB.
    public var measuredStatesMax = 1_024
    /// Waits for an operation's end, over all clients; whoever comes when there are as many is answered at once.
    public var waitersMax = 4_096

    public init() {}
}
