/// The specification of a TD with every default filled in.
public struct EffectiveSpec: Codable, Hashable, Sendable {
    /// ATTRIBUTES.
    public var attributes: HexValue
    /// XFAM.
    public var xfam: HexValue
    /// MAX_VCPUS.
    public var maxVcpus: Int
    /// NUM_L2_VMS.
    public var numL2Vms: Int
    /// Width of guest physical addresses in bits, 48 or 52.
    public var gpaWidthBits: Int
    /// Levels of the secure EPT, 4 or 5.
    public var eptLevels: Int
    /// Frequency of the guest's TSC in kHz.
    public var tscFrequencyKhz: Int
    /// CONFIG_FLAGS.NO_RBP_MOD: RBP is not used to pass information at VP.ENTER.
    public var noRbpMod: Bool
    /// CONFIG_FLAGS.FLEXIBLE_PENDING_VE: the guest may choose whether pending pages raise #VE.
    public var flexiblePendingVe: Bool
    /// MRCONFIGID; absent when zero.
    public var mrConfigId: Hex384?
    /// MROWNER; absent when zero.
    public var mrOwner: Hex384?
    /// MROWNERCONFIG; absent when zero.
    public var mrOwnerConfig: Hex384?
    /// IA32_ARCH_CAPABILITIES_CONFIG; absent when it was not asked for.
    public var ia32ArchCapabilities: ArchCapabilities?
    /// CPUID values that were asked for; absent when none were.
    public var cpuid: [CPUIDSetting]?
    /// vCPUs that the creation was to make.
    public var vcpuCount: Int
    /// Guest memory that the creation was to add; absent when none.
    public var memory: [MemoryRegionSpec]?
    /// Where the creation was to stop.
    public var buildUntil: BuildStage

    public init(
        attributes: HexValue, xfam: HexValue, maxVcpus: Int, numL2Vms: Int, gpaWidthBits: Int, eptLevels: Int,
        tscFrequencyKhz: Int, noRbpMod: Bool, flexiblePendingVe: Bool, mrConfigId: Hex384? = nil,
        mrOwner: Hex384? = nil, mrOwnerConfig: Hex384? = nil, ia32ArchCapabilities: ArchCapabilities? = nil,
        cpuid: [CPUIDSetting]? = nil, vcpuCount: Int, memory: [MemoryRegionSpec]? = nil, buildUntil: BuildStage
    ) {
        self.attributes = attributes
        self.xfam = xfam
        self.maxVcpus = maxVcpus
        self.numL2Vms = numL2Vms
        self.gpaWidthBits = gpaWidthBits
        self.eptLevels = eptLevels
        self.tscFrequencyKhz = tscFrequencyKhz
        self.noRbpMod = noRbpMod
        self.flexiblePendingVe = flexiblePendingVe
        self.mrConfigId = mrConfigId
        self.mrOwner = mrOwner
        self.mrOwnerConfig = mrOwnerConfig
        self.ia32ArchCapabilities = ia32ArchCapabilities
        self.cpuid = cpuid
        self.vcpuCount = vcpuCount
        self.memory = memory
        self.buildUntil = buildUntil
    }
}

/// A state at which creation may stop.
public struct BuildStage: OpenEnum {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }

    /// After TDH.MNG.CREATE.
    public static let tdrCreated = Self(rawValue: "tdrCreated")
    /// After TDH.MNG.KEY.CONFIG on every package.
    public static let keysConfigured = Self(rawValue: "keysConfigured")
    /// After the last TDH.MNG.ADDCX.
    public static let tdcsAdded = Self(rawValue: "tdcsAdded")
    /// After TDH.MNG.INIT and the vCPUs and the memory asked for.
    public static let initialized = Self(rawValue: "initialized")

    /// After TDH.MR.FINALIZE.
    public static let finalized = Self(rawValue: "finalized")

    public static let known: [Self] = [
        .tdrCreated, .keysConfigured, .tdcsAdded, .initialized, .finalized,
    ]
}
