internal import TDXCalls

extension Call {
    /// TDH.MNG.WR, leaf 13: RCX the TDR, RDX a field id, R8 the value, R9 a mask. R8 answers the old value.
    mutating func mngWR() throws(Refusal) -> Completion {
        let value = registers.r8
        registers.r8 = 0
        let td = try td(registers.rcx, .rcx, .shared)
        try check(
            td,
            allow: [
                .initialized, .runnable, .liveExport, .memoryImport, .stateImport, .postImport, .liveImport,
                .failedImport,
            ])
        return try writeField(
            in: TDFields(td: td, module: module), FieldID(rawValue: registers.rdx), value, mask: registers.r9)
    }
}
