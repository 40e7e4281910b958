internal import TDXCalls

extension Call {
    /// TDH.SYS.TDMR.INIT, leaf 36: RCX a TDMR's base. One step; RDX answers the next address not yet usable.
    mutating func sysTDMRInit() throws(Refusal) -> Completion {
        registers.rdx = 0
        let base = registers.rcx
        guard base & (FakePlatform.gigabyte - 1) == 0, base & module.keyIDMask == 0, base >> 52 == 0,
            let tdmr = module.tdmr(containing: base), tdmr.base == base
        else { throw Refusal(.operandInvalid, .rcx) }
        try lock(tdmr.initLock, .exclusive, .rcx)
        guard !tdmr.isInitialized else { return .tdmrAlreadyInitialized }

        // Commit.
        tdmr.initializeStep()
        registers.rdx = tdmr.usableEnd
        return .success
    }
}
