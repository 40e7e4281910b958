internal import TDXCalls

extension Call {
    /// TDH.MEM.RANGE.UNBLOCK, leaf 39: RCX guest address and level, RDX the TDR.
    mutating func memRangeUnblock() throws(Refusal) -> Completion {
        let (gpa, tdr) = (registers.rcx, registers.rdx)
        registers.rcx = 0
        registers.rdx = 0
        let td = try td(tdr, .rdx, .shared)
        try check(td, allow: .memoryManagement)
        let found = try entry(gpa, levels: 0...td.topLevel, of: td, tree: .exclusive) { $0.isBlocked }
        // The module blames the tree here, where PAGE.REMOVE blames RCX.
        guard !td.opState.requiresTracking || td.isTracked(since: metadata(of: found).blockEpoch) else {
            throw Refusal(.tlbTrackingNotDone, .septTree)
        }
        guard let unblocked = found.word.state.unblockedForm else {
            preconditionFailure("a blocked entry has an unblocked form")
        }

        // Commit.
        metadata(of: found).blockEpoch = 0
        found.entry.storeLocked(found.word.with(unblocked))
        return .success
    }
}
