internal import TDXCalls

/// A field element that an id named.
struct FieldPlace {
    let row: Int
    let element: Int
}

/// The fields of one TD or vCPU, as the field leaves see them.
protocol FieldStore {
    var map: FieldMap { get }
    var isDebug: Bool { get }
    /// L2 VMs the TD was initialised with: fields of others do not exist.
    var numL2VMs: Int { get }

    /// The id a walk names for the first element of a row.
    func firstID(of row: Int) -> UInt64
    /// Refines a look-up where codes do not simply count.
    func place(of id: FieldID) -> FieldPlace?
    /// The id a walk goes to after an element; nil at the row's end.
    func id(after place: FieldPlace) -> UInt64?
    /// - Throws: METADATA_FIELD_NOT_READABLE.
    func value(at place: FieldPlace) throws(Refusal) -> UInt64
    /// - Parameter value: all of the field's bits.
    /// - Throws: METADATA_FIELD_VALUE_NOT_VALID; OPERAND_BUSY with METADATA_FIELD if it is no longer `old`.
    func write(_ value: UInt64, over old: UInt64, at place: FieldPlace) throws(Refusal)
}

extension FieldStore {
    func firstID(of row: Int) -> UInt64 { map.rows[row].id(element: 0) }

    func place(of id: FieldID) -> FieldPlace? {
        map.find(id).map { FieldPlace(row: $0.row, element: $0.element) }
    }

    func id(after place: FieldPlace) -> UInt64? {
        let row = map.rows[place.row]
        return place.element + 1 < row.elementCount ? row.id(element: place.element + 1) : nil
    }

    /// - Throws: METADATA_FIELD_ID_INCORRECT.
    func resolve(_ id: FieldID) throws(Refusal) -> FieldPlace {
        guard id.reservedBits == 0, id.lastElementInField == 0, id.lastFieldInSequence == 0,
            let place = place(of: id), map.rows[place.row].l2VM <= numL2VMs
        else { throw Refusal(.metadataFieldIDIncorrect) }
        return place
    }

    /// - Throws: METADATA_FIELD_NOT_READABLE.
    func read(_ place: FieldPlace) throws(Refusal) -> UInt64 {
        let mask = map.rows[place.row].access(debug: isDebug).readMask
        guard mask != 0 else { throw Refusal(.metadataFieldNotReadable) }
        return try value(at: place) & mask
    }

    /// - Returns: the old value, under the readable mask.
    /// - Throws: METADATA_FIELD_NOT_WRITABLE, METADATA_FIELD_VALUE_NOT_VALID, OPERAND_BUSY with METADATA_FIELD.
    func write(_ value: UInt64, mask: UInt64, at place: FieldPlace) throws(Refusal) -> UInt64 {
        let access = map.rows[place.row].access(debug: isDebug)
        guard access.writeMask & mask != 0 else { throw Refusal(.metadataFieldNotWritable) }
        let old = try self.value(at: place)
        guard (value ^ old) & mask & ~access.writeMask == 0 else { throw Refusal(.metadataFieldValueNotValid) }
        let effective = access.writeMask & mask
        try write(old & ~effective | value & effective, over: old, at: place)
        return old & access.readMask
    }

    /// Id of the first field a walk can read; all ones if there is none.
    var firstReadableID: UInt64 { firstReadableID(fromRow: 0) }

    /// Id of the next field a walk can read; all ones at the end.
    func nextReadableID(after place: FieldPlace) -> UInt64 {
        id(after: place) ?? firstReadableID(fromRow: place.row + 1)
    }

    private func firstReadableID(fromRow first: Int) -> UInt64 {
        for index in first..<max(first, map.rows.count) {
            let row = map.rows[index]
            if row.access(debug: isDebug).readMask != 0, row.l2VM <= numL2VMs { return firstID(of: index) }
        }
        return FieldID.none.rawValue
    }
}

extension Call {
    /// What MNG.RD and VP.RD end with: R8 the value, and in version 1 RDX the next id.
    mutating func readField(in store: some FieldStore, _ id: FieldID) throws(Refusal) -> Completion {
        if version > 0, id == .none {
            registers.rdx = store.firstReadableID
            return .metadataFirstFieldIDInContext
        }
        let place = try store.resolve(id)
        registers.r8 = try store.read(place)
        if version > 0 { registers.rdx = store.nextReadableID(after: place) }
        return .success
    }

    /// What MNG.WR and VP.WR end with: R8 the old value.
    mutating func writeField(
        in store: some FieldStore, _ id: FieldID, _ value: UInt64, mask: UInt64
    ) throws(Refusal) -> Completion {
        let place = try store.resolve(id)
        registers.r8 = try store.write(value, mask: mask, at: place)
        return .success
    }
}
