internal import Synchronization
internal import TDXCalls

extension Call {
    /// TDH.SYS.LP.INIT, leaf 35: once on each processor. RCX, RDX and R8 answer zero.
    mutating func sysLPInit() throws(Refusal) -> Completion {
        registers.rcx = 0
        registers.rdx = 0
        registers.r8 = 0
        try lockSystem(.shared)
        guard module.state == .initDone else { throw Refusal(.sysLPInitNotPending) }
        guard !processor.isInitialized.load(ordering: .acquiring) else { throw Refusal(.sysLPInitDone) }
        guard module.entropy.draw() != nil else { throw Refusal(.rndNoEntropy) }

        // Commit.
        processor.isInitialized.store(true, ordering: .releasing)
        return .success
    }

    /// - Throws: SYS_LP_INIT_NOT_DONE before SYS.LP.INIT has run on this processor.
    func checkProcessorInitialized() throws(Refusal) {
        guard processor.isInitialized.load(ordering: .acquiring) else { throw Refusal(.sysLPInitNotDone) }
    }
}
