internal import TDXCalls

extension Call {
    /// TDH.MEM.PAGE.PROMOTE, leaf 23, versions 0 and 1: RCX guest address and level 1 of a table whose 512 pages lie
    /// side by side, RDX the TDR. One large page takes their place; RCX answers the table's page, and in version 1 R9 to
    /// R11 all ones: no L2 table is removed.
    mutating func memPagePromote() throws(Refusal) -> Completion {
        let (gpa, tdr) = (registers.rcx, registers.rdx)
        registers.rcx = 0
        registers.rdx = 0
        try checkVersion()
        let td = try td(tdr, .rdx, .shared)
        try check(td, allow: .memoryManagement)
        let found = try entry(gpa, levels: 1...2, of: td, tree: .exclusive) { $0.isNonLeaf }
        // As in SEPT.REMOVE, what the table holds is looked at last.
        let table = try lockMetadata(found.word.page, .rcx, .exclusive)
        try checkRemovable(found, table.entry, td)
        guard let (first, state) = promotablePages(found) else {
            report(found.word, level: found.level)
            throw Refusal(.eptInvalidPromoteConditions, .rcx)
        }
        guard let tdmr = module.tdmr(containing: first) else { preconditionFailure("a mapped page beyond all TDMRs") }
        let above = tdmr.entry1G(at: first)
        let large = tdmr.entry2M(at: first)
        try lock(above.lock, .shared, .rcx)
        try lock(large.lock, .exclusive, .rcx)

        // Commit.
        for index in 0..<SEPTPage.entryCount {
            let small = tdmr.entry4K(tdmr.index4K(first) + index)
            small.free()
            small.owner = 0
        }
        large.assign(.reg, owner: td.address)
        takeBack(table, at: found.word.page)
        changeChildCount(of: td, by: -1)
        found.entry.storeLocked(SEPTWord(state, page: first))
        registers.rcx = found.word.page
        if version > 0 {
            registers.r9 = Self.noPage
            registers.r10 = Self.noPage
            registers.r11 = Self.noPage
        }
        return .success
    }

    /// First page of a table whose entries are all mapped, or all pending, and lie side by side from an aligned 2 MiB
    /// on, and which they are; nil if they do not.
    private func promotablePages(_ found: WalkResult) -> (first: UInt64, state: SEPTState)? {
        guard found.level == 1 else { return nil }
        guard let table = found.entry.table else { preconditionFailure("a link to what is no table") }
        let (first, state) = (table[0].load().page, table[0].load().state)
        guard first & 0x1f_ffff == 0, state == .mapped || state == .pending else { return nil }
        for index in 0..<SEPTPage.entryCount {
            let word = table[index].load()
            guard word.state == state, word.page == first + UInt64(index * pageSizeBytes) else { return nil }
        }
        return (first, state)
    }
}
