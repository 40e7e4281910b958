internal import Synchronization
internal import TDXCalls

extension Call {
    /// TDH.SYS.CONFIG, leaf 45: RCX an array of TDMR_INFO addresses, RDX how many, R8 the module's own KeyID.
    mutating func sysConfig() throws(Refusal) -> Completion {
        try lockSystem(.exclusive)
        guard module.state == .initDone,
            module.processors.allSatisfy({ $0.isInitialized.load(ordering: .acquiring) })
        else { throw Refusal(.sysConfigNotPending) }
        let list = try sharedAddress(registers.rcx, alignment: TDMRInfo.alignment, .rcx)
        guard registers.rdx >= 1, registers.rdx <= UInt64(FakePlatform.tdmrsMax) else {
            throw Refusal(.operandInvalid, .rdx)
        }
        let keyID = registers.r8
        guard keyID >> 16 == 0, module.isPrivate(keyID) else { throw Refusal(.operandInvalid, .r8) }
        // The module reserves the KeyID before it looks at the list: a refusal below costs the host that KeyID.
        module.keys.set(UInt16(keyID), .reserved)
        var checked = TDMRCheck(
            layouts: [], convertibleMemory: module.platform.convertibleMemory,
            addressLimit: 1 << UInt64(module.platform.keyIDShift))
        for index in 0..<Int(registers.rdx) {
            let pointer = module.memory.word(at: list + UInt64(8 * index))
            let address = try sharedAddress(pointer, alignment: TDMRInfo.alignment, TDMRInfo.operand)
            checked.layouts.append(TDMRInfo.read(module.memory, at: address))
            try checked.check(index)
        }

        // Commit.
        module.readsHostMemory(registers.rcx, by: leaf, on: processor)
        module.configure(tdmrs: checked.layouts, globalKeyID: UInt16(keyID))
        module.state = .configDone
        return .success
    }
}

/// TDMR_INFO as the host lays it out.
enum TDMRInfo {
    static let alignment: UInt64 = 512
    static let operand = OperandID(rawValue: 96)
    private static let wordCount = 8

    static func read(_ memory: PhysicalMemory, at address: UInt64) -> TDMRLayout {
        let word = { (index: Int) in memory.word(at: address + UInt64(8 * index)) }
        let range = { (index: Int) in MemoryRange(base: word(index), size: word(index + 1)) }
        var reserved = (0..<FakePlatform.reservedAreasMax).map { range(wordCount + 2 * $0) }
        while let last = reserved.last, last.size == 0 { reserved.removeLast() }
        return TDMRLayout(
            range: range(0), reserved: reserved, isInitialized: false, pamt4K: range(6), pamt2M: range(4),
            pamt1G: range(2))
    }

    static func write(_ layout: TDMRLayout, _ memory: PhysicalMemory, at address: UInt64) {
        var ranges = [layout.range, layout.pamt1G, layout.pamt2M, layout.pamt4K] + layout.reserved
        let areas = wordCount / 2 + FakePlatform.reservedAreasMax
        ranges += Array(repeating: MemoryRange(base: 0, size: 0), count: areas - ranges.count)
        for (index, range) in ranges.enumerated() {
            memory.setWord(range.base, at: address + UInt64(16 * index))
            memory.setWord(range.size, at: address + UInt64(16 * index + 8))
        }
    }
}
