internal import TDXCalls

extension Call {
    /// TDH.MEM.PAGE.RELOCATE, leaf 5: RCX guest address, RDX the TDR, R8 a free page that takes over. RCX answers
    /// the page that was left.
    mutating func memPageRelocate() throws(Refusal) -> Completion {
        let (gpa, tdr) = (registers.rcx, registers.rdx)
        registers.rcx = 0
        registers.rdx = 0
        let td = try td(tdr, .rdx, .shared)
        try check(td, allow: .memoryManagement)
        let found = try entry(gpa, levels: 0...0, of: td, tree: .shared) { state in
            switch state {
            case .mapped, .blocked, .pending, .pendingBlocked: true
            default: false
            }
        }
        let old = try lockMetadata(found.word.page, .rcx, .exclusive)
        try checkRemovable(found, old.entry, td)
        // The new page comes last, as everywhere.
        let new = try page(registers.r8, .r8, .nda, .exclusive)

        // Commit.
        module.memory.copyPage(from: found.word.page, to: registers.r8)
        give(new, at: registers.r8, to: td, as: .reg)
        takeBack(old, at: found.word.page)
        changeChildCount(of: td, by: -1)
        let state = found.word.state.unblockedForm ?? found.word.state
        found.entry.storeLocked(SEPTWord(state, page: registers.r8))
        registers.rcx = found.word.page
        return .success
    }
}
