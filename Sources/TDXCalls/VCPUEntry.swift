/// What a host gives a vCPU that it enters: the answer to the guest's last TDVMCALL, and two flags.
public struct VPEntry: Hashable, Sendable {
    /// Bits beside the vCPU's address in RCX.
    public struct Flags: OptionSet, Hashable, Sendable {
        public let rawValue: UInt64

        public init(rawValue: UInt64) { self.rawValue = rawValue }

        /// The host has done what the hint in the last exit's completion asked for (bit 52).
        public static let recoveryHandled = Flags(rawValue: 1 << 52)
        /// The L1 VM is to go on, whatever ran last (bit 53).
        public static let resumeL1 = Flags(rawValue: 1 << 53)

        fileprivate static let all: Flags = [.recoveryHandled, .resumeL1]
    }

    /// The registers that a TDVMCALL's answer can be in: all but RCX, which is the call's own. Those the guest did
    /// not expose are kept from it.
    public struct Answer: Hashable, Sendable {
        fileprivate let registers: Registers

        /// - Parameter registers: what RCX holds is left out.
        public init(_ registers: Registers = Registers()) {
            var answer = registers
            answer.rcx = 0
            self.registers = answer
        }
    }

    public var flags: Flags
    public var answer: Answer

    /// - Parameter flags: bits without a name are left out: they would be part of an address.
    public init(flags: Flags = [], answer: Answer = Answer()) {
        self.flags = flags.intersection(.all)
        self.answer = answer
    }

    /// The register file for the vCPU with this root.
    func registers(_ tdvpr: PageAddress<TDVPR>) -> Registers {
        var registers = answer.registers
        registers.rcx = tdvpr.rawValue | flags.rawValue
        return registers
    }
}

/// Why a vCPU left its TD, with the registers it left under their names.
public struct VPExit: Hashable, Sendable {
    /// The whole completion; the exit reason is its low half.
    public let completion: Completion
    /// The register file as it came back.
    public let registers: Registers

    init(_ completion: Completion, _ registers: Registers) {
        self.completion = completion
        self.registers = registers
    }

    /// VMX basic exit reason: 1 external interrupt, 48 EPT violation, 77 TDCALL.
    public var reason: UInt16 { UInt16(truncatingIfNeeded: completion.rawValue) }

    private static let tdcall: UInt16 = 77
    private static let eptViolation: UInt16 = 48

    /// The guest asks for something; nil where it left for another reason.
    public var vmCall: VMCall? { reason == Self.tdcall ? VMCall(registers) : nil }

    /// Exit qualification; a TDVMCALL has none.
    public var qualification: UInt64? { reason == Self.tdcall ? nil : registers.rcx }
    /// Extended exit qualification; a TDVMCALL has none.
    public var extendedQualification: UInt64? { reason == Self.tdcall ? nil : registers.rdx }
    /// Where the guest touched memory that it has not; nil where it left for another reason.
    public var guestPhysicalAddress: UInt64? { reason == Self.eptViolation ? registers.r8 : nil }
    /// VM-exit interruption information; zero where there is none, and a TDVMCALL has none.
    public var interruptionInformation: UInt64? { reason == Self.tdcall ? nil : registers.r9 }

    /// What TDG.VP.VMCALL shows of the guest.
    public struct VMCall: Hashable, Sendable {
        /// A bit for each register, by its number, and for each XMM register from bit 16 on.
        public let exposed: UInt64
        private let registers: Registers

        fileprivate init(_ registers: Registers) {
            exposed = registers.rcx
            self.registers = registers
        }

        /// Numbers of the registers in the mask.
        private static let numbers: [Register: UInt64] = [
            .rdx: 2, .rbx: 3, .rbp: 5, .rsi: 6, .rdi: 7, .r8: 8, .r9: 9, .r10: 10, .r11: 11, .r12: 12, .r13: 13,
            .r14: 14, .r15: 15,
        ]

        /// A register that the guest exposed; nil for any other, whatever is in it.
        public subscript(register: Register) -> UInt64? {
            guard let number = Self.numbers[register], exposed >> number & 1 == 1 else { return nil }
            return registers[register]
        }
    }
}
