internal import TDXCalls

// The check routines for pages that many leaves share, in the order the module makes them.

extension Call {
    /// Form of a private page's address: aligned, below 2^52, without KeyID bits.
    ///
    /// - Throws: OPERAND_INVALID with `operand`.
    func checkPrivateAddress(_ address: UInt64, _ operand: OperandID) throws(Refusal) {
        guard address & 0xfff == 0, address >> 52 == 0, address & module.keyIDMask == 0 else {
            throw Refusal(.operandInvalid, operand)
        }
    }

    /// Finds and locks the metadata of the page at `address`, at whatever size it has now: the entries above it
    /// are held shared.
    ///
    /// - Throws: OPERAND_ADDR_RANGE_ERROR, OPERAND_BUSY with `operand`.
    mutating func lockMetadata(
        _ address: UInt64, _ operand: OperandID, _ mode: LockMode
    ) throws(Refusal) -> LocatedPage {
        guard let tdmr = module.tdmr(containing: address), address < tdmr.usableEnd else {
            throw Refusal(.operandAddrRangeError, operand)
        }
        if let large = try lockLarge(tdmr.entry1G(at: address), operand, mode) {
            return LocatedPage(entry: large, size: 2, tdmr: tdmr)
        }
        if let large = try lockLarge(tdmr.entry2M(at: address), operand, mode) {
            return LocatedPage(entry: large, size: 1, tdmr: tdmr)
        }
        let entry = tdmr.entry4K(at: address)
        try lock(entry.lock, mode, operand)
        return LocatedPage(entry: entry, size: 0, tdmr: tdmr)
    }

    /// Holds an upper entry shared, or in the mode asked if it turns out to describe a large page.
    private mutating func lockLarge(
        _ entry: PageEntry, _ operand: OperandID, _ mode: LockMode
    ) throws(Refusal) -> PageEntry? {
        try lock(entry.lock, .shared, operand)
        guard entry.type == .reg else { return nil }
        if mode == .exclusive {
            guard entry.lock.promote() else { throw Refusal(.operandBusy, operand) }
            held.promoteLast()
        }
        return entry
    }

    /// A 4 KiB page of the given type, named by a register.
    ///
    /// - Throws: OPERAND_INVALID, OPERAND_ADDR_RANGE_ERROR, OPERAND_BUSY, PAGE_METADATA_INCORRECT with `operand`.
    mutating func page(
        _ address: UInt64, _ operand: OperandID, _ type: PageType, _ mode: LockMode
    ) throws(Refusal) -> PageEntry {
        try checkPrivateAddress(address, operand)
        let located = try lockMetadata(address, operand, mode)
        guard located.size == 0, located.entry.type == type else {
            throw Refusal(.pageMetadataIncorrect, operand)
        }
        return located.entry
    }

    /// The TD whose TDR a register names.
    mutating func td(_ address: UInt64, _ operand: OperandID, _ mode: LockMode) throws(Refusal) -> TDState {
        let entry = try page(address, operand, .tdr, mode)
        guard case .td(let td) = entry.contents else { preconditionFailure("a TDR without its TD") }
        return td
    }

    /// The vCPU whose TDVPR a register names, and its TD, whose TDR is then held as well.
    ///
    /// - Throws: as ``page(_:_:_:_:)``, and OPERAND_BUSY with TDR.
    mutating func vcpu(
        _ address: UInt64, _ operand: OperandID, _ mode: LockMode, tdr: LockMode = .shared
    ) throws(Refusal) -> (vcpu: VCPUState, td: TDState) {
        let entry = try page(address, operand, .tdvpr, mode)
        guard case .vcpu(let vcpu) = entry.contents else { preconditionFailure("a TDVPR without its vCPU") }
        return (vcpu, try implicitTD(of: entry, tdr))
    }

    /// The TD that owns a page, reached through the page: its TDR is held.
    ///
    /// - Throws: OPERAND_BUSY with TDR.
    mutating func implicitTD(of entry: PageEntry, _ mode: LockMode = .shared) throws(Refusal) -> TDState {
        let located = try lockMetadata(entry.owner, .tdr, mode)
        guard case .td(let td) = located.entry.contents else {
            preconditionFailure("a page is owned by what is no TDR")
        }
        return td
    }

    /// Form of a shared page's address: aligned to `alignment` bytes, below 2^52, under a KeyID that is not
    /// private.
    ///
    /// - Returns: the address without its KeyID.
    /// - Throws: OPERAND_INVALID with `operand`.
    func sharedAddress(_ address: UInt64, alignment: UInt64, _ operand: OperandID) throws(Refusal) -> UInt64 {
        let keyID = (address & module.keyIDMask) >> UInt64(module.platform.keyIDShift)
        guard address & (alignment - 1) == 0, address >> 52 == 0,
            keyID < UInt64(module.platform.privateKeyIDs.lowerBound.rawValue)
        else { throw Refusal(.operandInvalid, operand) }
        return address & ~module.keyIDMask
    }
}
