// Beyond the RFC: a guest's private memory. Linux has these wrappers since KVM can run TDs.
//
// A refusal that comes from the walk or the entry has it in ``SEAMCALLError/septEntry``.

extension TDXModule {
    /// Makes `page` a secure EPT table, linked by the entry of `gpa` at `level`: the table's own entries are one
    /// level below.
    ///
    /// Refusals: `operandInvalid` (RCX: level, alignment, not private), `eptWalkFailed` (a table above is missing),
    /// `eptEntryStateIncorrect` (there is a table already), `operandBusy` (RDX: TDR, SEPT_TREE, RCX: entry, R8: page),
    /// `pageMetadataIncorrect`, `opStateIncorrect`, `tdFatal`.
    /// - Source: TDX Module 1.5 ABI, TDH.MEM.SEPT.ADD, leaf 3.
    public func tdh_mem_sept_add(
        _ td: TD, _ gpa: GPA, _ level: SEPTLevel, _ page: consuming HostPage, on processor: Processor
    ) -> Donation<SEPT> {
        donate(page, by: .memSEPTAdd, Registers(gpa, level, of: td), in: \.r8, as: SEPT.self, on: processor)
    }

    /// Copies a page of host memory into `page`, encrypts it and maps it at `gpa`, before the TD is finalised. The
    /// measurement takes the address and not the content. `source` is the first page of its memory, or of what
    /// begins `offset` bytes into it.
    ///
    /// Refusals: `opStateIncorrect` (finalised, or not initialised), `operandInvalid` (RCX, R9: source not
    /// page-aligned), `eptWalkFailed`, `eptEntryStateIncorrect` (mapped already), `operandBusy` (RDX: TDR, R8: page),
    /// `pageMetadataIncorrect`, `tdFatal`.
    /// - Source: TDX Module 1.5 ABI, TDH.MEM.PAGE.ADD, leaf 2.
    public func tdh_mem_page_add(
        _ td: TD, _ gpa: GPA, _ page: consuming HostPage, source: HostMemory, offset: Int = 0, on processor: Processor
    ) -> Donation<GuestPage> {
        precondition(offset >= 0 && offset <= source.sizeBytes - pageSizeBytes, "a source page beyond its memory")
        var registers = Registers(gpa, .size4K, of: td)
        registers.r9 = source.address + UInt64(offset)
        return donate(page, by: .memPageAdd, registers, in: \.r8, as: GuestPage.self, on: processor)
    }

    /// Maps `page` at `gpa` as pending: the guest has to accept it. The measurement is not told.
    ///
    /// Refusals: as ``tdh_mem_sept_add(_:_:_:_:on:)``; `eptEntryStateIncorrect` where the entry is not free.
    /// - Source: TDX Module 1.5 ABI, TDH.MEM.PAGE.AUG, leaf 6.
    public func tdh_mem_page_aug(
        _ td: TD, _ gpa: GPA, _ page: consuming HostPage, on processor: Processor
    ) -> Donation<GuestPage> {
        donate(page, by: .memPageAug, Registers(gpa, .size4K, of: td), in: \.r8, as: GuestPage.self, on: processor)
    }

    /// The same with 2 MiB.
    ///
    /// Refusals: also `operandInvalid` (R8: not aligned to 2 MiB) and `pageMetadataIncorrect` (R8: a page of the 512
    /// is not free).
    /// - Source: TDX Module 1.5 ABI, TDH.MEM.PAGE.AUG, leaf 6.
    public func tdh_mem_page_aug(
        _ td: TD, _ gpa: GPA, _ page: consuming HostLargePage, on processor: Processor
    ) -> LargeDonation<GuestPage> {
        var registers = Registers(gpa, .size2M, of: td)
        registers.r8 = page.address.rawValue
        for offset in stride(from: 0, to: UInt64(largePageSizeBytes), by: pageSizeBytes) {
            host.flush(PageAddress(rawValue: page.address.rawValue + offset))
        }
        do throws(SEAMCALLError) {
            try issue(.memPageAug, &registers, on: processor)
            return .accepted(PageAddress(rawValue: page.address.rawValue))
        } catch {
            return .refused(page, error)
        }
    }

