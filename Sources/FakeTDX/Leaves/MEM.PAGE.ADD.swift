internal import TDXCalls

extension Call {
    /// TDH.MEM.PAGE.ADD, leaf 2: RCX guest address, RDX the TDR, R8 a free page, R9 a source page. The guest gets a
    /// copy of the source, and the measurement its address.
    mutating func memPageAdd() throws(Refusal) -> Completion {
        let (gpa, tdr) = (registers.rcx, registers.rdx)
        registers.rcx = 0
        registers.rdx = 0
        let td = try td(tdr, .rdx, .exclusive)
        try check(td, allow: .initialized, opStateLock: nil)
        // No tree lock and no entry lock: the TDR, held exclusively, keeps everybody else out.
        let operand = try gpaOperand(gpa, levels: 0...0, of: td)
        let found = try walkExactly(td, operand)
        guard found.word.state == .free else {
            report(found.word, level: found.level)
            throw Refusal(.eptEntryStateIncorrect, .rcx)
        }
        let source = try sharedAddress(registers.r9, alignment: UInt64(pageSizeBytes), .r9)
        let page = try page(registers.r8, .r8, .nda, .exclusive)

        // Commit.
        module.readsHostMemory(registers.r9, by: leaf, on: processor)
        module.memory.copyPage(from: source, to: registers.r8)
        give(page, at: registers.r8, to: td, as: .reg)
        found.entry.store(SEPTWord(.mapped, page: registers.r8))
        td.measurement.add(.pageAdd, operand.gpa)
        return .success
    }
}
