internal import TDXCalls

extension Call {
    /// TDH.MEM.PAGE.DEMOTE, leaf 15: RCX guest address and level 1 of a large page, RDX the TDR, R8 a free page for
    /// the table that will map it in 4 KiB pages.
    mutating func memPageDemote() throws(Refusal) -> Completion {
        let (gpa, tdr) = (registers.rcx, registers.rdx)
        registers.rcx = 0
        registers.rdx = 0
        let td = try td(tdr, .rdx, .shared)
        try check(td, allow: .memoryManagement)
        let found = try entry(gpa, levels: 1...2, of: td, tree: .exclusive) { state in
            switch state {
            case .mapped, .blocked, .pending, .pendingBlocked: true
            default: false
            }
        }
        let large = try lockMetadata(found.word.page, .rcx, .exclusive)
        try checkRemovable(found, large.entry, td)
        let table = try page(registers.r8, .r8, .nda, .exclusive)

        // Commit.
        let state = found.word.state.unblockedForm ?? found.word.state
        large.entry.free()
        let contents = SEPTPage()
        for index in 0..<SEPTPage.entryCount {
            let address = found.word.page + UInt64(index * pageSizeBytes)
            large.tdmr.entry4K(at: address).assign(.reg, owner: td.address)
            contents[index].store(SEPTWord(state, page: address))
        }
        give(table, at: registers.r8, to: td, as: .ept, contents: .sept(contents))
        found.entry.linkLocked(SEPTWord(.nonLeafMapped, page: registers.r8), to: contents)
        return .success
    }
}
