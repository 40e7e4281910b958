/// What TD_PARAMS holds: what TDH.MNG.INIT is told of a TD. Absent members take the defaults of the contract.
///
/// Only what cannot be written into TD_PARAMS is refused here; what the module permits is the module's to say.
public struct TDParameters: RequestBody {
    public static let vcpuRange = 1...65_535
    public static let l2VmRange = 0...255
    public static let tscRangeKhz = 100_000...10_000_000
    /// TD_PARAMS counts the TSC's frequency in units of 25 MHz.
    public static let tscUnitKhz = 25_000

    /// ATTRIBUTES.
    public var attributes: HexValue?
    /// XFAM.
    public var xfam: HexValue?
    /// MAX_VCPUS, 1 to 65,535.
    public var maxVcpus: Int
    /// NUM_L2_VMS, 0 to 255.
    public var numL2Vms: Int?
    /// Width of guest physical addresses in bits, 48 or 52 (CONFIG_FLAGS.GPAW). 52 needs five levels.
    public var gpaWidthBits: Int?
    /// Levels of the secure EPT, 4 or 5 (EPTP_CONTROLS).
    public var eptLevels: Int?
    /// TSC_FREQUENCY in kHz: a multiple of 25,000 from 100,000 to 10,000,000.
    public var tscFrequencyKhz: Int?
    /// CONFIG_FLAGS.NO_RBP_MOD.
    public var noRbpMod: Bool?
    /// CONFIG_FLAGS.FLEXIBLE_PENDING_VE.
    public var flexiblePendingVe: Bool?
    /// MRCONFIGID.
    public var mrConfigId: Hex384?
    /// MROWNER.
    public var mrOwner: Hex384?
    /// MROWNERCONFIG.
    public var mrOwnerConfig: Hex384?
    /// IA32_ARCH_CAPABILITIES_CONFIG.
    public var ia32ArchCapabilities: ArchCapabilities?
    /// CPUID_VALUES, at most `RequestLimits.maximumCPUIDSettings`. A configurable leaf that is not named gets zeros, so
    /// that the same request makes the same TD on every processor; in leaf 1 the module takes 0 for the native signature.
    public var cpuid: [CPUIDSetting]?

    public init(maxVcpus: Int) { self.maxVcpus = maxVcpus }

    public init(from decoder: any Decoder) throws {
        var object = try RequestObject(decoder)
        self = try TDParameters(&object)
        try object.finish()
    }

    /// Reads the members of `object` and leaves it to the caller to finish it.
    init(_ object: inout RequestObject) throws {
        object.require("maxVcpus")
        let maxVcpus = object.integer("maxVcpus", in: Self.vcpuRange)
        attributes = object.hex("attributes")
        xfam = object.hex("xfam")
        numL2Vms = object.integer("numL2Vms", in: Self.l2VmRange)
        gpaWidthBits = object.integer("gpaWidthBits", oneOf: [48, 52])
        eptLevels = object.integer("eptLevels", oneOf: [4, 5])
        if gpaWidthBits == 52, eptLevels != 5 { object.refuseConflict("gpaWidthBits", "52 needs eptLevels 5") }
        tscFrequencyKhz = object.integer("tscFrequencyKhz", in: Self.tscRangeKhz)
        if let frequency = tscFrequencyKhz, !frequency.isMultiple(of: Self.tscUnitKhz) {
            object.refuse("tscFrequencyKhz", "must be a multiple of \(Self.tscUnitKhz)")
        }
        noRbpMod = object.bool("noRbpMod")
        flexiblePendingVe = object.bool("flexiblePendingVe")
        mrConfigId = object.hex384("mrConfigId")
        mrOwner = object.hex384("mrOwner")
        mrOwnerConfig = object.hex384("mrOwnerConfig")
        ia32ArchCapabilities = object.object("ia32ArchCapabilities", ArchCapabilities.self)
        cpuid = object.objects("cpuid", CPUIDSetting.self, atMost: RequestLimits.maximumCPUIDSettings)
        // When it is missing or wrong, the caller's `finish` throws: the number is never used.
        self.maxVcpus = maxVcpus ?? Self.vcpuRange.lowerBound
    }
}

/// IA32_ARCH_CAPABILITIES_CONFIG of TD_PARAMS.
public struct ArchCapabilities: RequestBody {
    /// Whether the guest sees the configured value (CONFIG_FLAGS).
    public var enabled: Bool
    /// The value; the module permits some bits only.
    public var value: HexValue

    public init(enabled: Bool, value: HexValue) {
        self.enabled = enabled
        self.value = value
    }

    public init(from decoder: any Decoder) throws {
        var object = try RequestObject(decoder)
        object.require("enabled")
        object.require("value")
        let (enabled, value) = (object.bool("enabled"), object.hex("value"))
        try object.finish()
        guard let enabled, let value else { throw object.failure }
        self.init(enabled: enabled, value: value)
    }
}

/// What a TD sees in one CPUID leaf and sub-leaf.
public struct CPUIDSetting: RequestBody {
    /// CPUID leaf.
    public var leaf: Hex32
    /// Sub-leaf; absent if the leaf has none.
    public var subleaf: Hex32?
    public var eax: Hex32
    public var ebx: Hex32
    public var ecx: Hex32
    public var edx: Hex32

    public init(leaf: Hex32, subleaf: Hex32? = nil, eax: Hex32, ebx: Hex32, ecx: Hex32, edx: Hex32) {
        self.leaf = leaf
        self.subleaf = subleaf
        self.eax = eax
        self.ebx = ebx
        self.ecx = ecx
        self.edx = edx
    }

    public init(from decoder: any Decoder) throws {
        var object = try RequestObject(decoder)
        for name in ["leaf", "eax", "ebx", "ecx", "edx"] { object.require(name) }
        let (leaf, subleaf) = (object.hex32("leaf"), object.hex32("subleaf"))
        let (eax, ebx) = (object.hex32("eax"), object.hex32("ebx"))
        let (ecx, edx) = (object.hex32("ecx"), object.hex32("edx"))
        try object.finish()
        guard let leaf, let eax, let ebx, let ecx, let edx else { throw object.failure }
        self.init(leaf: leaf, subleaf: subleaf, eax: eax, ebx: ebx, ecx: ecx, edx: edx)
    }
}
