import TDXCalls
import Testing

private struct Fields: Decodable {
    struct Row: Decodable {
        let name: String
        let id: Hexadecimal
        let table: String
        let context: String
        let classCode: UInt8
        let nonArchitectural: Bool
        let fieldCode: Hexadecimal
        let elementSizeBytes: Int
        let numFields: Int
        let elementsPerField: Int
        let idStep: Int?
        let hostRead: Bool
        let hostWrite: Bool
        let readMask: Hexadecimal?
        let writeMask: Hexadecimal?
        let debugReadMask: Hexadecimal?
        let debugWriteMask: Hexadecimal?
        let specialHandling: [String]?
        let since: String
        let note: String?
    }

    let fields: [Row]
}

@Suite("The field table")
struct FieldTableTests {
    private let reference: [Fields.Row]

    init() throws { reference = try Reference.load("tdx-fields.json", as: Fields.self).fields }

    @Test("It has every row of the reference, column by column, in the same order")
    func wholeTable() {
        #expect(reference.count == 557)
        #expect(FieldInfo.all.count == reference.count)
        for (row, info) in zip(reference, FieldInfo.all) {
            #expect(info.id.rawValue == row.id.value, "\(row.name)")
            #expect(info.table == row.table, "\(row.name)")
            #expect(info.context == context(row), "\(row.name)")
            #expect(info.elementSizeBytes == row.elementSizeBytes, "\(row.name)")
            #expect(info.fieldCount == row.numFields, "\(row.name)")
            #expect(info.elementsPerField == row.elementsPerField, "\(row.name)")
            #expect(info.fieldStep == row.idStep ?? 1, "\(row.name)")
            #expect(info.readsSpecially == (row.specialHandling ?? []).contains("read"), "\(row.name)")
            #expect(info.writesSpecially == (row.specialHandling ?? []).contains("write"), "\(row.name)")
            #expect(info.since == row.since, "\(row.name)")
            #expect(info.note == row.note, "\(row.name)")
            let open: (Bool) -> UInt64 = { $0 ? .max : 0 }
            #expect(info.production.readMask == row.readMask?.value ?? open(row.hostRead), "\(row.name)")
            #expect(info.production.writeMask == row.writeMask?.value ?? open(row.hostWrite), "\(row.name)")
            #expect(info.debug.readMask == row.debugReadMask?.value ?? open(row.hostRead), "\(row.name)")
            #expect(info.debug.writeMask == row.debugWriteMask?.value ?? open(row.hostWrite), "\(row.name)")
        }
    }

    @Test("Names are the reference's; those of VMCS fields are one upper-case word with a prefix")
    func names() {
        for (row, info) in zip(reference, FieldInfo.all) {
            switch row.table {
            case "TDVPS.VMCS", "TDVPS.L2_VMCS":
                let prefix = row.table == "TDVPS.VMCS" ? "VMCS_" : "L2_VMCS_"
                let words = row.name.uppercased().split { !$0.isASCII || !($0.isLetter || $0.isNumber) }
                #expect(info.name == prefix + words.joined(separator: "_"))
            default:
                #expect(info.name == row.name)
            }
            #expect(FieldInfo.named(info.name, in: info.context)?.id == info.id, "a name is unique in its context")
        }
    }

    @Test("The parts of each id are those the reference lists beside it")
    func idParts() {
        for row in reference {
            let id = FieldID(rawValue: row.id.value)
            #expect(UInt64(id.fieldCode) == row.fieldCode.value, "\(row.name)")
            #expect(id.classCode == row.classCode, "\(row.name)")
            #expect(id.isNonArchitectural == row.nonArchitectural, "\(row.name)")
            #expect(id.elementSizeBytes == row.elementSizeBytes, "\(row.name)")
            #expect(id.reservedBits == 0, "\(row.name)")
            #expect(id.lastElementInField == 0 && id.lastFieldInSequence == 0, "\(row.name)")
        }
    }

    @Test("Every element of every field is found again in its context, by the id it was given")
    func findsEveryElement() {
        var elements = 0
        for info in FieldInfo.all where !info.isPacked && !info.isL2VMCS {
            for element in 0..<info.elementCount {
                guard let id = info.id(element: element), let found = FieldInfo.find(id, in: info.context) else {
                    Issue.record("\(info.name)[\(element)] is not found")
                    continue
                }
                // A view of single bytes lies under the fields of the L2 VMCS of the same class; those win.
                guard !info.name.hasPrefix("L2_VMCS_") || !found.info.isL2VMCS else { continue }
                if found.info.id != info.id || found.element != element {
                    Issue.record("\(info.name)[\(element)] is found as \(found.info.name)[\(found.element)]")
                }
                elements += 1
            }
            #expect(info.id(element: info.elementCount) == nil)
            #expect(info.id(element: -1) == nil)
        }
        #expect(elements > 10_000)
    }

    @Test("An L2 VM's VMCS field is found under the class of each of the three VMs", arguments: [UInt64(36), 44, 52])
    func l2VMCS(classCode: UInt64) {
        let rows = FieldInfo.all.filter(\.isL2VMCS)
        #expect(rows.count == 144)
        for info in rows {
            #expect(info.id.classCode == 0)
            for element in 0..<info.elementCount {
                let id = info.id(element: element).map { FieldID(rawValue: $0.rawValue | classCode << 56) }
                let found = id.flatMap { FieldInfo.find($0, in: .vp) }
                #expect(found?.info.name == info.name)
                #expect(found?.element == element)
            }
        }
    }

    @Test("The L1 VMCS is class 0 and is not taken for that of an L2 VM")
    func l1VMCS() {
        let id = FieldID(rawValue: 0x0024_0003_0000_6802)
        #expect(FieldInfo.find(id, in: .vp)?.info.name == "VMCS_GUEST_CR3")
        let l2 = FieldID(rawValue: 0x2424_0003_0000_6802)
        #expect(FieldInfo.find(l2, in: .vp)?.info.name == "L2_VMCS_GUEST_CR3")
    }

    private func context(_ row: Fields.Row) -> FieldID.Context? {
        switch row.context {
        case "SYS": .sys
        case "TD": .td
        case "VP": .vp
        default: nil
        }
    }
}
