public import TDXCalls

/// Why a vCPU leaves its TD: a VM exit, as a test or a recording orders it.
public struct TDExit: Hashable, Sendable {
    /// VMX basic exit reason: 1 external interrupt, 2 triple fault, 48 EPT violation, 77 TDCALL.
    public var reason: UInt16
    public var qualification: UInt64
    public var guestPhysicalAddress: UInt64
    /// RAX of the guest; changed only if given.
    public var rax: UInt64?
    /// Guest registers that changed since entry.
    public var registers: [Register: UInt64]

    public init(
        reason: UInt16, qualification: UInt64 = 0, guestPhysicalAddress: UInt64 = 0, rax: UInt64? = nil,
        registers: [Register: UInt64] = [:]
    ) {
        self.reason = reason
        self.qualification = qualification
        self.guestPhysicalAddress = guestPhysicalAddress
        self.rax = rax
        self.registers = registers
    }

    /// An external interrupt: what ends every run if nothing else does.
    public static let interrupt = TDExit(reason: 1)
}
