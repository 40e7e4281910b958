internal import TDXCalls

extension Call {
    /// TDH.MNG.ADDCX, leaf 1: RCX a free page, RDX the TDR. The page becomes the TD's next control page.
    mutating func mngAddCX() throws(Refusal) -> Completion {
        let td = try td(registers.rdx, .rdx, .exclusive)
        guard !td.isFatal else { throw Refusal(.tdFatal) }
        guard td.lifecycle == .keysConfigured else { throw Refusal(.tdKeysNotConfigured) }
        guard td.tdcs.count < TDState.tdcsPagesMax else { throw Refusal(.tdcxNumIncorrect) }
        let entry = try page(registers.rcx, .rcx, .nda, .exclusive)
        var migrationKey = td.migrationKey
        if td.tdcs.count == TDState.tdcsPagesBase - 1 {
            for index in migrationKey.indices {
                guard let word = module.entropy.draw() else { throw Refusal(.rndNoEntropy) }
                migrationKey[index] = word
            }
        } else if td.tdcs.count >= TDState.tdcsPagesBase, td.opState != .uninitialized {
            throw Refusal(.opStateIncorrect)
        }

        // Commit.
        td.migrationKey = migrationKey
        td.tdcs.append(registers.rcx)
        changeChildCount(of: td, by: 1)
        entry.assign(.tdcx, owner: td.address)
        return .success
    }
}
