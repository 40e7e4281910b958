internal import TDXCalls

extension Call {
    /// TDH.MEM.SEPT.REMOVE, leaf 30, versions 0 and 1: RCX guest address and level of the entry that points to the
    /// table, RDX the TDR. RCX answers the table's page; in version 1 R9 to R11 all ones: no L2 table is removed.
    mutating func memSEPTRemove() throws(Refusal) -> Completion {
        let (gpa, tdr) = (registers.rcx, registers.rdx)
        registers.rcx = 0
        registers.rdx = 0
        try checkVersion()
        let td = try td(tdr, .rdx, .shared)
        try check(td, allow: .anyInitialized)
        let found = try entry(gpa, levels: 1...td.topLevel, of: td, tree: .exclusive) {
            $0 == .nonLeafMapped || $0 == .nonLeafBlocked
        }
        let located = try lockMetadata(found.word.page, .rcx, .exclusive)
        try checkRemovable(found, located.entry, td)
        guard case .sept(let table) = located.entry.contents, table.isEmpty else {
            report(found.word, level: found.level)
            throw Refusal(.eptPageNotFree, .rcx)
        }

        // Commit.
        found.entry.storeLocked(.free)
        takeBack(located, at: found.word.page)
        changeChildCount(of: td, by: -1)
        registers.rcx = found.word.page
        if version > 0 {
            registers.r9 = Self.noPage
            registers.r10 = Self.noPage
            registers.r11 = Self.noPage
        }
        return .success
    }

    /// Whether a mapping may go: blocked and tracked, where the operation state asks for it.
    ///
    /// - Throws: GPA_RANGE_NOT_BLOCKED with RCX, and the entry in RCX and RDX; TLB_TRACKING_NOT_DONE with RCX.
    mutating func checkRemovable(_ found: WalkResult, _ page: PageEntry, _ td: TDState) throws(Refusal) {
        guard td.opState.requiresTracking else { return }
        guard found.word.state.isBlocked else {
            report(found.word, level: found.level)
            throw Refusal(.gpaRangeNotBlocked, .rcx)
        }
        guard td.isTracked(since: page.blockEpoch) else { throw Refusal(.tlbTrackingNotDone, .rcx) }
    }
}
