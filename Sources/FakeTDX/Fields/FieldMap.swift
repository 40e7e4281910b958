internal import TDXCalls

/// The field table of one context, laid out for the leaves: sorted for look-up, in walk order beside it, and with
/// places for the fields that are kept as words.
final class FieldMap: Sendable {
    /// Numbers only: a look-up copies it.
    struct Row: Sendable {
        /// Id of the first element.
        let firstID: UInt64
        /// Look-up key of the first element.
        let key: UInt64
        /// The L2 VM the field belongs to, 1 to 3; 0 if to none.
        let l2VM: Int
        /// Word of the first element; those beyond the map's `storedWords` are kept sparsely.
        let place: Int
        let production: FieldInfo.Access
        let debug: FieldInfo.Access
        let fieldStep: Int
        let elementsPerField: Int
        let fieldCount: Int

        /// One past the last key that could be an element of this row.
        var keyEnd: UInt64 { key + UInt64(fieldStep * (fieldCount - 1) + elementsPerField) }
        var elementCount: Int { fieldCount * elementsPerField }

        func access(debug isDebug: Bool) -> FieldInfo.Access { isDebug ? debug : production }

        func id(element: Int) -> UInt64 {
            firstID + UInt64(element / elementsPerField * fieldStep + element % elementsPerField)
        }
    }

    /// Fields with more elements than this get no words of their own.
    static let denseElementsMax = 64

    static let td = FieldMap(context: .td, keepsAllFields: false)
    static let vp = FieldMap(context: .vp, keepsAllFields: true)
    static let sys = FieldMap(context: .sys, keepsAllFields: false)
    /// The same of the profile with later releases' fields; TDs and vCPUs have no others there.
    static let laterSys = FieldMap(context: .sys, keepsAllFields: false, of: .later)

    /// In the order a walk goes.
    let rows: [Row]
    /// Names of the rows; an L2 VM's VMCS fields share theirs with the other L2 VMs'.
    let names: [String]
    /// Rows by ascending key.
    private let sorted: [Int]
    /// Words that ``Row/place`` counts through for fields kept densely.
    let storedWords: Int
    private let rowByName: [String: Int]

    /// - Parameter keepsAllFields: whether every field has a place, or only those the host may write.
    private init(context: FieldID.Context, keepsAllFields: Bool, of profile: FakeProfile = .release1501) {
        let infos = FieldInfo.all.filter { $0.context == context && profile.fieldReleases.contains($0.since) }
        let vmcs = infos.filter { $0.table == "TDVPS.VMCS" }
        let l2VMCS = infos.filter(\.isL2VMCS)
        let others = infos.filter { !$0.table.hasSuffix("VMCS") }
        var entries: [(info: FieldInfo, l2VM: Int)] = (vmcs + others).map { ($0, Self.l2VM(of: $0.name)) }
        for l2VM in 1...3 { entries += l2VMCS.map { ($0, l2VM) } }

        let isDense: [Bool] = entries.map { entry in
            let isKept = keepsAllFields || entry.info.debug.writeMask != 0
            return isKept && entry.l2VM == 0 && entry.info.elementCount <= Self.denseElementsMax
        }
        let denseWords = zip(entries, isDense).reduce(0) { $0 + ($1.1 ? $1.0.info.elementCount : 0) }
        var nextDense = 0
        var nextSparse = denseWords
        rows = zip(entries, isDense).map { entry, dense in
            let place = dense ? nextDense : nextSparse
            if dense { nextDense += entry.info.elementCount } else { nextSparse += entry.info.elementCount }
            return Row(entry.info, l2VM: entry.l2VM, place: place)
        }
        storedWords = denseWords
        names = entries.map(\.info.name)
        sorted = rows.indices.sorted { [rows] in rows[$0].key < rows[$1].key }
        rowByName = Dictionary(
            zip(names, rows.indices), uniquingKeysWith: { first, _ in first })
    }

    /// The row and element an id names; nil if there is none. Context, size and step bits do not count.
    func find(_ id: FieldID) -> (row: Int, element: Int)? {
        let key = id.lookupKey
        var low = 0
        var high = sorted.count
        while low < high {
            let middle = (low + high) / 2
            if rows[sorted[middle]].key <= key { low = middle + 1 } else { high = middle }
        }
        guard low > 0 else { return nil }
        let row = rows[sorted[low - 1]]
        guard key < row.keyEnd else { return nil }
        let offset = Int(key - row.key)
        guard offset % row.fieldStep < row.elementsPerField else { return nil }
        return (sorted[low - 1], offset / row.fieldStep * row.elementsPerField + offset % row.fieldStep)
    }

    func row(named name: String) -> Int? { rowByName[name] }

    /// Word of a densely kept field.
    func place(of name: String) -> Int {
        guard let row = rowByName[name], rows[row].place < storedWords else {
            preconditionFailure("the field table has no \(name)")
        }
        return rows[row].place
    }

    /// Class code of an L2 VM's VMCS fields.
    static func l2VMCSClass(_ l2VM: Int) -> UInt64 { UInt64(28 + 8 * l2VM) }

    /// `L2_SEPT_ROOT_2` and the like belong to one L2 VM.
    private static func l2VM(of name: String) -> Int {
        guard name.hasPrefix("L2_"), let number = name.split(separator: "_").last.flatMap({ Int($0) }) else {
            return 0
        }
        return number
    }
}

extension FieldMap.Row {
    fileprivate init(_ info: FieldInfo, l2VM: Int, place: Int) {
        let classBits = info.isL2VMCS ? FieldMap.l2VMCSClass(l2VM) << 56 : 0
        self.l2VM = l2VM
        self.place = place
        firstID = info.id.rawValue | classBits
        key = info.id.lookupKey | classBits
        production = info.production
        debug = info.debug
        fieldStep = info.fieldStep
        elementsPerField = info.elementsPerField
        fieldCount = info.fieldCount
    }
}
