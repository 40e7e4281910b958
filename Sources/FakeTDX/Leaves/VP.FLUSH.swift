internal import Synchronization
internal import TDXCalls

extension Call {
    /// TDH.VP.FLUSH, leaf 18: RCX the TDVPR. The vCPU is with no processor afterwards. Neither FATAL nor the
    /// operation state is looked at.
    mutating func vpFlush() throws(Refusal) -> Completion {
        let (vcpu, td) = try vcpu(registers.rcx, .rcx, .exclusive)
        try checkKeys(of: td)
        try checkPages(of: vcpu, in: td)
        guard vcpu.association.load(ordering: .relaxed) == UInt32(processor.index) else {
            throw Refusal(.vcpuNotAssociated)
        }

        // Commit.
        vcpu.association.store(VCPUState.notAssociated, ordering: .relaxed)
        td.associatedVCPUs.wrappingSubtract(1, ordering: .relaxed)
        return .success
    }
}
