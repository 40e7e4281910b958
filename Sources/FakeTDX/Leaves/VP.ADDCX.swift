internal import TDXCalls

extension Call {
    /// TDH.VP.ADDCX, leaf 4: RCX a free page, RDX the TDVPR. The page becomes the vCPU's next control page, and
    /// belongs to the TD.
    mutating func vpAddCX() throws(Refusal) -> Completion {
        let (vcpu, td) = try vcpu(registers.rdx, .rdx, .exclusive)
        try check(td, allow: [.initialized, .stateImport])
        guard vcpu.phase == .uninitialized else { throw Refusal(.vcpuStateIncorrect) }
        guard vcpu.pages.count < VCPUState.pagesMax else { throw Refusal(.tdcxNumIncorrect) }
        let entry = try page(registers.rcx, .rcx, .nda, .exclusive)

        // Commit.
        vcpu.pages.append(registers.rcx)
        give(entry, at: registers.rcx, to: td, as: .tdcx)
        return .success
    }
}
