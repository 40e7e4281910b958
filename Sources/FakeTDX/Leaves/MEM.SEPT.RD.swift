internal import TDXCalls

extension Call {
    /// TDH.MEM.SEPT.RD, leaf 25: RCX guest address and level, RDX the TDR. RCX and RDX answer the entry.
    mutating func memSEPTRD() throws(Refusal) -> Completion {
        let (gpa, tdr) = (registers.rcx, registers.rdx)
        registers.rcx = 0
        registers.rdx = 0
        let td = try td(tdr, .rdx, .shared)
        try check(td, allow: .anyInitialized)
        let found = try entry(gpa, levels: 0...td.topLevel, of: td, tree: .shared) { _ in true }
        report(found.word, level: found.level)
        return .success
    }
}
