internal import Synchronization
internal import TDXCalls
internal import Threading

/// What becomes of an exit.
enum LeaveOutcome {
    /// The host has its answer.
    case left(Completion, Registers)
    /// The module handled it; the vCPU is still inside.
    case stayed
    /// No vCPU is inside on that processor.
    case notInside
}

/// How the module handles an exit.
enum ExitHandling {
    case toHost(Completion, Registers)
    case resume
}

extension ModuleState {
    /// VMX basic exit reasons the module tells apart.
    enum ExitReason {
        static let externalInterrupt: UInt16 = 1
        static let tripleFault: UInt16 = 2
        static let cpuid: UInt16 = 10
        static let eptViolation: UInt16 = 48
        static let tdcall: UInt16 = 77
        /// Exits that the host gets as they are: exceptions and NMI, interrupts, INIT, SIPI, SMI, the preemption timer.
        static let asynchronous: Set<UInt16> = [0, externalInterrupt, 3, 4, 5, 6, 52]
    }

    /// The vCPU inside its TD on `processor` exits.
    func leave(with exit: TDExit, on processor: LogicalProcessor) -> LeaveOutcome {
        guard let inside = processor.inside.withLock({ $0 }) else { return .notInside }
        GuestRegisters.apply(exit, to: inside.vcpu)
        switch handle(exit, inside, on: processor) {
        case .resume: return .stayed
        case .toHost(let completion, let registers):
            processor.inside.withLock { $0 = nil }
            inside.vcpu.fields[VPField.lastExitTSC] = tsc
            inside.vcpu.phase = completion.isNonRecoverable ? .disabled : .ready
            inside.td.addRunning(-1, inEpochLike: inside.epoch)
            for held in inside.held.reversed() { held.release() }
            return .left(completion, registers)
        }
    }

    private func handle(_ exit: TDExit, _ inside: InsideTD, on processor: LogicalProcessor) -> ExitHandling {
        switch exit.reason {
        case ExitReason.tripleFault:
            return .toHost(
                Completion(rawValue: Completion.nonRecoverableVCPU.rawValue | UInt64(exit.reason)), Registers())
        case ExitReason.cpuid:
            executeCPUID(inside)
            return .resume
        case ExitReason.eptViolation: return eptViolation(exit, inside)
        case ExitReason.tdcall: return guestCall(exit, inside, on: processor)
        case let reason where ExitReason.asynchronous.contains(reason):
            return .toHost(Completion(rawValue: UInt64(reason)), asynchronous(exit))
        // The rest is emulated, or reflected to the guest as #VE: either way it runs on.
        default: return .resume
        }
    }

    /// RCX the exit qualification, R8 the guest address, R9 the interruption information.
    private func asynchronous(_ exit: TDExit) -> Registers {
        let validExternalInterrupt: UInt64 = 0x8000_0020
        var registers = Registers(rcx: exit.qualification, r8: exit.guestPhysicalAddress)
        if exit.reason == ExitReason.externalInterrupt { registers.r9 = validExternalInterrupt }
        return registers
    }

    /// An access the secure EPT does not allow: the host's business where no page is, the guest's where one waits to
    /// be accepted, unless the TD wants it otherwise.
    private func eptViolation(_ exit: TDExit, _ inside: InsideTD) -> ExitHandling {
        let td = inside.td
        let toHost = ExitHandling.toHost(
            Completion(rawValue: UInt64(exit.reason)),
            // What the guest did is told; where its tables are is not.
            Registers(rcx: exit.qualification & 7, r8: exit.guestPhysicalAddress))
        guard exit.guestPhysicalAddress >> UInt64(td.sharedBit) == 0 else { return toHost }
        // Tables do not go away meanwhile. Where they are just being taken away, the host has to look anyway.
        guard td.treeLock.take(.shared) else { return toHost }
        defer { td.treeLock.releaseShared() }
        let call = Call(module: self, processor: processors[0], leaf: .vpEnter)
        switch call.walk(td, to: exit.guestPhysicalAddress, level: 0).word.state {
        case .pending:
            let septVEDisable = td.configuration.attributes & TDAttributes.septVEDisable.rawValue != 0
            return septVEDisable ? toHost : .resume
        case .mapped: return .resume
        default: return toHost
        }
    }

    private func executeCPUID(_ inside: InsideTD) {
        let fields = inside.vcpu.fields
        let leaf = UInt32(truncatingIfNeeded: fields[VPField.rax])
        let subleaf = UInt32(truncatingIfNeeded: fields[VPField.rcx])
        // A leaf the TD has no values of is reflected as #VE.
        guard
            let values = CPUIDField.values(
                leaf: leaf, subleaf: subleaf, TDFields(td: inside.td, module: self))
        else { return }
        fields[VPField.rax] = UInt64(values.eax)
        fields[VPField.rbx] = UInt64(values.ebx)
        fields[VPField.rcx] = UInt64(values.ecx)
        fields[VPField.rdx] = UInt64(values.edx)
    }
}
