public import TDXCalls

/// The machine a fake module runs on: what firmware and the processor would tell it.
public struct FakePlatform: Hashable, Sendable {
    /// Logical processors, ascending by number, with the package of each.
    public var processors: [ProcessorInfo]
    /// Top physical-address bits that hold a KeyID; the module counts 52 address bits always.
    public var keyIDBits: UInt8
    /// Private KeyIDs; those below the lowest are shared ones.
    public var privateKeyIDs: ClosedRange<KeyID>
    /// The KeyID the module itself uses, when it is started READY; otherwise SYS.CONFIG names one.
    public var globalKeyID: KeyID
    /// What SYS.CONFIG is told, when the module is started READY.
    public var tdmrs: [TDMRLayout]
    /// Convertible memory, as SEAMLDR would list it.
    public var convertibleMemory: [MemoryRange]
    /// Where ``FakeTDX`` hands out host memory: parameter blocks and source pages.
    public var hostMemory: MemoryRange
    /// Parts a package's cache is written back in; an interrupt is looked for between two.
    public var cacheSubBlocks: Int
    /// 1 = the bit may be set, and 1 = the bit must be set, in a TD's ATTRIBUTES.
    public var attributesFixed0: UInt64
    public var attributesFixed1: UInt64
    /// The same for XFAM, before what the processor supports is taken into account.
    public var xfamFixed0: UInt64
    public var xfamFixed1: UInt64
    /// Extended features of the processor.
    public var xcr0Supported: UInt64
    public var xssSupported: UInt64
    /// The same for CONFIG_FLAGS.
    public var configFlagsFixed0: UInt64
    public var configFlagsFixed1: UInt64
    /// CPUID leaves a TD may be configured with, in the module's order.
    public var cpuid: [CPUIDConfiguration]
    /// CPUID(1).EAX.
    public var nativeFMS: UInt32
    /// Frequency of the time-stamp counter in Hz.
    public var nativeTSCFrequencyHz: UInt64
    /// Whether the processor has five-level EPT.
    public var hasFiveLevelEPT: Bool
    /// Whether it has TPAUSE, UMONITOR and UMWAIT.
    public var hasWAITPKG: Bool
    /// Whether it has TSX, with the control to turn it off.
    public var hasTSX: Bool
    /// Seed of the module's random draws (TD_UUID, migration keys): the same seed gives the same values.
    public var randomSeed: UInt64

    public init(
        processors: [ProcessorInfo], keyIDBits: UInt8, privateKeyIDs: ClosedRange<KeyID>, globalKeyID: KeyID,
        tdmrs: [TDMRLayout], convertibleMemory: [MemoryRange], hostMemory: MemoryRange, cacheSubBlocks: Int = 8,
        attributesFixed0: UInt64, attributesFixed1: UInt64, xfamFixed0: UInt64, xfamFixed1: UInt64,
        xcr0Supported: UInt64, xssSupported: UInt64, configFlagsFixed0: UInt64, configFlagsFixed1: UInt64,
        cpuid: [CPUIDConfiguration], nativeFMS: UInt32, nativeTSCFrequencyHz: UInt64, hasFiveLevelEPT: Bool,
        hasWAITPKG: Bool, hasTSX: Bool, randomSeed: UInt64 = 1
    ) {
        self.processors = processors
        self.keyIDBits = keyIDBits
        self.privateKeyIDs = privateKeyIDs
        self.globalKeyID = globalKeyID
        self.tdmrs = tdmrs
        self.convertibleMemory = convertibleMemory
        self.hostMemory = hostMemory
        self.cacheSubBlocks = cacheSubBlocks
        self.attributesFixed0 = attributesFixed0
        self.attributesFixed1 = attributesFixed1
        self.xfamFixed0 = xfamFixed0
        self.xfamFixed1 = xfamFixed1
        self.xcr0Supported = xcr0Supported
        self.xssSupported = xssSupported
        self.configFlagsFixed0 = configFlagsFixed0
        self.configFlagsFixed1 = configFlagsFixed1
        self.cpuid = cpuid
        self.nativeFMS = nativeFMS
        self.nativeTSCFrequencyHz = nativeTSCFrequencyHz
        self.hasFiveLevelEPT = hasFiveLevelEPT
        self.hasWAITPKG = hasWAITPKG
        self.hasTSX = hasTSX
        self.randomSeed = randomSeed
    }

