internal import TDXCalls

extension Call {
    /// TDH.SYS.SHUTDOWN, leaf 52: RCX the handoff version asked for. Nothing but SYS.LP.SHUTDOWN works afterwards.
    mutating func sysShutdown() throws(Refusal) -> Completion {
        try lockSystem(.exclusive)
        guard registers.rcx <= module.systemFields.first("MODULE_HV") else { throw Refusal(.operandInvalid, .rcx) }

        // Commit.
        module.state = .shutdown
        return .success
    }

    /// TDH.SYS.LP.SHUTDOWN, leaf 44: kept for compatibility; looks at nothing.
    mutating func sysLPShutdown() throws(Refusal) -> Completion { .success }
}
