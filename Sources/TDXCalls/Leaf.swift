/// What RAX says on the way in: which leaf, in which version.
///
/// A struct and not an enum, so that a leaf nobody has heard of can be issued and its refusal seen.
public struct Leaf: RawRepresentable, Hashable, Sendable {
    /// RAX: leaf number in bits 15:0, version in bits 23:16, the rest reserved and zero.
    public let rawValue: UInt64

    public init(rawValue: UInt64) { self.rawValue = rawValue }

    public init(_ number: UInt16, version: UInt8 = 0) {
        rawValue = UInt64(number) | UInt64(version) << 16
    }

    public var number: UInt16 { UInt16(truncatingIfNeeded: rawValue) }
    public var version: UInt8 { UInt8(truncatingIfNeeded: rawValue >> 16) }

    /// Bits 63:24, which the module wants zero.
    public var reserved: UInt64 { rawValue >> 24 }

    public func version(_ version: UInt8) -> Leaf { Leaf(number, version: version) }

    /// What the table knows of this leaf number; nil for a number module 1.5.01 has no name for.
    public var info: LeafInfo? { LeafInfo.byNumber[number] }

    /// The name in the specification, or `leaf 0x2a` where there is none.
    public var name: String { info?.name ?? "leaf 0x" + String(number, radix: 16) }
}

extension Leaf {
    public static let vpEnter = Leaf(0)
    public static let mngAddCX = Leaf(1)
    public static let memPageAdd = Leaf(2)
    public static let memSEPTAdd = Leaf(3)
    public static let vpAddCX = Leaf(4)
    public static let memPageRelocate = Leaf(5)
    public static let memPageAug = Leaf(6)
    public static let memRangeBlock = Leaf(7)
    public static let mngKeyConfig = Leaf(8)
    public static let mngCreate = Leaf(9)
    public static let vpCreate = Leaf(10)
    public static let mngRD = Leaf(11)
    public static let memRD = Leaf(12)
    public static let mngWR = Leaf(13)
    public static let memWR = Leaf(14)
    public static let memPageDemote = Leaf(15)
    public static let mrExtend = Leaf(16)
    public static let mrFinalize = Leaf(17)
    public static let vpFlush = Leaf(18)
    public static let mngVPFlushDone = Leaf(19)
    public static let mngKeyFreeID = Leaf(20)
    public static let mngInit = Leaf(21)
    public static let vpInit = Leaf(22)
    public static let memPagePromote = Leaf(23)
    public static let phymemPageRDMD = Leaf(24)
    public static let memSEPTRD = Leaf(25)
    public static let vpRD = Leaf(26)
    public static let mngKeyReclaimID = Leaf(27)
    public static let phymemPageReclaim = Leaf(28)
    public static let memPageRemove = Leaf(29)
    public static let memSEPTRemove = Leaf(30)
    public static let sysKeyConfig = Leaf(31)
    public static let sysInfo = Leaf(32)
    public static let sysInit = Leaf(33)
    public static let sysRD = Leaf(34)
    public static let sysLPInit = Leaf(35)
    public static let sysTDMRInit = Leaf(36)
    public static let sysRDAll = Leaf(37)
    public static let memTrack = Leaf(38)
    public static let memRangeUnblock = Leaf(39)
    public static let phymemCacheWB = Leaf(40)
    public static let phymemPageWBINVD = Leaf(41)
    public static let vpWR = Leaf(43)
    public static let sysLPShutdown = Leaf(44)
    public static let sysConfig = Leaf(45)
    public static let sysShutdown = Leaf(52)
    public static let sysUpdate = Leaf(53)
}

/// One row of the leaf table: what a specification page says in a glance.
public struct LeafInfo: Sendable {
    public struct Operand: Hashable, Sendable {
        /// Upper-case register name as in the specification; XMM occurs for TDH.VP.ENTER.
        public let register: String
        public let name: String
        public let meaning: String
    }

    public let number: UInt16
    public let name: String
    public let versions: ClosedRange<UInt8>
    public let group: String
    /// The Linux wrapper's name, which ours keeps; nil where Linux has none.
    public let wrapper: String?
    /// Whether module 1.5.01 dispatches it.
    public let isImplemented: Bool
    public let inputs: [Operand]
    public let outputs: [Operand]
    /// Lifecycle states the leaf demands; nil where it looks at none.
    public let lifecycleStates: [String]?
    /// Operation states the leaf demands; nil where it looks at none.
    public let opStates: [UInt8]?
    public let locks: String?
    public let note: String?

    static func row(
        _ number: UInt16, _ name: String, _ versions: ClosedRange<UInt8>, _ group: String, _ wrapper: String?,
        _ isImplemented: Bool, in inputs: [(String, String, String)], out outputs: [(String, String, String)],
        lifecycle: [String]?, opStates: [UInt8]?, locks: String?, note: String?
    ) -> LeafInfo {
        LeafInfo(
            number: number, name: name, versions: versions, group: group, wrapper: wrapper,
            isImplemented: isImplemented,
            inputs: inputs.map { Operand(register: $0.0, name: $0.1, meaning: $0.2) },
            outputs: outputs.map { Operand(register: $0.0, name: $0.1, meaning: $0.2) },
            lifecycleStates: lifecycle, opStates: opStates, locks: locks, note: note)
    }

    static let byNumber = Dictionary(uniqueKeysWithValues: all.map { ($0.number, $0) })
    static let byName = Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0) })

    public static func named(_ name: String) -> LeafInfo? { byName[name] }

    /// The registers the leaf defines as outputs, RAX and XMM apart, in the table's order.
    public var outputRegisters: [Register] {
        outputs.compactMap { Register(rawValue: $0.register.lowercased()) }
    }

    /// The registers the leaf reads, RAX and XMM apart, in the table's order.
    public var inputRegisters: [Register] {
        inputs.compactMap { Register(rawValue: $0.register.lowercased()) }
    }
}
