/// A metadata field identifier, as TDH.MNG.RD, TDH.VP.RD and their kin take it in RDX.
///
/// - Source: TDX Module 1.5 ABI, "metadata field identifier".
public struct FieldID: RawRepresentable, Hashable, Sendable {
    public let rawValue: UInt64

    public init(rawValue: UInt64) { self.rawValue = rawValue }

    public enum Context: UInt8, Sendable {
        case sys = 0, td = 1, vp = 2
    }

    /// Bits 23:0: the field within its class.
    public var fieldCode: UInt32 { UInt32(rawValue & 0xff_ffff) }
    /// Bits 33:32, as bytes: 1, 2, 4 or 8.
    public var elementSizeBytes: Int { 1 << Int(rawValue >> 32 & 3) }
    /// Bits 37:34; lists only.
    public var lastElementInField: UInt8 { UInt8(rawValue >> 34 & 0xf) }
    /// Bits 46:38; lists only.
    public var lastFieldInSequence: UInt16 { UInt16(rawValue >> 38 & 0x1ff) }
    /// Bits 54:52; the single-field leaves overwrite it with their own.
    public var contextCode: UInt8 { UInt8(rawValue >> 52 & 7) }
    /// Bits 61:56.
    public var classCode: UInt8 { UInt8(rawValue >> 56 & 0x3f) }
    /// Bit 63.
    public var isNonArchitectural: Bool { rawValue >> 63 == 1 }
    /// Bits 31:24, 49:47, 55 and 62, which must be zero.
    public var reservedBits: UInt64 { rawValue & 0x4083_8000_ff00_0000 }

    /// What the single-field leaves look a field up by: class, field code and bit 63. They overwrite the
    /// context and ignore element size, step and mask bits.
    public var lookupKey: UInt64 { rawValue & 0xbf00_0000_00ff_ffff }

    /// The TD's virtual CPUID answers, whose field code packs the leaf and the sub-leaf.
    ///
    /// - Parameters:
    ///   - leaf: up to 0x7f, or from 0x8000_0000 to 0x8000_007f.
    ///   - subleaf: at most 127; nil for a leaf that has none.
    ///   - element: 0 for EAX (low half) and EBX, 1 for ECX and EDX.
    /// - Returns: nil for what does not fit the code.
    public static func cpuidValues(leaf: UInt32, subleaf: UInt32?, element: Int) -> FieldID? {
        guard leaf & 0x7fff_ff80 == 0, element == 0 || element == 1 else { return nil }
        if let subleaf, subleaf > 0x7f { return nil }
        let subleafBits: UInt64 = subleaf.map { UInt64($0) << 1 } ?? 0x1fe
        let leafBits = UInt64(leaf & 0x7f) << 9 | UInt64(leaf >> 31) << 16
        return FieldID(rawValue: cpuidValuesBase | leafBits | subleafBits | UInt64(element))
    }

    static let cpuidValuesBase: UInt64 = 0x9410_0003_0000_0000
    /// The bits of a CPUID_VALUES field code.
    static let cpuidValuesCodeMask: UInt64 = 0x1_ffff

    /// The walk's start and end: all ones.
    public static let none = FieldID(rawValue: .max)
}

/// One row of the field table.
public struct FieldInfo: Sendable {
    /// One word, upper case; VMCS fields carry the prefix `VMCS_`, those of L2 VMs `L2_VMCS_`.
    public let name: String
    /// The first element of the first field; for `L2_VMCS_` fields with class 0 (36, 44 and 52 are L2 VM 1, 2, 3).
    public let id: FieldID
    public let context: FieldID.Context
    /// Where it lives: SYS, TDR, TDCS, TDVPS, TDVPS.VMCS, TDVPS.L2_VMCS.
    public let table: String
    public let elementSizeBytes: Int
    public let fieldCount: Int
    public let elementsPerField: Int
    /// From one field of an array to the next, in field codes.
    public let fieldStep: Int
    /// Which bits the host may read and write, by the TD's DEBUG attribute.
    public let production: Access
    public let debug: Access
    /// The module does more than mask: it checks, converts or computes.
    public let readsSpecially: Bool
    public let writesSpecially: Bool
    public let since: String
    public let note: String?

    public struct Access: Hashable, Sendable {
        public let readMask: UInt64
        public let writeMask: UInt64
    }

    static func row(
        _ name: String, _ id: UInt64, _ context: FieldID.Context, _ table: String, _ elementSizeBytes: Int,
        _ fieldCount: Int, _ elementsPerField: Int, _ fieldStep: Int, _ readMask: UInt64, _ writeMask: UInt64,
        _ debugReadMask: UInt64, _ debugWriteMask: UInt64, _ readsSpecially: Bool, _ writesSpecially: Bool,
        _ since: String, _ note: String?
    ) -> FieldInfo {
        FieldInfo(
            name: name, id: FieldID(rawValue: id), context: context, table: table, elementSizeBytes: elementSizeBytes,
            fieldCount: fieldCount, elementsPerField: elementsPerField, fieldStep: fieldStep,
            production: Access(readMask: readMask, writeMask: writeMask),
            debug: Access(readMask: debugReadMask, writeMask: debugWriteMask),
            readsSpecially: readsSpecially, writesSpecially: writesSpecially, since: since, note: note)
    }

    public var isL2VMCS: Bool { table == "TDVPS.L2_VMCS" }
    public var elementCount: Int { fieldCount * elementsPerField }

    /// Whether field codes pack what is asked for instead of counting: CPUID_VALUES. Only the elements of its
    /// first field have an index; ``FieldID/cpuidValues(leaf:subleaf:element:)`` makes the other ids.
    public var isPacked: Bool { id.rawValue == FieldID.cpuidValuesBase }

    /// The id of element `index`, counted over all fields of an array; nil beyond the last.
    public func id(element index: Int) -> FieldID? {
        guard index >= 0, index < (isPacked ? elementsPerField : elementCount) else { return nil }
        let offset = index / elementsPerField * fieldStep + index % elementsPerField
        return FieldID(rawValue: id.rawValue + UInt64(offset))
    }

    public static func named(_ name: String, in context: FieldID.Context) -> FieldInfo? {
        byName[context]?[name]
    }

    /// The row and the element an id names in a context, as the single-field leaves would find it. The element
    /// of a packed field is its place within the field.
    public static func find(_ id: FieldID, in context: FieldID.Context) -> (info: FieldInfo, element: Int)? {
        guard let table = byKey[context] else { return nil }
        if let found = table[id.lookupKey] { return (all[found.row], found.element) }
        let code = id.lookupKey & FieldID.cpuidValuesCodeMask
        guard let found = table[id.lookupKey ^ code], all[found.row].isPacked else { return nil }
        return (all[found.row], Int(code & 1))
    }

    private static let byName: [FieldID.Context: [String: FieldInfo]] = Dictionary(grouping: all, by: \.context)
        .mapValues { rows in Dictionary(rows.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first }) }

    private static let byKey: [FieldID.Context: [UInt64: (row: Int, element: Int)]] = {
        var tables: [FieldID.Context: [UInt64: (row: Int, element: Int)]] = [:]
        for (row, info) in all.enumerated() {
            let classes: [UInt64] = info.isL2VMCS ? [36, 44, 52] : [0]
            for element in 0..<info.elementCount {
                guard let id = info.id(element: element) else { continue }
                for added in classes {
                    tables[info.context, default: [:]][id.lookupKey | added << 56] = (row, element)
                }
            }
        }
        return tables
    }()
}
