internal import TDXCalls

extension SixRegisters {
    init(_ registers: Registers) {
        self.init()
        rcx = registers.rcx
        rdx = registers.rdx
        r8 = registers.r8
        r9 = registers.r9
        r10 = registers.r10
        r11 = registers.r11
    }
}

extension Registers {
    init(_ six: SixRegisters) {
        self.init(rcx: six.rcx, rdx: six.rdx, r8: six.r8, r9: six.r9, r10: six.r10, r11: six.r11)
    }

    private static let others: [Register] = [.rbx, .rbp, .rsi, .rdi, .r12, .r13, .r14, .r15]

    /// The registers that the shim does not carry; nothing if all are zero.
    var otherBytes: [UInt8] {
        if rbx | rbp | rsi | rdi | r12 | r13 | r14 | r15 == 0 { return [] }
        var writer = ByteWriter(capacity: 8 * Self.others.count)
        for register in Self.others { writer.append(self[register]) }
        return writer.bytes
    }

    /// - Throws: ``MessageFault`` if `bytes` are not those registers.
    init(_ six: SixRegisters, others bytes: ArraySlice<UInt8>) throws(MessageFault) {
        self.init(six)
        if bytes.isEmpty { return }
        guard bytes.count == 8 * Self.others.count else { throw MessageFault("a register file is not of its size") }
        var reader = ByteReader(bytes)
        for register in Self.others { self[register] = try reader.number() }
    }
}
