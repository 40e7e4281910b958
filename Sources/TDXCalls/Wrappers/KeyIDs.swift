// RFC group 1: KeyID management.

extension TDXModule {
    /// Generates the TD's key on one package: the one `processor` sits in. Once per package; the last one
    /// moves the TD to KEYS_CONFIGURED.
    ///
    /// - Returns: success, or `keyConfigured` (information) if this package had been done already.
    /// - Throws: `lifecycleStateIncorrect` unless HKID_ASSIGNED, also once every package is done;
    ///   `operandBusy` (RCX: the TDR is in use; KET: the key programming unit), `keyGenerationFailed` (repeat), `tdFatal`.
    ///   Nothing changed then.
    /// - Source: TDX Module 1.5 ABI, TDH.MNG.KEY.CONFIG, leaf 8.
    @discardableResult
    public func tdh_mng_key_config(_ td: TD, on processor: Processor) throws(SEAMCALLError) -> Completion {
        var registers = Registers(rcx: td.tdr.rawValue)
        return try issue(.mngKeyConfig, &registers, on: processor)
    }

    /// Gives the TD's KeyID back; the TD moves to TEARDOWN, where its pages can be reclaimed.
    ///
    /// - Throws: `lifecycleStateIncorrect` unless BLOCKED; `wbCacheNotComplete` while a package's caches
    ///   have not been written back since; `operandBusy` (RCX, or KOT: the key table is in use). Nothing changed then.
    /// - Source: TDX Module 1.5 ABI, TDH.MNG.KEY.FREEID, leaf 20.
    public func tdh_mng_key_freeid(_ td: TD, on processor: Processor) throws(SEAMCALLError) {
        var registers = Registers(rcx: td.tdr.rawValue)
        try issue(.mngKeyFreeID, &registers, on: processor)
    }
}
