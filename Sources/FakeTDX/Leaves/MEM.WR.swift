internal import TDXCalls

extension Call {
    /// TDH.MEM.WR, leaf 14: RCX guest address of 8 bytes, RDX the TDR of a debug TD, R8 what to write. R8 answers
    /// what was there.
    mutating func memWR() throws(Refusal) -> Completion {
        let value = registers.r8
        registers.r8 = 0
        let address = try debugAddress(
            allow: [
                .initialized, .runnable, .liveExport, .memoryImport, .stateImport, .postImport, .liveImport,
                .failedImport,
            ])

        // Commit.
        registers.r8 = module.memory.word(at: address)
        module.memory.setWord(value, at: address)
        return .success
    }
}
