// Beyond the RFC: what a TD's build-time measurement, MRTD, is made of.

extension TDXModule {
    /// Adds the 256 bytes at `gpa`, and the address, to the measurement.
    ///
    /// - Throws: `operandInvalid` (RCX: not a multiple of 256, or not private), `eptEntryNotPresent` (nothing is mapped
    ///   there), `opStateIncorrect` (finalised, or not initialised), `operandBusy` (RDX: TDR), `tdFatal`. Nothing
    ///   changed then.
    /// - Source: TDX Module 1.5 ABI, TDH.MR.EXTEND, leaf 16.
    public func tdh_mr_extend(_ td: TD, _ gpa: GPA, on processor: Processor) throws(SEAMCALLError) {
        var registers = Registers(rcx: gpa.rawValue, rdx: td.tdr.rawValue)
        try issue(.mrExtend, &registers, on: processor)
    }

    /// Closes the measurement; the TD can run from then on, and gets no more vCPUs and no more measured memory.
    ///
    /// - Throws: `noVCPUs` (none initialised), `opStateIncorrect` (done already, or not initialised), `operandBusy`
    ///   (RCX: TDR), `tdFatal`. Nothing changed then.
    /// - Source: TDX Module 1.5 ABI, TDH.MR.FINALIZE, leaf 17.
    public func tdh_mr_finalize(_ td: TD, on processor: Processor) throws(SEAMCALLError) {
        var registers = Registers(rcx: td.tdr.rawValue)
        try issue(.mrFinalize, &registers, on: processor)
    }
}
