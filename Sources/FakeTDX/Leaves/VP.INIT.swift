internal import Synchronization
internal import TDXCalls

extension Call {
    /// TDH.VP.INIT, leaf 22: RCX the TDVPR, RDX what the guest finds in RCX and R8. The vCPU is READY, and with
    /// this processor.
    mutating func vpInit() throws(Refusal) -> Completion {
        let (vcpu, td) = try vcpu(registers.rcx, .rcx, .exclusive)
        try check(td, allow: .initialized)
        try checkPages(of: vcpu, in: td)
        guard vcpu.phase == .uninitialized else { throw Refusal(.vcpuStateIncorrect) }
        let index = td.vcpuCount.wrappingAdd(1, ordering: .relaxed).oldValue
        guard index < td.configuration.maxVCPUs else {
            td.vcpuCount.wrappingSubtract(1, ordering: .relaxed)
            throw Refusal(.maxVCPUsExceeded)
        }
        // Module 1.5.01 does not take its count back here: that vCPU number is lost.
        guard !module.tscAdjustDiffers.load(ordering: .relaxed) else {
            throw Refusal(.inconsistentMSR, details: TDParamsCheck.tscAdjustMSR)
        }

        // Commit.
        start(vcpu, of: td, index)
        return .success
    }

    private func start(_ vcpu: VCPUState, of td: TDState, _ index: UInt32) {
        vcpu.index = index
        initializeFields(of: vcpu, td)
        vcpu.phase = .ready
        vcpu.association.store(UInt32(processor.index), ordering: .relaxed)
        td.associatedVCPUs.wrappingAdd(1, ordering: .relaxed)
        td.noteAssociation(module.deed(leaf, on: processor))
    }

    /// The same of later releases, versions 0 and 1: in version 1 R8 is the vCPU's x2APIC id, which no other of the TD
    /// has, and the TDR is held exclusively. A changed IA32_TSC_ADJUST is found first, and costs no vCPU number.
    mutating func vpInitLater() throws(Refusal) -> Completion {
        try checkVersion()
        let x2apicID = registers.r8
        if version > 0, x2apicID >> 32 != 0 { throw Refusal(.operandInvalid, .r8) }
        let (vcpu, td) = try vcpu(registers.rcx, .rcx, .exclusive, tdr: version > 0 ? .exclusive : .shared)
        try check(td, allow: .initialized)
        guard !module.tscAdjustDiffers.load(ordering: .relaxed) else {
            throw Refusal(.inconsistentMSR, details: TDParamsCheck.tscAdjustMSR)
        }
        try checkPages(of: vcpu, in: td)
        guard vcpu.phase == .uninitialized else {
            throw Refusal(.vcpuStateIncorrect, details: UInt32(vcpu.phase.rawValue))
        }
        let id = UInt32(truncatingIfNeeded: x2apicID)
        if version > 0, td.x2apicIDs.contains(id) { throw Refusal(.x2apicIDNotUnique, details: id) }
        let index = td.vcpuCount.wrappingAdd(1, ordering: .relaxed).oldValue
        guard index < td.configuration.maxVCPUs else {
            td.vcpuCount.wrappingSubtract(1, ordering: .relaxed)
            throw Refusal(.maxVCPUsExceeded)
        }

        // Commit.
        if version > 0 { td.x2apicIDs.insert(id) }
        start(vcpu, of: td, index)
        return .success
    }

    private func initializeFields(of vcpu: VCPUState, _ td: TDState) {
        let fields = vcpu.fields
        let shift = module.platform.keyIDShift
        for field in VPField.initial { fields[field.place] = field.value }
        fields[VPField.rcx] = registers.rdx
        fields[VPField.r8] = registers.rdx
        fields[VPField.rbx] = td.configuration.gpaWidth
        fields[VPField.rdx] = UInt64(module.platform.nativeFMS)
        fields[VPField.rsi] = UInt64(vcpu.index)
        fields[VPField.xfam] = td.configuration.xfam
        fields[VPField.tscOffset] = td.configuration.tscOffset
        fields[VPField.tscMultiplier] = td.configuration.tscMultiplier
        fields[VPField.eptPointer] = td.eptPointer
        fields[VPField.msrBitmap] = td.withKeyID(td.tdcs[TDState.msrBitmapsPage], shift: shift)
        fields[VPField.hkid] = UInt64(td.keyID)
        fields[VPField.vpid] = UInt64(td.keyID) << 2
        fields[VPField.lastExitTSC] = module.tsc
    }
}
