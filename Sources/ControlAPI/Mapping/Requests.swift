internal import ControlSchema
internal import TDLifecycle
internal import TDXCalls

extension TDLifecycle.TDSpec {
    /// The spec with what is absent filled in: from the contract, or from what the module says it wants.
    init(
        _ parameters: TDParameters, vcpuCount: Int, buildUntil: TDLifecycle.BuildStage,
        memory: [TDLifecycle.MemoryRegion] = [], module: TDXCalls.ModuleInformation
    ) {
        let hostTSC = module.tscFrequencyKHz / Self.tscUnitKHz * Self.tscUnitKHz
        self.init(
            attributes: parameters.attributes.map { TDAttributes(rawValue: $0.rawValue) } ?? .septVEDisable,
            xfam: XFAM(rawValue: parameters.xfam?.rawValue ?? module.xfamFixed1),
            maxVCPUs: UInt16(clamping: parameters.maxVcpus), numL2VMs: UInt8(clamping: parameters.numL2Vms ?? 0),
            gpaWidthBits: UInt8(clamping: parameters.gpaWidthBits ?? 48),
            eptLevels: UInt8(clamping: parameters.eptLevels ?? 4),
            tscFrequencyKHz: parameters.tscFrequencyKhz.map { UInt64($0) } ?? hostTSC,
            noRBPMod: parameters.noRbpMod ?? true, flexiblePendingVE: parameters.flexiblePendingVe ?? false,
            mrConfigID: MeasurementID(parameters.mrConfigId), mrOwner: MeasurementID(parameters.mrOwner),
            mrOwnerConfig: MeasurementID(parameters.mrOwnerConfig),
            ia32ArchCapabilities: parameters.ia32ArchCapabilities.flatMap { $0.enabled ? $0.value.rawValue : nil },
            cpuid: (parameters.cpuid ?? []).map { setting in
                TDLifecycle.CPUIDSetting(
                    leaf: setting.leaf.rawValue, subleaf: setting.subleaf?.rawValue,
                    values: CPUIDValues(
                        eax: setting.eax.rawValue, ebx: setting.ebx.rawValue, ecx: setting.ecx.rawValue,
                        edx: setting.edx.rawValue))
            },
            vcpuCount: vcpuCount, buildUntil: buildUntil, memory: memory)
    }
}

extension MeasurementID {
    fileprivate init(_ hex: Hex384?) { self = hex.flatMap { MeasurementID(bytes: $0.bytes) } ?? .zero }
}

extension TDRequest {
    init(
        _ body: CreateTDRequest, _ regions: [TDLifecycle.MemoryRegion], _ contents: [any MemoryContent],
        module: TDXCalls.ModuleInformation
    ) {
        let stage = body.spec.buildUntil.flatMap { TDLifecycle.BuildStage(rawValue: $0.rawValue) } ?? .initialized
        self.init(
            name: body.name, labels: body.labels ?? [:],
            spec: TDLifecycle.TDSpec(
                body.spec.parameters, vcpuCount: body.spec.vcpuCount ?? 0, buildUntil: stage, memory: regions,
                module: module), contents: contents)
    }
}

extension CreateVCPUsRequest {
    /// One spec a vCPU.
    var specs: [TDLifecycle.VCPUSpec] {
        (0..<(count ?? 1)).map { index in
            TDLifecycle.VCPUSpec(
                initialRCX: initialRcx?.rawValue ?? 0, x2apicID: x2apicIds.map { UInt32(clamping: $0[index]) },
                processor: processors.map { TDXCalls.Processor(rawValue: UInt32(clamping: $0[index])) })
        }
    }
}
