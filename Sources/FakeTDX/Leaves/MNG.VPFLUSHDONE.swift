internal import Synchronization
internal import TDXCalls

extension Call {
    /// TDH.MNG.VPFLUSHDONE, leaf 19: RCX the TDR. The TD is BLOCKED for good, and its KeyID flushed.
    mutating func mngVPFlushDone() throws(Refusal) -> Completion {
        let td = try td(registers.rcx, .rcx, .exclusive)
        // The key table comes before the lifecycle here; FREEID has them the other way round.
        try lock(module.keys.lock, .exclusive, .kot)
        guard td.lifecycle == .hkidAssigned || td.lifecycle == .keysConfigured else {
            throw Refusal(.lifecycleStateIncorrect)
        }
        guard
            td.tdcsCount < TDState.tdcsPagesBase || td.opState == .uninitialized
                || td.associatedVCPUs.load(ordering: .relaxed) == 0
        else {
            module.report(
                .vpFlushSkipped, page: td.address, keyID: td.keyID, earlier: td.lastAssociation,
                later: module.deed(leaf, on: processor))
            throw Refusal(.flushVPNotDone)
        }

        // Commit.
        module.keys.note(module.deed(leaf, on: processor), on: td.keyID)
        module.keys.set(td.keyID, .flushed, pendingPackages: module.allPackages)
        td.lifecycle = .blocked
        return .success
    }
}
