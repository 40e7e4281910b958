/// A general register that SEAMCALL carries in or out. RAX is not among them: on the way in it is the
/// ``Leaf``, on the way out the ``Completion``. RSP never takes part.
public enum Register: String, CaseIterable, Sendable {
    case rcx, rdx, rbx, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15
}

/// The register file of one SEAMCALL, RAX apart; a register that is not set is zero.
///
/// Addresses are raw here, and only here: `Registers` is the language of the wrappers and the back ends.
public struct Registers: Hashable, Sendable {
    public var rcx: UInt64
    public var rdx: UInt64
    public var rbx: UInt64
    public var rbp: UInt64
    public var rsi: UInt64
    public var rdi: UInt64
    public var r8: UInt64
    public var r9: UInt64
    public var r10: UInt64
    public var r11: UInt64
    public var r12: UInt64
    public var r13: UInt64
    public var r14: UInt64
    public var r15: UInt64

    public init(rcx: UInt64 = 0, rdx: UInt64 = 0, r8: UInt64 = 0, r9: UInt64 = 0, r10: UInt64 = 0, r11: UInt64 = 0) {
        self.rcx = rcx
        self.rdx = rdx
        self.r8 = r8
        self.r9 = r9
        self.r10 = r10
        self.r11 = r11
        rbx = 0
        rbp = 0
        rsi = 0
        rdi = 0
        r12 = 0
        r13 = 0
        r14 = 0
        r15 = 0
    }

    public subscript(register: Register) -> UInt64 {
        get {
            switch register {
            case .rcx: rcx
            case .rdx: rdx
            case .rbx: rbx
            case .rbp: rbp
            case .rsi: rsi
            case .rdi: rdi
            case .r8: r8
            case .r9: r9
            case .r10: r10
            case .r11: r11
            case .r12: r12
            case .r13: r13
            case .r14: r14
            case .r15: r15
            }
        }
        set {
            switch register {
            case .rcx: rcx = newValue
            case .rdx: rdx = newValue
            case .rbx: rbx = newValue
            case .rbp: rbp = newValue
            case .rsi: rsi = newValue
            case .rdi: rdi = newValue
            case .r8: r8 = newValue
            case .r9: r9 = newValue
            case .r10: r10 = newValue
            case .r11: r11 = newValue
            case .r12: r12 = newValue
            case .r13: r13 = newValue
            case .r14: r14 = newValue
            case .r15: r15 = newValue
            }
        }
    }
}
