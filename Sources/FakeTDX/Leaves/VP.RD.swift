internal import TDXCalls

extension Call {
    /// TDH.VP.RD, leaf 26, versions 0 and 1: RCX the TDVPR, RDX a field id. R8 the value, and in version 1 RDX the
    /// next id. The vCPU is with this processor afterwards, whatever becomes of the field.
    mutating func vpRD() throws(Refusal) -> Completion {
        let id = FieldID(rawValue: registers.rdx)
        registers.r8 = 0
        if version > 0 { registers.rdx = FieldID.none.rawValue }
        try checkVersion()
        let (vcpu, td) = try vcpu(registers.rcx, .rcx, .shared)
        try check(td, allow: .anyInitialized)
        try checkPages(of: vcpu, in: td)
        guard vcpu.phase == .ready || vcpu.phase == .disabled else { throw Refusal(.vcpuStateIncorrect) }

        // Commit: the association is not taken back.
        try associate(vcpu, of: td)
        return try readField(in: VPFields(vcpu: vcpu, td: td, module: module), id)
    }
}
