internal import TDXCalls

extension Call {
    /// TDH.VP.CREATE, leaf 10: RCX a free page, RDX the TDR. The page becomes the TDVPR of a vCPU.
    mutating func vpCreate() throws(Refusal) -> Completion {
        let td = try td(registers.rdx, .rdx, .shared)
        try check(td, allow: [.initialized, .stateImport])
        let entry = try page(registers.rcx, .rcx, .nda, .exclusive)

        // Commit.
        give(entry, at: registers.rcx, to: td, as: .tdvpr, contents: .vcpu(VCPUState(address: registers.rcx)))
        return .success
    }
}
