internal import TDXCalls

extension Call {
    /// TDH.MEM.SEPT.ADD, leaf 3, versions 0 and 1: RCX guest address and level of the entry that will point to the
    /// new table, RDX the TDR and, in bit 0, whether an existing table is fine, R8 a free page; in version 1 R9 to R11
    /// pages for the L2 VMs.
    mutating func memSEPTAdd() throws(Refusal) -> Completion {
        let (gpa, tdr) = (registers.rcx, registers.rdx)
        registers.rcx = 0
        registers.rdx = 0
        try checkVersion()
        let existingIsFine = tdr & 1 == 1
        guard tdr & 0xffe == 0, tdr >> 52 == 0 else { throw Refusal(.operandInvalid, .rdx) }
        let td = try td(tdr & ~1, .rdx, .shared)
        try check(
            td,
            allow: [
                .initialized, .runnable, .liveExport, .memoryImport, .stateImport, .postImport, .liveImport,
            ])
        let found = try entry(gpa, levels: 1...td.topLevel, of: td, tree: .shared) {
            $0 == .free || $0 == .nonLeafMapped
        }
        return version == 0
            ? try addTable(found, td) : try addTables(found, td, existingIsFine: existingIsFine)
    }

    private mutating func addTable(_ found: WalkResult, _ td: TDState) throws(Refusal) -> Completion {
        guard registers.r8 != Self.noPage else { throw Refusal(.operandInvalid, .r8) }
        guard found.word.state == .free else {
            report(found.word, level: found.level)
            throw Refusal(.eptEntryStateIncorrect, .rcx)
        }
        let address = registers.r8 & ~Self.unusedFlag
        let page = try page(address, .r8, .nda, .exclusive)

        // Commit.
        link(page, at: address, to: found.entry, td)
        return .success
    }

    /// Version 1 consumes each page it can use and says so in the register that brought it.
    private mutating func addTables(
        _ found: WalkResult, _ td: TDState, existingIsFine: Bool
    ) throws(Refusal) -> Completion {
        var l1: PageEntry?
        if found.word.state == .free {
            guard registers.r8 != Self.noPage else { throw Refusal(.operandInvalid, .r8) }
            l1 = try page(registers.r8 & ~Self.unusedFlag, .r8, .nda, .exclusive)
        } else if !existingIsFine {
            report(found.word, level: found.level)
            throw Refusal(.eptEntryStateIncorrect, .rcx)
        }
        var l2: [(page: PageEntry, register: Register)] = []
        let operands: [(Register, OperandID)] = [(.r9, .r9), (.r10, .r10), (.r11, .r11)]
        for (register, operand) in operands.prefix(td.configuration.numL2VMs)
        where registers[register] != Self.noPage {
            l2.append((try page(registers[register] & ~Self.unusedFlag, operand, .nda, .exclusive), register))
        }

        // Commit.
        if let l1 {
            link(l1, at: registers.r8 & ~Self.unusedFlag, to: found.entry, td)
            registers.r8 = Self.noPage
        } else if registers.r8 != Self.noPage {
            registers.r8 |= Self.unusedFlag
        }
        for (page, register) in l2 {
            give(
                page, at: registers[register] & ~Self.unusedFlag, to: td, as: .ept, contents: .sept(SEPTPage()))
            registers[register] = Self.noPage
        }
        return .success
    }

    /// Puts an empty table under an entry that the caller has locked.
    func link(_ page: PageEntry, at address: UInt64, to entry: SEPTEntryReference, _ td: TDState) {
        let table = SEPTPage()
        give(page, at: address, to: td, as: .ept, contents: .sept(table))
        entry.linkLocked(SEPTWord(.nonLeafMapped, page: address), to: table)
    }

    /// A page operand that stands for none.
    static var noPage: UInt64 { .max }
    /// Bit 63 of a page operand: valid but not used.
    static var unusedFlag: UInt64 { 1 << 63 }
}
