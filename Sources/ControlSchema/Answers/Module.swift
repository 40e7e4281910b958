/// The TDX module: version, features and limits, read with TDH.SYS.RD.
public struct ModuleInformation: Codable, Hashable, Sendable {
    /// VENDOR_ID; Intel is 0x8086.
    public var vendorId: HexValue
    /// MAJOR_VERSION.
    public var majorVersion: Int
    /// MINOR_VERSION.
    public var minorVersion: Int
    /// UPDATE_VERSION.
    public var updateVersion: Int
    /// INTERNAL_VERSION.
    public var internalVersion: Int?
    /// BUILD_NUM.
    public var buildNumber: Int?
    /// BUILD_DATE as year, month and day, eight digits.
    public var buildDate: String?
    /// TDX_FEATURES0, a bit per feature.
    public var features0: HexValue
    /// Names of the bits set in `features0`.
    public var featureNames: [String]
    /// ATTRIBUTES_FIXED0: bits of a TD's attributes that may be 1.
    public var attributesFixed0: HexValue
    /// ATTRIBUTES_FIXED1: bits of a TD's attributes that must be 1.
    public var attributesFixed1: HexValue
    /// XFAM_FIXED0: bits of XFAM that may be 1.
    public var xfamFixed0: HexValue
    /// XFAM_FIXED1: bits of XFAM that must be 1.
    public var xfamFixed1: HexValue
    /// CONFIG_FLAGS_FIXED0: bits of CONFIG_FLAGS that may be 1.
    public var configFlagsFixed0: HexValue
    /// CONFIG_FLAGS_FIXED1: bits of CONFIG_FLAGS that must be 1.
    public var configFlagsFixed1: HexValue
    /// Pages of 4 KiB in a TDR (TDR_BASE_SIZE).
    public var tdrPages: Int
    /// Pages of 4 KiB in a TDCS without L2 VMs (TDCS_BASE_SIZE).
    public var tdcsPages: Int
    /// Further TDCS pages for each L2 VM (TDCS_SIZE_PER_L2_VM).
    public var tdcsPagesPerL2Vm: Int
    /// Pages of 4 KiB in a TDVPS without L2 VMs, the TDVPR included (TDVPS_BASE_SIZE).
    public var tdvpsPages: Int
    /// Further TDVPS pages for each L2 VM (TDVPS_SIZE_PER_L2_VM).
    public var tdvpsPagesPerL2Vm: Int
    /// MAX_VCPUS_PER_TD, absent on a module without that field.
    public var maxVcpusPerTd: Int?
    /// CPUID leaves a TD may configure, in the module's order.
    public var cpuidConfig: [CPUIDConfig]?

    public init(
        vendorId: HexValue, majorVersion: Int, minorVersion: Int, updateVersion: Int, internalVersion: Int? = nil,
        buildNumber: Int? = nil, buildDate: String? = nil, features0: HexValue, featureNames: [String],
        attributesFixed0: HexValue, attributesFixed1: HexValue, xfamFixed0: HexValue, xfamFixed1: HexValue,
        configFlagsFixed0: HexValue, configFlagsFixed1: HexValue, tdrPages: Int, tdcsPages: Int,
        tdcsPagesPerL2Vm: Int, tdvpsPages: Int, tdvpsPagesPerL2Vm: Int, maxVcpusPerTd: Int? = nil,
        cpuidConfig: [CPUIDConfig]? = nil
    ) {
        self.vendorId = vendorId
        self.majorVersion = majorVersion
        self.minorVersion = minorVersion
        self.updateVersion = updateVersion
        self.internalVersion = internalVersion
        self.buildNumber = buildNumber
        self.buildDate = buildDate
        self.features0 = features0
        self.featureNames = featureNames
        self.attributesFixed0 = attributesFixed0
        self.attributesFixed1 = attributesFixed1
        self.xfamFixed0 = xfamFixed0
        self.xfamFixed1 = xfamFixed1
        self.configFlagsFixed0 = configFlagsFixed0
        self.configFlagsFixed1 = configFlagsFixed1
        self.tdrPages = tdrPages
        self.tdcsPages = tdcsPages
        self.tdcsPagesPerL2Vm = tdcsPagesPerL2Vm
        self.tdvpsPages = tdvpsPages
        self.tdvpsPagesPerL2Vm = tdvpsPagesPerL2Vm
        self.maxVcpusPerTd = maxVcpusPerTd
        self.cpuidConfig = cpuidConfig
    }
}

/// One CPUID leaf and sub-leaf that a TD may configure (CPUID_CONFIG_LEAVES, CPUID_CONFIG_VALUES).
public struct CPUIDConfig: Codable, Hashable, Sendable {
    /// CPUID leaf.
    public var leaf: Hex32
    /// Sub-leaf, absent if the leaf has none.
    public var subleaf: Hex32?
    /// Bits of EAX that may be chosen freely.
    public var eax: Hex32
    /// Bits of EBX that may be chosen freely.
    public var ebx: Hex32
    /// Bits of ECX that may be chosen freely.
    public var ecx: Hex32
    /// Bits of EDX that may be chosen freely.
    public var edx: Hex32

    public init(
        leaf: Hex32, subleaf: Hex32? = nil, eax: Hex32, ebx: Hex32, ecx: Hex32, edx: Hex32
    ) {
        self.leaf = leaf
        self.subleaf = subleaf
        self.eax = eax
        self.ebx = ebx
        self.ecx = ecx
        self.edx = edx
    }
}

/// Packages, logical processors and KeyIDs of the host.
public struct Platform: Codable, Hashable, Sendable {
    /// Processor packages. Keys are configured and caches written back on each.
    public var packageCount: Int
    /// Logical processors.
    public var processorCount: Int
    /// Lowest private KeyID, where the back end can tell.
    public var firstPrivateKeyId: Int?
    /// Highest private KeyID, where the back end can tell.
    public var lastPrivateKeyId: Int?
    /// The module's own private KeyID, where the back end can tell; no TD can have it.
    public var moduleKeyId: Int?

    public init(
        packageCount: Int, processorCount: Int, firstPrivateKeyId: Int? = nil, lastPrivateKeyId: Int? = nil,
        moduleKeyId: Int? = nil
    ) {
        self.packageCount = packageCount
        self.processorCount = processorCount
        self.firstPrivateKeyId = firstPrivateKeyId
        self.lastPrivateKeyId = lastPrivateKeyId
        self.moduleKeyId = moduleKeyId
    }
}

/// Whether one leaf can be called here.
public struct LeafAvailability: Codable, Hashable, Sendable {
    /// Name of the leaf.
    public var leaf: LeafName
    /// Its number, bits 15:0 of RAX.
    public var leafNumber: Int
    /// The function that issues it.
    public var wrapper: String
    /// Highest version this module takes, bits 23:16 of RAX.
    public var maxVersion: Int
    /// Whether it can be called.
    public var available: Bool
    /// Why not, when it cannot.
    public var reason: String?

    public init(
        leaf: LeafName, leafNumber: Int, wrapper: String, maxVersion: Int, available: Bool, reason: String? = nil
    ) {
        self.leaf = leaf
        self.leafNumber = leafNumber
        self.wrapper = wrapper
        self.maxVersion = maxVersion
        self.available = available
        self.reason = reason
    }
}
