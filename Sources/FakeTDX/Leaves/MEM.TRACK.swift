internal import Synchronization
internal import TDXCalls

extension Call {
    /// TDH.MEM.TRACK, leaf 38: RCX the TDR. A new epoch begins.
    mutating func memTrack() throws(Refusal) -> Completion {
        let td = try td(registers.rcx, .rcx, .shared)
        try check(td, allow: OpStates.anyInitialized.subtracting([.failedImport]))
        try lock(td.epochLock, .exclusive, .tdEpoch)
        let epoch = td.epoch.load(ordering: .relaxed)
        guard td.running(inEpochLike: epoch + 1) == 0 else { throw Refusal(.previousTLBEpochBusy) }

        // Commit.
        td.epoch.store(epoch + 1, ordering: .relaxed)
        return .success
    }
}
