internal import TDLifecycle

/// Where the next part of a list begins: after this place, whether or not there still is something at it. Written
/// as ids are, without a prefix, whatever the list is ordered by.
struct Cursor {
    let place: UInt128

    init(_ id: ResourceID) { place = id.value }
    init(place: UInt128) { self.place = place }
    init(number: UInt64) { place = UInt128(number) }

    /// Nil unless the text is what ``text`` gives for some place.
    init?(_ text: String) {
        guard let id = ResourceID("\(ResourceID.Kind.td.rawValue)-\(text)") else { return nil }
        place = id.value
    }

    var text: String { String(ResourceID(.td, place).description.dropFirst(ResourceID.Kind.td.rawValue.count + 1)) }
}

extension Call {
    private func cursor() throws(Refused) -> Cursor? {
        guard let text = query["cursor"] else { return nil }
        guard let cursor = Cursor(text) else { throw .parameter("cursor", "is none that a list has given") }
        return cursor
    }

    /// Of a list ordered by something of 128 bits.
    func placeCursor() throws(Refused) -> UInt128? { try cursor()?.place }

    /// Of a list ordered by id.
    func idCursor(_ kind: ResourceID.Kind) throws(Refused) -> ResourceID? {
        try cursor().map { ResourceID(kind, $0.place) }
    }

    /// Of a list ordered by a number.
    func numberCursor() throws(Refused) -> UInt64? {
        try cursor().map { UInt64(clamping: $0.place) }
    }
}
