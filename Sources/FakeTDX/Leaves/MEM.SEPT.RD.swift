internal import TDXCalls

extension Call {
    /// TDH.MEM.SEPT.RD, leaf 25: RCX guest address and level, RDX the TDR and, in bit 0, whether R8 is to answer the
    /// L2 VMs' rights, which only a debug TD shows. RCX and RDX answer the entry.
    mutating func memSEPTRD() throws(Refusal) -> Completion {
        let (gpa, tdr) = (registers.rcx, registers.rdx)
        registers.rcx = 0
        registers.rdx = 0
        let wantsL2Rights = tdr & 1 == 1
        let td = try td(tdr & ~1, .rdx, .shared)
        try check(td, allow: .anyInitialized)
        guard !wantsL2Rights || td.isDebug else { throw Refusal(.operandInvalid, .rdx) }
        let found = try entry(gpa, levels: 0...td.topLevel, of: td, tree: .shared) { _ in true }
        report(found.word, level: found.level)
        // No L2 VM has a page here: none has rights to any.
        if wantsL2Rights { registers.r8 = 0 }
        return .success
    }
}
