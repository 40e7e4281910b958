internal import TDXCalls

extension Call {
    /// TDH.VP.WR, leaf 43: RCX the TDVPR, RDX a field id, R8 the value, R9 a mask. R8 answers the old value. The
    /// vCPU is with this processor afterwards, whatever becomes of the field.
    mutating func vpWR() throws(Refusal) -> Completion {
        let value = registers.r8
        registers.r8 = 0
        let (vcpu, td) = try vcpu(registers.rcx, .rcx, .shared)
        try check(
            td,
            allow: [
                .initialized, .runnable, .liveExport, .memoryImport, .stateImport, .postImport, .liveImport,
                .failedImport,
            ])
        try checkPages(of: vcpu, in: td)
        guard vcpu.phase == .ready else { throw Refusal(.vcpuStateIncorrect) }

        // Commit: the association is not taken back.
        try associate(vcpu, of: td)
        return try writeField(
            in: VPFields(vcpu: vcpu, td: td, module: module), FieldID(rawValue: registers.rdx), value,
            mask: registers.r9)
    }
}
