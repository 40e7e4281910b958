// RFC group 6: flush operations.

extension TDXModule {
    /// Ends the vCPU's association with `processor`, its translations and VMCSs there.
    ///
    /// - Throws: `vcpuNotAssociated` if it is with no processor or with another: the two look the same;
    ///   `tdKeysNotConfigured`, `tdcxNumIncorrect`, `operandBusy` (RCX: TDVPR, TDR). Nothing changed then. A fatal TD's
    ///   vCPUs can be flushed.
    /// - Source: TDX Module 1.5 ABI, TDH.VP.FLUSH, leaf 18.
    public func tdh_vp_flush(_ vp: VP, on processor: Processor) throws(SEAMCALLError) {
        var registers = Registers(rcx: vp.tdvpr.rawValue)
        try issue(.vpFlush, &registers, on: processor)
    }

    /// Declares that no vCPU of `td` is associated with a processor; the TD becomes BLOCKED, for good, and its
    /// KeyID flushed. Works from HKID_ASSIGNED on.
    ///
    /// - Throws: `flushVPNotDone` while a vCPU is associated; `lifecycleStateIncorrect`; `operandBusy` (RCX, or KOT, which
    ///   is taken before the lifecycle is looked at). Nothing changed then.
    /// - Source: TDX Module 1.5 ABI, TDH.MNG.VPFLUSHDONE, leaf 19.
    public func tdh_mng_vpflushdone(_ td: TD, on processor: Processor) throws(SEAMCALLError) {
        var registers = Registers(rcx: td.tdr.rawValue)
        try issue(.mngVPFlushDone, &registers, on: processor)
    }
}
