internal import Digests
internal import Synchronization
internal import TDXCalls

extension Call {
    /// TDH.MNG.INIT, leaf 21: RCX the TDR, RDX TD_PARAMS. RCX answers 0, or the CPUID leaf that was refused.
    mutating func mngInit() throws(Refusal) -> Completion {
        let tdr = registers.rcx
        registers.rcx = 0
        guard !module.cpuidLimited.load(ordering: .relaxed) else { throw Refusal(.limitCPUIDMaxvalSet) }
        let td = try td(tdr, .rcx, .exclusive)
        try check(td, allow: .uninitialized, opStateLock: nil)
        let address = try sharedAddress(registers.rdx, alignment: UInt64(TDParams.sizeBytes), .rdx)
        let parameters = TDParamsCheck(
            module: module, bytes: module.memory.read(at: address, count: TDParams.sizeBytes),
            tdcsPages: td.tdcsCount)
        let configuration = try parameters.run(refusedCPUID: &registers.rcx)

        // Commit.
        module.readsHostMemory(registers.rdx, by: leaf, on: processor)
        td.configure(configuration)
        td.measurement = SHA384()
        td.septRoot = SEPTPage()
        td.epoch.store(1, ordering: .relaxed)
        td.vcpuCount.store(0, ordering: .relaxed)
        td.writable[TDFields.timeoutPlace] = TDFields.timeoutDefault
        td.opState = .initialized
        return .success
    }
}
