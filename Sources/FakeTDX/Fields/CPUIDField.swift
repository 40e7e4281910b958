internal import TDXCalls

/// CPUID_VALUES, whose field codes pack a leaf, a sub-leaf and an element.
enum CPUIDField {
    static let row = FieldMap.td.row(named: "CPUID_VALUES") ?? -1

    private static let classCode: UInt8 = 0x14

    /// A leaf and sub-leaf as a code packs them; the element (0 = EAX and EBX, 1 = ECX and EDX) is apart.
    private struct Code: Hashable {
        var leaf: UInt32
        var subleaf: UInt32

        init(leaf: UInt32, subleaf: UInt32) {
            self.leaf = leaf
            self.subleaf = subleaf
        }

        init(_ code: UInt64) {
            leaf = UInt32(code >> 9 & 0x7f | (code >> 16 & 1) << 31)
            subleaf = code >> 8 & 1 == 1 ? CPUIDConfigEntry.noSubleaf : UInt32(code >> 1 & 0x7f)
        }

        var packed: UInt64 {
            let noSubleaf = subleaf == CPUIDConfigEntry.noSubleaf
            return UInt64(leaf & 0x7f) << 9 | UInt64(leaf >> 31) << 16
                | (noSubleaf ? 1 << 8 | 0x7f << 1 : UInt64(subleaf & 0x7f) << 1)
        }
    }

    /// The element of a place is the field code.
    static func place(of id: FieldID) -> FieldPlace? {
        guard id.classCode == classCode, id.isNonArchitectural, id.fieldCode >> 17 == 0 else { return nil }
        return FieldPlace(row: row, element: Int(id.fieldCode))
    }

    static func firstID(_ platform: FakePlatform) -> UInt64 {
        guard let first = platform.cpuid.first else { return FieldID.none.rawValue }
        return id(Code(leaf: first.leaf, subleaf: first.subleaf).packed)
    }

    /// A walk goes through the configurable leaves in the module's order.
    static func id(after place: FieldPlace, _ platform: FakePlatform) -> UInt64? {
        let code = UInt64(place.element)
        if code & 1 == 0 { return id(code | 1) }
        let this = Code(code)
        guard let index = platform.cpuid.firstIndex(where: { $0.leaf == this.leaf && $0.subleaf == this.subleaf }),
            index + 1 < platform.cpuid.count
        else { return nil }
        let next = platform.cpuid[index + 1]
        return id(Code(leaf: next.leaf, subleaf: next.subleaf).packed)
    }

    /// - Throws: METADATA_FIELD_NOT_READABLE for a leaf the TD has no value of, or that faults in it.
    static func value(at place: FieldPlace, _ fields: TDFields) throws(Refusal) -> UInt64 {
        let code = Code(UInt64(place.element))
        guard let values = values(of: code, fields) else { throw Refusal(.metadataFieldNotReadable) }
        return place.element & 1 == 0
            ? UInt64(values.ebx) << 32 | UInt64(values.eax) : UInt64(values.edx) << 32 | UInt64(values.ecx)
    }

    /// What CPUID answers in the TD; nil for a leaf it has no values of.
    static func values(leaf: UInt32, subleaf: UInt32, _ fields: TDFields) -> CPUIDValues? {
        values(of: Code(leaf: leaf, subleaf: subleaf), fields)
            ?? values(of: Code(leaf: leaf, subleaf: CPUIDConfigEntry.noSubleaf), fields)
    }

    private static func id(_ code: UInt64) -> UInt64 { FieldMap.td.rows[row].firstID | code }

    private static func values(of code: Code, _ fields: TDFields) -> CPUIDValues? {
        if let bit = requiredXFAM[code.leaf], fields.td.configuration.xfam >> bit & 1 == 0 { return nil }
        let platform = fields.module.platform
        if let index = platform.cpuid.firstIndex(where: { $0.leaf == code.leaf && $0.subleaf == code.subleaf }) {
            return fields.td.configuration.cpuid[index]
        }
        return unconfigured[code.leaf]
    }

    /// Leaves that fault in a TD without the extended feature they describe: Intel PT, LBR, AMX.
    private static let requiredXFAM: [UInt32: UInt64] = [0x14: 8, 0x1c: 15, 0x1d: 17, 0x1e: 17]

    /// Leaves that nobody configures and every TD has.
    private static let unconfigured: [UInt32: CPUIDValues] = [
        0: CPUIDValues(eax: 0x23, ebx: 0x756e_6547, ecx: 0x6c65_746e, edx: 0x4965_6e69),
        0xd: CPUIDValues(), 0x14: CPUIDValues(), 0x15: CPUIDValues(), 0x1d: CPUIDValues(), 0x1e: CPUIDValues(),
        0x21: CPUIDValues(ebx: 0x6c65_746e, ecx: 0x2020_2020, edx: 0x5844_5449),
        0x8000_0000: CPUIDValues(eax: 0x8000_0008), 0x8000_0001: CPUIDValues(),
    ]
}
