// RFC group 4: page and cache management.

extension TDXModule {
    /// Takes a page back from a TD in TEARDOWN. The TDR goes last. Contents are not erased.
    ///
    /// - Returns: what the page was and whose.
    /// - Throws: `lifecycleStateIncorrect`, `tdAssociatedPagesExist` (a TDR with pages left): then
    ///   ``SEAMCALLError/pageMetadata`` says type, owner and size all the same; `pageMetadataIncorrect` (free or reserved),
    ///   `operandAddrRangeError`, `operandBusy` (RCX, TDR). Nothing changed then.
    /// - Source: TDX Module 1.5 ABI, TDH.PHYMEM.PAGE.RECLAIM, leaf 28.
    @discardableResult
    public func tdh_phymem_page_reclaim(
        _ page: PageAddress<AnyPage>, on processor: Processor
    ) throws(SEAMCALLError) -> PageMetadata {
        var registers = Registers(rcx: page.rawValue)
        try issue(.phymemPageReclaim, &registers, on: processor)
        return PageMetadata(registers)
    }

    /// Writes back the caches of the package `processor` sits in, for every KeyID flushed when it began.
    /// With `resume` it goes on where an interruption left off, on the same package.
    ///
    /// - Returns: success, or `noHKIDReadyToWBCache` (information) if no KeyID was flushed.
    /// - Throws: `interruptedResumable`: call again with `resume`; `wbCacheResumeError` (nothing to resume), `operandBusy`
    ///   (WBCACHE: another write-back on this package; KOT).
    /// - Source: TDX Module 1.5 ABI, TDH.PHYMEM.CACHE.WB, leaf 40.
    @discardableResult
    public func tdh_phymem_cache_wb(resume: Bool, on processor: Processor) throws(SEAMCALLError) -> Completion {
        var registers = Registers(rcx: resume ? 1 : 0)
        return try issue(.phymemCacheWB, &registers, on: processor)
    }

    /// Writes back and invalidates the cache lines of a reclaimed TDR, which lives under the module's KeyID.
    ///
    /// - Throws: `pageMetadataIncorrect` while the page is not free: reclaim comes first; `operandBusy` (RCX).
    /// - Source: TDX Module 1.5 ABI, TDH.PHYMEM.PAGE.WBINVD, leaf 41.
    public func tdh_phymem_page_wbinvd_tdr(_ td: TD, on processor: Processor) throws(SEAMCALLError) {
        try tdh_phymem_page_wbinvd_hkid(host.module.globalKeyID, td.tdr.any, on: processor)
    }

    /// The same for any free page under any KeyID.
    ///
    /// - Source: TDX Module 1.5 ABI, TDH.PHYMEM.PAGE.WBINVD, leaf 41.
    public func tdh_phymem_page_wbinvd_hkid(
        _ keyID: KeyID, _ page: PageAddress<AnyPage>, on processor: Processor
    ) throws(SEAMCALLError) {
        let tagged = page.rawValue | UInt64(keyID.rawValue) << UInt64(host.module.keyIDShift)
        var registers = Registers(rcx: tagged)
        try issue(.phymemPageWBINVD, &registers, on: processor)
    }

    /// Reads the PAMT entry of a page; changes nothing. For audits. A freed page still shows its last owner.
    ///
    /// - Throws: `operandInvalid`, `operandAddrRangeError`, `operandBusy` (RCX).
    /// - Source: TDX Module 1.5 ABI, TDH.PHYMEM.PAGE.RDMD, leaf 24.
    public func tdh_phymem_page_rdmd(
        _ page: PageAddress<AnyPage>, on processor: Processor
    ) throws(SEAMCALLError) -> PageMetadata {
        var registers = Registers(rcx: page.rawValue)
        try issue(.phymemPageRDMD, &registers, on: processor)
        return PageMetadata(registers)
    }
}
