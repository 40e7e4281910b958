internal import Synchronization
internal import TDXCalls

extension Call {
    /// TDH.MEM.RANGE.BLOCK, leaf 7: RCX guest address and level, RDX the TDR. No new translation goes through the
    /// entry, be it a page's or a table's.
    mutating func memRangeBlock() throws(Refusal) -> Completion {
        let (gpa, tdr) = (registers.rcx, registers.rdx)
        registers.rcx = 0
        registers.rdx = 0
        let td = try td(tdr, .rdx, .shared)
        try check(td, allow: .memoryManagement)
        let found = try entry(gpa, levels: 0...td.topLevel, of: td, tree: .exclusive) {
            $0.blockedForm != nil || $0.isBlocked
        }
        guard let blocked = found.word.state.blockedForm else {
            report(found.word, level: found.level)
            return Completion(.gpaRangeAlreadyBlocked, operand: .rcx)
        }

        // Commit.
        metadata(of: found).blockEpoch = td.epoch.load(ordering: .relaxed)
        found.entry.storeLocked(found.word.with(blocked))
        return .success
    }

    /// Metadata of the page an entry maps, or of the table it links to; the tree lock keeps both there.
    func metadata(of found: WalkResult) -> PageEntry {
        guard let tdmr = module.tdmr(containing: found.word.page) else {
            preconditionFailure("a secure EPT entry names a page beyond all TDMRs")
        }
        return tdmr.entry(at: found.word.page, size: found.word.state.isNonLeaf ? 0 : UInt8(found.level))
    }
}
