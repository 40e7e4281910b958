// RFC group 3: vCPU creation.

extension TDXModule {
    /// Makes `page` the root of a new vCPU of the TD. It has no index yet and counts towards no limit.
    ///
    /// Refusals: `opStateIncorrect` (not INITIALIZED; after MR.FINALIZE too), `tdKeysNotConfigured`, `tdcsNotAllocated`,
    /// `operandBusy` (RDX: TDR, RCX: page, OP_STATE), `pageMetadataIncorrect`, `tdFatal`. The TDR is checked before the page.
    /// - Source: TDX Module 1.5 ABI, TDH.VP.CREATE, leaf 10.
    public func tdh_vp_create(_ td: TD, _ page: consuming HostPage, on processor: Processor) -> Donation<TDVPR> {
        donate(page, by: .vpCreate, Registers(rdx: td.tdr.rawValue), as: TDVPR.self, on: processor)
    }

    /// Adds a control-structure page to the vCPU: five, three more per L2 VM, fourteen at most.
    ///
    /// Refusals: `vcpuStateIncorrect` (already initialised), `tdcxNumIncorrect` (the fifteenth), `opStateIncorrect`,
    /// `operandBusy` (RDX: TDVPR, TDR, RCX: page), `pageMetadataIncorrect`.
    /// - Source: TDX Module 1.5 ABI, TDH.VP.ADDCX, leaf 4.
    public func tdh_vp_addcx(_ vp: VP, _ page: consuming HostPage, on processor: Processor) -> Donation<TDCX> {
        donate(page, by: .vpAddCX, Registers(rdx: vp.tdvpr.rawValue), as: TDCX.self, on: processor)
    }

    /// Initialises the vCPU; its index is the number of vCPUs initialised before it. **Associates it with
    /// `processor`**: only there can it be flushed. `initialRCX` is in the guest's RCX and R8 at its first entry.
    ///
    /// - Throws: `tdcxNumIncorrect` (too few pages), `vcpuStateIncorrect`, `maxVCPUsExceeded`, `inconsistentMSR` with the
    ///   MSR index in the details, `opStateIncorrect`, `operandBusy` (RCX: TDVPR, TDR, OP_STATE). Nothing changed then, except that
    ///   1.5.01 leaks one count of NUM_VCPUS on `inconsistentMSR`.
    /// - Source: TDX Module 1.5 ABI, TDH.VP.INIT, leaf 22.
    public func tdh_vp_init(_ vp: VP, initialRCX: UInt64, on processor: Processor) throws(SEAMCALLError) {
        var registers = Registers(rcx: vp.tdvpr.rawValue, rdx: initialRCX)
        try issue(.vpInit, &registers, on: processor)
    }

    /// The later form, with the x2APIC id the guest will see (the RFC's `tdh_vp_init_apicid`).
    ///
    /// - Throws: as the form without, and `x2apicIDNotUnique`; 1.5.01 refuses the version with
    ///   `operandInvalid`, operand RAX.
    /// - Source: TDX Module 1.5 ABI of later modules, TDH.VP.INIT version 1; TDX_FEATURES0 bit 20.
    public func tdh_vp_init(
        _ vp: VP, initialRCX: UInt64, x2apicID: UInt32, on processor: Processor
    ) throws(SEAMCALLError) {
        var registers = Registers(rcx: vp.tdvpr.rawValue, rdx: initialRCX, r8: UInt64(x2apicID))
        try issue(.vpInit.version(1), &registers, on: processor)
    }
}