    /// Physical address bits of a TDX machine; the module counts 52 whatever CPUID says.
    static let physicalAddressBits: UInt8 = 52
    /// The bit at which a KeyID starts in a physical address.
    public var keyIDShift: UInt8 { Self.physicalAddressBits - keyIDBits }
    /// Number of packages.
    public var packageCount: Int { Set(processors.map(\.package)).count }
    /// XFAM bits a TD may have: what the module allows and the processor has.
    var xfamAllowed: UInt64 { xfamFixed0 & (xcr0Supported | xssSupported) }
}

/// A range of physical addresses, in bytes.
public struct MemoryRange: Hashable, Sendable {
    public var base: UInt64
    public var size: UInt64

    public init(base: UInt64, size: UInt64) {
        self.base = base
        self.size = size
    }

    /// First address beyond; the range does not wrap once validated.
    var end: UInt64 { base &+ size }

    func contains(_ other: MemoryRange) -> Bool { other.base >= base && other.end <= end }
    func contains(_ address: UInt64) -> Bool { address >= base && address < end }
    func overlaps(_ other: MemoryRange) -> Bool { base < other.end && other.base < end }
}

/// One TDMR as SYS.CONFIG is told of it.
public struct TDMRLayout: Hashable, Sendable {
    /// Multiples of 1 GiB.
    public var range: MemoryRange
    /// Areas the module must not use: offset from the base and size, in bytes, ascending.
    public var reserved: [MemoryRange]
    /// Whether SYS.TDMR.INIT has run to its end when the module is started READY.
    public var isInitialized: Bool
    /// Where the host puts the metadata tables.
    public var pamt4K: MemoryRange
    public var pamt2M: MemoryRange
    public var pamt1G: MemoryRange

    public init(
        range: MemoryRange, reserved: [MemoryRange] = [], isInitialized: Bool = true, pamt4K: MemoryRange,
        pamt2M: MemoryRange, pamt1G: MemoryRange
    ) {
        self.range = range
        self.reserved = reserved
        self.isInitialized = isInitialized
        self.pamt4K = pamt4K
        self.pamt2M = pamt2M
        self.pamt1G = pamt1G
    }
}

/// A CPUID leaf a TD may be configured with, and how.
public struct CPUIDConfiguration: Hashable, Sendable {
    public var leaf: UInt32
    /// 0xffffffff where the leaf has none.
    public var subleaf: UInt32
    /// Bits the TD gets as configured.
    public var direct: CPUIDValues
    /// Bits that may be configured, of which the TD gets those the processor has.
    public var allowed: CPUIDValues
    /// What the processor answers.
    public var native: CPUIDValues

    public init(
        leaf: UInt32, subleaf: UInt32 = CPUIDConfigEntry.noSubleaf, direct: CPUIDValues = CPUIDValues(),
        allowed: CPUIDValues = CPUIDValues(), native: CPUIDValues = CPUIDValues()
    ) {
        self.leaf = leaf
        self.subleaf = subleaf
        self.direct = direct
        self.allowed = allowed
        self.native = native
    }

    /// What SYS.INFO reports: the direct bits, and of the allowed ones those the processor has.
    var reported: CPUIDValues {
        CPUIDValues(
            eax: direct.eax | allowed.eax & native.eax, ebx: direct.ebx | allowed.ebx & native.ebx,
            ecx: direct.ecx | allowed.ecx & native.ecx, edx: direct.edx | allowed.edx & native.edx)
    }

    /// Bits that may be set in TD_PARAMS.
    var settable: CPUIDValues {
        CPUIDValues(
            eax: direct.eax | allowed.eax, ebx: direct.ebx | allowed.ebx, ecx: direct.ecx | allowed.ecx,
            edx: direct.edx | allowed.edx)
    }
}
