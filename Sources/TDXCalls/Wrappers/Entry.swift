// Beyond the RFC: running a vCPU. Linux has this wrapper since KVM can run TDs.

extension TDXModule {
    /// Enters the TD on `processor` and returns when it leaves. **Associates the vCPU with `processor`**, as
    /// ``tdh_vp_init(_:initialRCX:on:)`` does.
    ///
    /// The module's own lock on the TD is held shared while the guest runs: leaves that want the TD or the vCPU alone
    /// find it busy until this returns.
    ///
    /// - Throws: `vcpuAssociated` (with another processor), `vcpuStateIncorrect`, `opStateIncorrect` (not finalised),
    ///   `tdcxNumIncorrect`, `operandBusy` (RCX: TDVPR, TDR, OP_STATE, TD_EPOCH), `tscRollback`; `nonRecoverableVCPU` and
    ///   `nonRecoverableTD` after an exit that the vCPU or the TD does not survive.
    /// - Source: TDX Module 1.5 ABI, TDH.VP.ENTER, leaf 0.
    public func tdh_vp_enter(_ vp: VP, _ entry: VPEntry, on processor: Processor) throws(SEAMCALLError) -> VPExit {
        var registers = entry.registers(vp.tdvpr)
        let completion = try issue(.vpEnter, &registers, on: processor)
        return VPExit(completion, registers)
    }
}
