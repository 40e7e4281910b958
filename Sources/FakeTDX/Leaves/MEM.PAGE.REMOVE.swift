internal import TDXCalls

extension Call {
    /// TDH.MEM.PAGE.REMOVE, leaf 29: RCX guest address and level 0 to 2, RDX the TDR. RCX answers the page.
    mutating func memPageRemove() throws(Refusal) -> Completion {
        let (gpa, tdr) = (registers.rcx, registers.rdx)
        registers.rcx = 0
        registers.rdx = 0
        let td = try td(tdr, .rdx, .shared)
        try check(td, allow: OpStates.memoryManagement.union([.failedImport]))
        let found = try entry(gpa, levels: 0...2, of: td, tree: .shared) { state in
            switch state {
            case .mapped, .blocked, .blockedW, .pending, .pendingBlocked, .pendingBlockedW: true
            default: false
            }
        }
        let located = try lockMetadata(found.word.page, .rcx, .exclusive)
        try checkRemovable(found, located.entry, td)

        // Commit.
        found.entry.storeLocked(.free)
        takeBack(located, at: found.word.page)
        changeChildCount(of: td, by: -pages4K(atSize: found.level))
        registers.rcx = found.word.page
        return .success
    }
}