    /// Blocks the entry of `gpa` at `level`: no new translation of it is made, and old ones end with
    /// ``tdh_mem_track(_:on:)``.
    ///
    /// - Returns: success, or `gpaRangeAlreadyBlocked` (information).
    /// - Throws: `eptWalkFailed`, `eptEntryStateIncorrect`, `operandBusy` (RDX: TDR, SEPT_TREE, RCX: entry),
    ///   `opStateIncorrect`, `tdFatal`. Nothing changed then.
    /// - Source: TDX Module 1.5 ABI, TDH.MEM.RANGE.BLOCK, leaf 7.
    @discardableResult
    public func tdh_mem_range_block(
        _ td: TD, _ gpa: GPA, _ level: SEPTLevel, on processor: Processor
    ) throws(SEAMCALLError) -> Completion {
        var registers = Registers(gpa, level, of: td)
        return try issue(.memRangeBlock, &registers, on: processor)
    }

    /// Begins a new epoch of the TD. What was blocked before it has no translation left once every vCPU that was
    /// running has left its TD.
    ///
    /// - Throws: `previousTLBEpochBusy` (vCPUs still run in the epoch before this one), `operandBusy` (RCX: TDR,
    ///   TD_EPOCH), `opStateIncorrect`, `tdFatal`. Nothing changed then.
    /// - Source: TDX Module 1.5 ABI, TDH.MEM.TRACK, leaf 38.
    public func tdh_mem_track(_ td: TD, on processor: Processor) throws(SEAMCALLError) {
        var registers = Registers(rcx: td.tdr.rawValue)
        try issue(.memTrack, &registers, on: processor)
    }

    /// Takes the page mapped at `gpa` by an entry of `level` back from the TD. Before the TD is finalised the range
    /// need be neither blocked nor tracked.
    ///
    /// - Returns: the page, which the host owns again once its caches are written back.
    /// - Throws: `gpaRangeNotBlocked`, `tlbTrackingNotDone`, `eptWalkFailed`, `eptEntryStateIncorrect` (not a leaf, or
    ///   not mapped), `operandBusy` (RDX: TDR, SEPT_TREE, RCX: entry or page), `opStateIncorrect`, `tdFatal`. Nothing
    ///   changed then.
    /// - Source: TDX Module 1.5 ABI, TDH.MEM.PAGE.REMOVE, leaf 29.
    public func tdh_mem_page_remove(
        _ td: TD, _ gpa: GPA, _ level: SEPTLevel, on processor: Processor
    ) throws(SEAMCALLError) -> PageAddress<HostOwned> {
        var registers = Registers(gpa, level, of: td)
        try issue(.memPageRemove, &registers, on: processor)
        return PageAddress(rawValue: registers.rcx)
    }

    /// Joins the 512 pages below the entry of `gpa` at 2 MiB, which lie side by side in host memory from a multiple of
    /// 2 MiB on, to one large page. The measurement is not told.
    ///
    /// - Returns: the page of the table that held their entries, which the host owns again once its caches are written
    ///   back under the TD's KeyID.
    /// - Throws: `eptInvalidPromoteConditions` (RCX: not all mapped, or not side by side), `gpaRangeNotBlocked` and
    ///   `tlbTrackingNotDone` (of a TD that is finalised), `eptWalkFailed`, `eptEntryStateIncorrect` (no table there),
    ///   `operandBusy` (RDX: TDR, SEPT_TREE, RCX: entry, table or a page), `opStateIncorrect`, `tdFatal`. Nothing changed
    ///   then.
    /// - Source: TDX Module 1.5 ABI, TDH.MEM.PAGE.PROMOTE, leaf 23.
    public func tdh_mem_page_promote(
        _ td: TD, _ gpa: GPA, on processor: Processor
    ) throws(SEAMCALLError) -> PageAddress<HostOwned> {
        var registers = Registers(gpa, .size2M, of: td)
        try issue(.memPagePromote, &registers, on: processor)
        return PageAddress(rawValue: registers.rcx)
    }
}
