public import TDXCalls

/// In what a trace's platform differs from the one the recordings at hand were made on.
public struct TracePlatform: Hashable, Sendable, Codable {
    /// Number of processors. Unless ``lpToPackage`` says otherwise they are numbered from 0 and spread evenly.
    public var lps: Int?
    public var packages: Int?
    /// Package of each processor, by the processor's number in decimal.
    public var lpToPackage: [String: Int]?
    /// Top bits of a physical address that hold a KeyID.
    public var keyIDBits: Int?
    /// Private KeyIDs, the module's own among them, as `32..63`.
    public var privateKeyIDs: String?
    /// The module's own KeyID.
    public var globalKeyID: Int?
    public var tdmrs: [MemoryRegion]?
    /// Convertible memory.
    public var cmrs: [MemoryRange]?
    /// Parts in which a package's cache is written back; an interrupt is looked for between two.
    public var cacheSubBlocks: Int?
    /// Seed of the module's random draws, where they have one.
    public var randomSeed: Hex?
    /// Which release of the module a model follows.
    public var profile: String?
    /// Members that the back end could not tell: what stands for them in a replay is assumed.
    public var notTold: [String]?
    /// ``namedOutputs`` where a call's registers came back only as far as the back end, or the kernel's wrapper, has a name
    /// for them; the others are recorded as 0.
    public var outputs: String?

    public static let namedOutputs = "named"
    public static let memoryMembers = ["tdmrs", "cmrs"]

    /// A range of physical addresses, in bytes.
    public struct MemoryRange: Hashable, Sendable, Codable {
        public var base: Hex
        public var size: Hex

        public init(base: UInt64, size: UInt64) {
            self.base = Hex(rawValue: base)
            self.size = Hex(rawValue: size)
        }
    }

    /// A TDMR.
    public struct MemoryRegion: Hashable, Sendable, Codable {
        public var base: Hex
        public var size: Hex
        /// Offset from the base and size of each area that the module must not use, in bytes.
        public var reserved: [[Hex]]
        public var isInitialized: Bool
        /// Where the metadata tables begin.
        public var pamt4K: Hex
        public var pamt2M: Hex
        public var pamt1G: Hex

        public init(
            base: UInt64, size: UInt64, reserved: [[UInt64]], isInitialized: Bool, pamt4K: UInt64, pamt2M: UInt64,
            pamt1G: UInt64
        ) {
            self.base = Hex(rawValue: base)
            self.size = Hex(rawValue: size)
            self.reserved = reserved.map { $0.map(Hex.init(rawValue:)) }
            self.isInitialized = isInitialized
            self.pamt4K = Hex(rawValue: pamt4K)
            self.pamt2M = Hex(rawValue: pamt2M)
            self.pamt1G = Hex(rawValue: pamt1G)
        }

        private enum CodingKeys: String, CodingKey {
            case base, size, reserved
            case isInitialized = "pamt_initialised"
            case pamt4K = "pamt_4k"
            case pamt2M = "pamt_2m"
            case pamt1G = "pamt_1g"
        }
    }

    public init(lps: Int? = nil, packages: Int? = nil) {
        self.lps = lps
        self.packages = packages
    }

    private enum CodingKeys: String, CodingKey {
        case lps, packages, tdmrs, cmrs, profile, outputs
        case notTold = "not_told"
        case lpToPackage = "lp_to_package"
        case keyIDBits = "keyid_bits"
        case privateKeyIDs = "private_hkids"
        case globalKeyID = "global_private_hkid"
        case cacheSubBlocks = "cache_sub_blocks_per_package"
        case randomSeed = "random_seed"
    }
}

extension TracePlatform {
    /// What a host port tells of the machine: processors and KeyIDs, not where its memory is.
    public init(_ host: any HostPort) {
        self.init(host.processors)
        let module = host.module
        keyIDBits = Self.addressBits - Int(module.keyIDShift)
        setPrivateKeyIDs(module.privateKeyIDs, global: module.globalKeyID)
        // Nobody can say how often a write-back will be interrupted: often enough for minutes of it.
        cacheSubBlocks = Self.cacheSubBlocksUnknown
        notTold = Self.memoryMembers
    }

    /// Whether the back end could not say where the machine's memory is.
    public var lacksMemory: Bool { tdmrs == nil && (notTold ?? []).contains("tdmrs") }

    public init(_ processors: [ProcessorInfo]) {
        self.init(lps: processors.count, packages: Set(processors.map(\.package)).count)
        let perPackage = max(1, processors.count / max(1, packages ?? 1))
        let isRegular = processors.enumerated().allSatisfy { index, info in
            Int(info.processor.rawValue) == index && Int(info.package.rawValue) == index / perPackage
        }
        guard !isRegular else { return }
        lpToPackage = Dictionary(
            uniqueKeysWithValues: processors.map { (String($0.processor.rawValue), Int($0.package.rawValue)) })
    }

    public mutating func setPrivateKeyIDs(_ all: ClosedRange<KeyID>, global: KeyID) {
        privateKeyIDs = "\(all.lowerBound.rawValue)..\(all.upperBound.rawValue)"
        globalKeyID = Int(global.rawValue)
    }

    /// The module counts this many bits of a physical address, whatever CPUID says.
    private static let addressBits = 52
    private static let cacheSubBlocksUnknown = 4096
}
