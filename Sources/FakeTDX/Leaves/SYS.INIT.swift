internal import Synchronization
internal import TDXCalls

extension Call {
    /// TDH.SYS.INIT, leaf 33: RCX attributes, zero. RCX, RDX and R8 to R10 answer zero: this platform has nothing
    /// to object to.
    mutating func sysInit() throws(Refusal) -> Completion {
        let attributes = registers.rcx
        registers.rcx = 0
        registers.rdx = 0
        registers.r8 = 0
        registers.r9 = 0
        registers.r10 = 0
        try lockSystem(.exclusive)
        guard attributes == 0 else { throw Refusal(.operandInvalid, .rcx) }
        guard module.state == .initPending else { throw Refusal(.sysInitNotPending) }
        guard !module.cpuidLimited.load(ordering: .relaxed) else { throw Refusal(.limitCPUIDMaxvalSet) }

        // Commit.
        module.state = .initDone
        return .success
    }
}
