internal import Synchronization
internal import TDXCalls
internal import Threading

extension ModuleState {
    /// TDCALL leaves that are modelled.
    private enum GuestLeaf {
        static let vpVMCall: UInt64 = 0
        static let vpInfo: UInt64 = 1
        static let memPageAccept: UInt64 = 6
    }

    /// A TDCALL of the vCPU that is inside.
    func guestCall(_ exit: TDExit, _ inside: InsideTD, on processor: LogicalProcessor) -> ExitHandling {
        let fields = inside.vcpu.fields
        switch fields[VPField.rax] {
        case GuestLeaf.vpVMCall: return vmCall(exit, inside)
        case GuestLeaf.vpInfo:
            vpInfo(inside)
            return .resume
        case GuestLeaf.memPageAccept: return accept(inside, on: processor)
        default:
            fields[VPField.rax] = Completion(.operandInvalid, operand: .rax).rawValue
            return .resume
        }
    }

    /// TDG.VP.VMCALL: RCX says which registers the host gets to see, and may answer in.
    private func vmCall(_ exit: TDExit, _ inside: InsideTD) -> ExitHandling {
        let fields = inside.vcpu.fields
        let mask = fields[VPField.rcx]
        let rbpMask: UInt64 = 1 << 5
        let keepsRBP = inside.td.configuration.configFlags & ConfigFlags.noRBPMod.rawValue != 0
        guard mask & ~GuestRegisters.maskAllowed == 0, !keepsRBP || mask & rbpMask == 0 else {
            fields[VPField.rax] = Completion(.operandInvalid, operand: .rcx).rawValue
            return .resume
        }
        var registers = Registers(rcx: mask)
        for (bit, place, register) in GuestRegisters.exposable where mask >> UInt64(bit) & 1 == 1 {
            registers[register] = fields[place]
        }
        inside.vcpu.exposeRegisters(mask)
        return .toHost(Completion(rawValue: UInt64(exit.reason)), registers)
    }

    /// TDG.VP.INFO.
    private func vpInfo(_ inside: InsideTD) {
        let fields = inside.vcpu.fields
        let configuration = inside.td.configuration
        let canReadSystem: UInt64 = 1
        fields[VPField.rax] = Completion.success.rawValue
        fields[VPField.rcx] = configuration.gpaWidth
        fields[VPField.rdx] = configuration.attributes
        fields[VPField.r8] =
            UInt64(configuration.maxVCPUs) << 32 | UInt64(inside.td.vcpuCount.load(ordering: .relaxed))
        fields[VPField.r9] = UInt64(inside.vcpu.index)
        fields[VPField.r10] = canReadSystem
        fields[VPField.r11] = 0
    }

    /// TDG.MEM.PAGE.ACCEPT: RCX guest address and level. Where no page waits, the host is told, and the guest's call
    /// starts over when it comes back.
    private func accept(_ inside: InsideTD, on processor: LogicalProcessor) -> ExitHandling {
        let fields = inside.vcpu.fields
        var call = Call(module: self, processor: processor, leaf: .vpEnter)
        let outcome: Acceptance
        do throws(Refusal) {
            outcome = try call.accept(fields[VPField.rcx], inside.td)
        } catch {
            outcome = .answer(error.completion)
        }
        call.held.releaseAll()
        switch outcome {
        case .answer(let completion):
            fields[VPField.rax] = completion.rawValue
            return .resume
        case .violation(let gpa):
            let write: UInt64 = 2
            let acceptViolation: UInt64 = 1
            return .toHost(
                Completion(rawValue: UInt64(ExitReason.eptViolation)),
                Registers(rcx: write, rdx: acceptViolation, r8: gpa))
        }
    }
}

/// How an ACCEPT ends.
private enum Acceptance {
    case answer(Completion)
    case violation(gpa: UInt64)
}

extension Call {
    fileprivate mutating func accept(_ raw: UInt64, _ td: TDState) throws(Refusal) -> Acceptance {
        let operand = try gpaOperand(raw, levels: 0...1, of: td)
        try lock(td.treeLock, .shared, .septTree)
        let found = walk(td, to: operand.gpa, level: operand.level)
        if found.word.state.isNonLeaf || found.level > operand.level {
            let isLeafAbove =
                found.level > operand.level && (found.word.state == .pending || found.word.state == .mapped)
            guard found.word.state == .nonLeafMapped || isLeafAbove else { return .violation(gpa: operand.gpa) }
            return .answer(Completion(rawValue: Completion.pageSizeMismatch.rawValue | UInt64(found.level)))
        }
        guard found.entry.tryLock() else { throw Refusal(.operandBusy, .septEntry) }
        held.add(found.entry)
        let word = found.entry.load()
        switch word.state {
        case .mapped: return .answer(.pageAlreadyAccepted)
        case .pending:
            module.memory.clear(
                MemoryRange(base: word.page, size: UInt64(pages4K(atSize: found.level) * pageSizeBytes)))
            found.entry.storeLocked(word.with(.mapped))
            return .answer(.success)
        default: return .violation(gpa: operand.gpa)
        }
    }
}

extension OperandID {
    /// A secure EPT entry that the guest cannot have.
    static let septEntry = OperandID(rawValue: 147)
}
