internal import TDXCalls

extension Call {
    /// TDH.MEM.PAGE.AUG, leaf 6: RCX guest address and level 0 or 1, RDX the TDR, R8 a free page, or 2 MiB of free
    /// pages. The page waits for the guest to accept it.
    mutating func memPageAug() throws(Refusal) -> Completion {
        let (gpa, tdr) = (registers.rcx, registers.rdx)
        registers.rcx = 0
        registers.rdx = 0
        let td = try td(tdr, .rdx, .shared)
        try check(td, allow: [.initialized, .runnable, .liveExport, .liveImport])
        let found = try entry(gpa, levels: 0...1, of: td, tree: .shared) { $0 == .free || $0 == .removed }
        let page = try freePages(registers.r8, .r8, size: found.level)

        // Commit.
        claim(page, size: found.level, at: registers.r8, for: td)
        found.entry.storeLocked(SEPTWord(.pending, page: registers.r8))
        return .success
    }

    /// Free pages of a size: one, or all of an aligned 2 MiB, locked exclusively as a whole.
    ///
    /// - Throws: OPERAND_INVALID, OPERAND_ADDR_RANGE_ERROR, OPERAND_BUSY, PAGE_METADATA_INCORRECT with `operand`.
    mutating func freePages(_ address: UInt64, _ operand: OperandID, size: Int) throws(Refusal) -> PageEntry {
        guard size == 1 else { return try page(address, operand, .nda, .exclusive) }
        try checkPrivateAddress(address, operand)
        guard address & 0x1f_ffff == 0 else { throw Refusal(.operandInvalid, operand) }
        guard let tdmr = module.tdmr(containing: address), address < tdmr.usableEnd else {
            throw Refusal(.operandAddrRangeError, operand)
        }
        let above = tdmr.entry1G(at: address)
        try lock(above.lock, .shared, operand)
        let entry = tdmr.entry2M(at: address)
        // Whoever works on a 4 KiB page in here holds this lock shared: then the range is busy, not just in use.
        try lock(entry.lock, .exclusive, operand)
        guard above.type == .nda, entry.type == .nda else { throw Refusal(.pageMetadataIncorrect, operand) }
        let first = tdmr.index4K(address)
        for index in first..<first + pages4K(atSize: 1) where tdmr.entry4K(index).type != .nda {
            throw Refusal(.pageMetadataIncorrect, operand)
        }
        return entry
    }

    /// Gives free pages to a TD as guest memory.
    func claim(_ page: PageEntry, size: Int, at address: UInt64, for td: TDState) {
        guard size == 1, let tdmr = module.tdmr(containing: address) else {
            return give(page, at: address, to: td, as: .reg)
        }
        page.assign(.reg, owner: td.address)
        // The small entries are not used now, and remember no owner when they are again.
        let first = tdmr.index4K(address)
        for number in 0..<pages4K(atSize: 1) {
            let small = tdmr.entry4K(first + number)
            small.owner = 0
            module.given(
                small, at: address + UInt64(number) << 12, underKeyID: td.keyID, by: leaf, on: processor)
        }
        changeChildCount(of: td, by: pages4K(atSize: 1))
    }
}
