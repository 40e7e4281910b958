internal import TDXCalls

extension CallRecord {
    /// The record a dry run shows: what would be issued, and no answer.
    static func planned(
        _ call: Call, for domain: Domain, on processor: Processor, _ platform: Platform, by requester: Requester,
        now: WallTime
    ) -> CallRecord {
        let attempt = Attempt(
            leaf: call.leaf, processor: processor, input: CallRegisters(call.plannedRegisters(for: domain)),
            output: CallRegisters(Registers()),
            result: .port(PortError(.notExecuted, "a dry run issues nothing")), at: now, durationNanos: 0)
        return CallRecord(
            attempt, id: ResourceID(.seamcall, 0),
            in: CallContext(td: domain.id, operation: nil, requester: requester),
            package: platform.package(of: processor), attempt: 0, as: .planned, page: call.page(of: domain),
            keyID: domain.keyID, vcpu: call.vcpu(of: domain))
    }
}

extension Call {
    /// What can be said of the input registers before pages and parameters are taken.
    fileprivate func plannedRegisters(for domain: Domain) -> Registers {
        let tdr = domain.td?.tdr.rawValue ?? 0
        switch self {
        case .create: return Registers()
        case .configureKey, .flushDone, .freeKey, .initialize: return Registers(rcx: tdr)
        case .addTDCSPage, .createVCPU: return Registers(rdx: tdr)
        case .addTDCXPage(let number): return Registers(rdx: domain.vcpus[number].vp.tdvpr.rawValue)
        case .initializeVCPU(let number):
            let vcpu = domain.vcpus[number]
            return Registers(
                rcx: vcpu.vp.tdvpr.rawValue, rdx: vcpu.spec.initialRCX, r8: UInt64(vcpu.spec.x2apicID ?? 0))
        case .flushVCPU(let number): return Registers(rcx: domain.vcpus[number].vp.tdvpr.rawValue)
        case .writeBack(_, let resume): return Registers(rcx: resume ? 1 : 0)
        case .reclaimPage(let id): return Registers(rcx: domain.page(id)?.address.rawValue ?? 0)
        case .writeBackTDR: return Registers(rcx: tdr)
        case .writeBackTable: return Registers(rcx: domain.freedTable?.address.rawValue ?? 0)
        case .finalize: return Registers(rcx: tdr)
        case .addTable, .addPage, .extend, .promote, .readMRTD: return Registers(rdx: tdr)
        }
    }
}
