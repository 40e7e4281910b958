public import TDXCalls

/// Why the engine will not, or could not, do what was asked.
public enum LifecycleError: Error, Sendable {
    case noSuchTD(String)
    case noSuchVCPU(td: ResourceID, number: Int)
    case noSuchOperation
    case noSuchPage(String)
    /// The TD is in a state in which this makes no sense; what may be done instead.
    case wrongState(WrongState)
    /// Another operation owns the TD.
    case operationRunning(ResourceID)
    case notCancellable(Operation.State)
    case nameTaken(String, by: ResourceID)
    case preconditionFailed(revision: UInt64)
    case capacity(Shortage)
    /// A limit of the principal's own.
    case limitReached(LimitReached)
    /// Guest memory that cannot be as it is asked to be; nothing was spent.
    case memory(MemoryViolation)
    /// The content of a region failed on its way: the region's place, and why.
    case contentFailed(region: Int, reason: String)
    /// MRTD would not be what the manifest says; nothing was done.
    case measurementDiffers(MeasurementDifference)
    /// More vCPUs than the TD may have.
    case maxVCPUsExceeded(requested: Int, existing: Int, max: Int)
    /// A CPUID setting this module has no place for, by its index in the spec.
    case cpuidNotConfigurable(index: Int)
    /// A processor that is not one of this host's, by its index in the request if there is one.
    case noSuchProcessor(Processor, index: Int?)
    case noSuchPackage(Package)
    /// A call that works on one package was asked for on a processor of another.
    case processorNotInPackage(Processor, Package)
    case lacksLeaf(Leaf)
    case lacksVPInitX2APICID
    /// The module refused a leaf, for good.
    case refused(CallRecord)
    /// A recoverable refusal outlasted the retry budget.
    case busy(CallRecord)
    /// The shim's or the transport's own failure, with the record if a call was tried.
    case port(PortError, CallRecord?)
    /// Something could not be freed.
    case quarantined([Quarantined], CallRecord?)
    case cancelled
    case draining
    /// As many field accesses wait for this TD as may.
    case tooManyWaiting(Int)
    /// An element beyond what the field has.
    case noSuchElement(field: String, count: Int)
}

public struct WrongState: Hashable, Sendable {
    public let phase: Phase
    public let lifecycle: Lifecycle
    public let opState: OpState?
    public let action: Action
    public let reason: String
    public let allowed: [Action]
}

/// What there is too little of.
public struct Shortage: Hashable, Sendable {
    public enum Resource: String, Sendable { case keyIDs = "keyIds", pages, largePages }

    public let resource: Resource
    public let limit: Int
    public let used: Int
    public let quarantined: Int
    public let foreign: Int
    public let requested: Int
}

extension Shortage {
    /// Of 2 MiB in a row: those that are not free have pages in use, by whomever.
    init(_ runs: HostLargePages, requested: Int) {
        self.init(
            resource: .largePages, limit: runs.total, used: runs.total - runs.free, quarantined: 0, foreign: 0,
            requested: requested)
    }
}
