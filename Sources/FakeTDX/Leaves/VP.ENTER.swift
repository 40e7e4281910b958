internal import Synchronization
internal import TDXCalls
internal import Threading

extension Call {
    /// TDH.VP.ENTER, leaf 0: RCX the TDVPR and two flags; after a TDVMCALL the registers the guest exposed.
    ///
    /// No guest runs here. The vCPU goes in, and leaves with the exits that were queued for this processor, or with
    /// an external interrupt.
    mutating func vpEnter() throws(Refusal) -> Completion {
        try enterTD()
        guard !staysInside else { return .success }
        while true {
            let exit = processor.exits.withLock { $0.isEmpty ? TDExit.interrupt : $0.removeFirst() }
            let outcome = module.leave(with: exit, on: processor)
            if case .left(let completion, let answered) = outcome {
                registers = answered
                return completion
            }
        }
    }

    /// RCX bits 52 and 53: the host handled a recoverability hint; resume L1.
    private static var flags: UInt64 { 3 << 52 }

    private mutating func enterTD() throws(Refusal) {
        let (vcpu, td) = try vcpu(registers.rcx & ~Self.flags, .rcx, .shared)
        try check(td, allow: [.runnable, .liveExport, .liveImport])
        try checkPages(of: vcpu, in: td)
        let association = vcpu.association.load(ordering: .relaxed)
        guard association == VCPUState.notAssociated || association == UInt32(processor.index) else {
            throw Refusal(.vcpuAssociated)
        }
        guard vcpu.phase == .ready else { throw Refusal(.vcpuStateIncorrect) }
        try lock(td.epochLock, .shared, .tdEpoch)
        try associate(vcpu, of: td)

        // Commit.
        let epoch = td.epoch.load(ordering: .relaxed)
        vcpu.epoch.store(epoch, ordering: .relaxed)
        td.addRunning(1, inEpochLike: epoch)
        vcpu.phase = .active
        loadExposedRegisters(vcpu)
        // The epoch and the operation state are let go before the guest runs; TDVPR and TDR are not.
        held.releaseLast()
        held.releaseLast()
        let inside = InsideTD(td: td, vcpu: vcpu, epoch: epoch, held: held.takeAll())
        processor.inside.withLock { $0 = inside }
    }

    /// After a TDVMCALL the guest sees the host's answer in the registers it exposed, and success in RAX.
    private func loadExposedRegisters(_ vcpu: VCPUState) {
        guard let mask = vcpu.takeExposedRegisters() else { return }
        for (bit, place, register) in GuestRegisters.exposable where mask >> UInt64(bit) & 1 == 1 {
            vcpu.fields[place] = registers[register]
        }
        vcpu.fields[VPField.rax] = Completion.success.rawValue
    }
}
