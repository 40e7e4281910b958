internal import TDXCalls

/// The guest's general registers, as fields of the vCPU.
enum GuestRegisters {
    /// Register number in a TDVMCALL's mask, word of the field, name: those that can be exposed to the host.
    static let exposable: [(bit: Int, place: Int, register: Register)] = [
        (2, VPField.rdx, .rdx), (3, VPField.rbx, .rbx), (5, VPField.rbp, .rbp), (6, VPField.rsi, .rsi),
        (7, VPField.rdi, .rdi), (8, VPField.r8, .r8), (9, VPField.r9, .r9), (10, VPField.r10, .r10),
        (11, VPField.r11, .r11), (12, VPField.r12, .r12), (13, VPField.r13, .r13), (14, VPField.r14, .r14),
        (15, VPField.r15, .r15),
    ]

    /// Bits a TDVMCALL's mask may have: the registers above, and XMM registers, which are not modelled.
    static let maskAllowed: UInt64 = 0xffff_ffec

    static let all: [(place: Int, register: Register)] =
        [(VPField.rcx, Register.rcx)] + exposable.map { ($0.place, $0.register) }

    /// Registers of a vCPU that are not zero, by name, RAX among them.
    static func values(_ vcpu: VCPUState) -> [String: UInt64] {
        var values = ["rax": vcpu.fields[VPField.rax]]
        for (place, register) in all { values[register.rawValue] = vcpu.fields[place] }
        return values.filter { $0.value != 0 }
    }

    static func apply(_ exit: TDExit, to vcpu: VCPUState) {
        if let rax = exit.rax { vcpu.fields[VPField.rax] = rax }
        for (place, register) in all {
            if let value = exit.registers[register] { vcpu.fields[place] = value }
        }
    }
}
