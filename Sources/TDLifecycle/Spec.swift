public import TDXCalls

/// What a TD shall be. Defaults that depend on the module are filled in when the engine takes it.
public struct TDSpec: Hashable, Sendable {
    public var attributes: TDAttributes
    public var xfam: XFAM
    public var maxVCPUs: UInt16
    public var numL2VMs: UInt8
    /// 48 or 52.
    public var gpaWidthBits: UInt8
    /// 4 or 5.
    public var eptLevels: UInt8
    /// A multiple of 25,000.
    public var tscFrequencyKHz: UInt64
    public var noRBPMod: Bool
    public var flexiblePendingVE: Bool
    public var mrConfigID: MeasurementID
    public var mrOwner: MeasurementID
    public var mrOwnerConfig: MeasurementID
    /// Nil = not in use.
    public var ia32ArchCapabilities: UInt64?
    public var cpuid: [CPUIDSetting]
    public var vcpuCount: Int
    public var buildUntil: BuildStage
    /// Regions of guest memory, in the order they are added; their contents come with the request.
    public var memory: [MemoryRegion]

    public init(
        attributes: TDAttributes, xfam: XFAM, maxVCPUs: UInt16, numL2VMs: UInt8, gpaWidthBits: UInt8,
        eptLevels: UInt8, tscFrequencyKHz: UInt64, noRBPMod: Bool, flexiblePendingVE: Bool,
        mrConfigID: MeasurementID, mrOwner: MeasurementID, mrOwnerConfig: MeasurementID,
        ia32ArchCapabilities: UInt64?, cpuid: [CPUIDSetting], vcpuCount: Int, buildUntil: BuildStage,
        memory: [MemoryRegion] = []
    ) {
        self.attributes = attributes
        self.xfam = xfam
        self.maxVCPUs = maxVCPUs
        self.numL2VMs = numL2VMs
        self.gpaWidthBits = gpaWidthBits
        self.eptLevels = eptLevels
        self.tscFrequencyKHz = tscFrequencyKHz
        self.noRBPMod = noRBPMod
        self.flexiblePendingVE = flexiblePendingVE
        self.mrConfigID = mrConfigID
        self.mrOwner = mrOwner
        self.mrOwnerConfig = mrOwnerConfig
        self.ia32ArchCapabilities = ia32ArchCapabilities
        self.cpuid = cpuid
        self.vcpuCount = vcpuCount
        self.buildUntil = buildUntil
        self.memory = memory
    }

    /// kHz in one unit of TD_PARAMS' TSC_FREQUENCY.
    public static let tscUnitKHz: UInt64 = 25_000

    /// TD_PARAMS for a module, with the CPUID settings in the module's order and what is not set left at 0.
    func parameters(for module: ModuleInformation) -> TDParams {
        var flags: ConfigFlags = []
        if gpaWidthBits == 52 { flags.insert(.gpaWidth52) }
        if flexiblePendingVE { flags.insert(.flexiblePendingVE) }
        if noRBPMod { flags.insert(.noRBPMod) }
        return TDParams(
            attributes: attributes, xfam: xfam, maxVCPUs: maxVCPUs, numL2VMs: numL2VMs,
            msrConfigControls: ia32ArchCapabilities == nil ? 0 : 1,
            eptpControls: eptLevels == 5 ? .fiveLevels : .fourLevels, configFlags: flags,
            tscFrequency: UInt16(clamping: tscFrequencyKHz / Self.tscUnitKHz), mrConfigID: mrConfigID,
            mrOwner: mrOwner, mrOwnerConfig: mrOwnerConfig, ia32ArchCapabilities: ia32ArchCapabilities ?? 0,
            cpuid: module.cpuidConfig.map { entry in
                cpuid.last { $0.names(entry) }?.values ?? CPUIDValues()
            })
    }

    /// The first CPUID setting the module has no place for, which therefore cannot be encoded.
    func unencodableCPUID(for module: ModuleInformation) -> Int? {
        cpuid.firstIndex { setting in !module.cpuidConfig.contains(where: setting.names) }
    }
}

public struct CPUIDSetting: Hashable, Sendable {
    public var leaf: UInt32
    /// Nil where the leaf has none.
    public var subleaf: UInt32?
    public var values: CPUIDValues

    public init(leaf: UInt32, subleaf: UInt32?, values: CPUIDValues) {
        self.leaf = leaf
        self.subleaf = subleaf
        self.values = values
    }

    func names(_ entry: CPUIDConfigEntry) -> Bool {
        leaf == entry.leaf && (subleaf ?? CPUIDConfigEntry.noSubleaf) == entry.subleaf
    }
}

/// How far a creation builds.
public enum BuildStage: String, Hashable, Comparable, Sendable, CaseIterable {
    case tdrCreated, keysConfigured, tdcsAdded, initialized, finalized

    public static func < (left: Self, right: Self) -> Bool {
        allCases.firstIndex(of: left) ?? 0 < allCases.firstIndex(of: right) ?? 0
    }

    /// Whether vCPUs and memory are part of it.
    var hasContents: Bool { self >= .initialized }
}

/// One vCPU to be made.
public struct VCPUSpec: Hashable, Sendable {
    public var initialRCX: UInt64
    public var x2apicID: UInt32?
    /// Where VP.INIT shall run, and so where the vCPU becomes associated; nil = the engine spreads.
    public var processor: Processor?

    public init(initialRCX: UInt64 = 0, x2apicID: UInt32? = nil, processor: Processor? = nil) {
        self.initialRCX = initialRCX
        self.x2apicID = x2apicID
        self.processor = processor
    }
}

/// Who asks, for the record.
public struct Requester: Hashable, Sendable {
    public var principal: String
    public var requestID: ResourceID
    public var idempotencyKey: String?

    public init(principal: String, requestID: ResourceID, idempotencyKey: String? = nil) {
        self.principal = principal
        self.requestID = requestID
        self.idempotencyKey = idempotencyKey
    }
}
