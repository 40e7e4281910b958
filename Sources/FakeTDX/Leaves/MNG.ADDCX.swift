internal import TDXCalls

extension Call {
    /// TDH.MNG.ADDCX, leaf 1: RCX a free page, RDX the TDR. The page becomes the TD's next control page.
    mutating func mngAddCX() throws(Refusal) -> Completion {
        let td = try td(registers.rdx, .rdx, .exclusive)
        guard !td.isFatal else { throw Refusal(.tdFatal) }
        try checkKeys(of: td)
        guard td.tdcsCount < TDState.tdcsPagesMax else { throw Refusal(.tdcxNumIncorrect) }
        let entry = try page(registers.rcx, .rcx, .nda, .exclusive)
        var migrationKey = td.migrationKey
        if td.tdcsCount == TDState.tdcsPagesBase - 1 {
            for index in migrationKey.indices {
                guard let word = module.entropy.draw() else { throw Refusal(.rndNoEntropy) }
                migrationKey[index] = word
            }
        } else if td.tdcsCount >= TDState.tdcsPagesBase, td.opState != .uninitialized {
            throw Refusal(.opStateIncorrect)
        }

        // Commit.
        td.migrationKey = migrationKey
        td.addTDCS(registers.rcx)
        give(entry, at: registers.rcx, to: td, as: .tdcx)
        return .success
    }
}
