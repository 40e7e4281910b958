// RFC group 2: TD creation.

/// What became of a TDH.MNG.CREATE: it takes a page and a KeyID, or neither.
public enum Creation: ~Copyable, Sendable {
    case accepted(TD)
    case refused(HostPage, HostKeyID, SEAMCALLError)
}

extension TDXModule {
    /// Makes `page` the root of a new TD that uses `keyID`; the TD starts in HKID_ASSIGNED.
    ///
    /// The page is cleared before the module looks for entropy, so a refusal may have changed its contents.
    ///
    /// Refusals: `operandInvalid` (RDX: not a private KeyID; RCX: not a page address), `hkidNotFree`,
    /// `operandAddrRangeError` and `pageMetadataIncorrect` (RCX), `operandBusy` (RCX, KOT), `rndNoEntropy`.
    /// - Source: TDX Module 1.5 ABI, TDH.MNG.CREATE, leaf 9.
    public func tdh_mng_create(
        _ page: consuming HostPage, _ keyID: consuming HostKeyID, on processor: Processor
    ) -> Creation {
        var registers = Registers(rcx: flushed(page), rdx: UInt64(keyID.number.rawValue))
        do throws(SEAMCALLError) {
            try issue(.mngCreate, &registers, on: processor)
            return .accepted(TD(tdr: PageAddress(rawValue: page.address.rawValue)))
        } catch {
            return .refused(page, keyID, error)
        }
    }

    /// Adds a control-structure page to the TD. Six are needed, one more per L2 VM, nine are the most.
    ///
    /// Refusals: `tdKeysNotConfigured`, `tdcxNumIncorrect` (the tenth), `opStateIncorrect` (beyond the sixth, after
    /// MNG.INIT), `rndNoEntropy` (the sixth), `operandBusy` (RDX: TDR, RCX: page), `pageMetadataIncorrect`, `tdFatal`. The TDR is
    /// checked before the page.
    /// - Source: TDX Module 1.5 ABI, TDH.MNG.ADDCX, leaf 1.
    public func tdh_mng_addcx(_ td: TD, _ page: consuming HostPage, on processor: Processor) -> Donation<TDCS> {
        donate(page, by: .mngAddCX, Registers(rdx: td.tdr.rawValue), as: TDCS.self, on: processor)
    }

    /// Initialises the TD from TD_PARAMS in host memory (``TDParams``, 1,024-byte aligned).
    ///
    /// - Throws: `operandInvalid` with the operand that names the TD_PARAMS field, for a CPUID setting with
    ///   ``SEAMCALLError/refusedCPUID``; `tdcsNotAllocated`, `opStateIncorrect`, `tdKeysNotConfigured`, `operandBusy`,
    ///   `tdFatal`. The TD stays uninitialised and the call can be repeated with other parameters.
    /// - Source: TDX Module 1.5 ABI, TDH.MNG.INIT, leaf 21.
    public func tdh_mng_init(_ td: TD, _ parameters: HostMemory, on processor: Processor) throws(SEAMCALLError) {
        var registers = Registers(rcx: td.tdr.rawValue, rdx: parameters.address)
        try issue(.mngInit, &registers, on: processor)
    }
}
