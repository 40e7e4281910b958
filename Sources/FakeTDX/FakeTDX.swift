internal import Synchronization
public import TDXCalls
internal import Threading

/// A TDX module in software, by default release 1.5.01, with the machine under it: both ports of the wrappers.
///
/// It is a module and not a mock: per leaf all checks in the module's order, then a commit that cannot fail; a
/// leaf that is refused changes nothing, but for the exceptions the real one has. It may be called from many
/// threads at once. Its locks are the module's own try-locks, so contention is real and nothing ever waits, and
/// it never knows who calls it.
///
/// Not modelled: memory encryption, migration, service TDs, nested VMs beyond their page counts.
public final class FakeTDX: Sendable {
    /// How far the module has come when the fake is made.
    public enum Start: Sendable {
        /// As after loading: TDH.SYS.INIT comes first.
        case loaded
        /// Brought up on the platform's TDMRs, those initialised that the platform says so of.
        case ready
    }

    public let platform: FakePlatform
    public let profile: FakeProfile
    /// What SYS.RD answers, gathered.
    public let module: ModuleInformation
    let state: ModuleState
    let host: HostState
    /// Position in the platform's list by processor number; -1 where there is none.
    private let processorIndex: [Int]

    /// - Parameter onHazard: is told of each hazard as it is found, in the thread that met it; it must be quick and not
    ///   call the fake.
    /// - Throws: ``FakePlatformError`` if platform or timing cannot be.
    public init(
        platform: FakePlatform = .oracle, timing: FakeTiming = FakeTiming(), profile: FakeProfile = .release1501,
        start: Start = .ready, onHazard: (@Sendable (FakeHazard) -> Void)? = nil
    ) throws(FakePlatformError) {
        try platform.validate()
        try timing.validate()
        self.platform = platform
        self.profile = profile
        state = ModuleState(
            platform: platform, timing: timing, profile: profile, hazards: HazardLedger(observer: onHazard))
        module = state.information
        host = HostState(platform: platform)
        var index = [Int](repeating: -1, count: FakePlatform.processorNumbersEnd)
        for (position, info) in platform.processors.enumerated() { index[Int(info.processor.rawValue)] = position }
        processorIndex = index
        if start == .ready { bringUp() }
    }

    /// Puts the module where SYS.INIT to SYS.TDMR.INIT would have brought it.
    private func bringUp() {
        for processor in state.processors { processor.isInitialized.store(true, ordering: .releasing) }
        state.configure(tdmrs: platform.tdmrs, globalKeyID: platform.globalKeyID.rawValue)
        state.keys.set(platform.globalKeyID.rawValue, .reserved)
        state.configuredPackages = state.allPackages
        for (index, layout) in platform.tdmrs.enumerated() where layout.isInitialized {
            let tdmr = state.tdmrs[index]
            while !tdmr.isInitialized { tdmr.initializeStep() }
        }
        state.state = .ready
    }

    /// - Throws: ``PortError`` if the platform has no such processor.
    func logicalProcessor(_ processor: Processor) throws(PortError) -> LogicalProcessor {
        guard processor.rawValue < processorIndex.count, processorIndex[Int(processor.rawValue)] >= 0 else {
            throw PortError(.notExecuted, "the fake platform has no processor \(processor.rawValue)")
        }
        return state.processors[processorIndex[Int(processor.rawValue)]]
    }
}

extension FakeTDX: SEAMCALLPort {
    /// Unless calls take as long as they are said to take.
    public var isPrompt: Bool {
        let timing = state.timing
        return max(timing.call, timing.keyConfiguration, timing.cacheWriteBack) == .zero
    }

    public func call(
        _ leaf: Leaf, _ registers: inout Registers, on processor: Processor
    ) throws(PortError) -> Completion {
        let logicalProcessor = try logicalProcessor(processor)
        if state.timing.call > .zero { sleepBlocking(state.timing.call) }
        return state.execute(leaf, &registers, on: logicalProcessor)
    }
}
