internal import TDXCalls

extension Call {
    /// TDH.SYS.RDALL, leaf 37: RDX a page for a list of fields, R8 the id to start with, all ones for the first.
    /// R8 answers the id to go on with, all ones when the list is complete.
    mutating func sysRDAll() throws(Refusal) -> Completion {
        try checkProcessorInitialized()
        let buffer = try sharedAddress(registers.rdx, alignment: UInt64(pageSizeBytes), .rdx)
        let fields = module.systemFields
        var id = FieldID(rawValue: registers.r8)
        if id == .none { id = FieldID(rawValue: fields.firstReadableID) }
        var list = MetadataList()
        while id != .none {
            let place = try fields.resolve(id)
            // A field that is in the table only has no element to list.
            if let value = try? fields.read(place) {
                guard list.append(id: id, value) else { break }
            }
            id = FieldID(rawValue: fields.nextReadableID(after: place))
        }

        // Commit.
        module.memory.write(list.bytes, at: buffer)
        registers.r8 = id.rawValue
        return .success
    }
}

/// A metadata list: a header of its length and number of sequences, then for each sequence an id and a value.
private struct MetadataList {
    private var words: [UInt64] = []

    private static let headerBytes = 8

    /// False if the page is full.
    mutating func append(id: FieldID, _ value: UInt64) -> Bool {
        guard Self.headerBytes + 8 * (words.count + 2) <= pageSizeBytes else { return false }
        words.append(id.rawValue)
        words.append(value)
        return true
    }

    var bytes: [UInt8] {
        let length = Self.headerBytes + 8 * words.count
        let header = UInt64(length) | UInt64(words.count / 2) << 16
        return ([header] + words).flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64(8 * $0)) } }
    }
}
