internal import TDXCalls

/// What became of the wish to take a session over.
enum AdoptionAnswer: UInt64 {
    case taken = 1
    /// There is no such session: its client had left nothing behind, or the module is another.
    case nothing = 2
    /// Its client is still there.
    case inUse = 3
}

/// A page or a KeyID that the module has, as a list of them says it.
struct HeldObject: Hashable, Sendable {
    /// The address of a page, the number of a KeyID.
    var number: UInt64
    /// See ``HeldPage/parent`` and ``HeldKeyID/tdr``; 0 where it is not known.
    var parent: UInt64 = 0
    /// Of a page; nil for a KeyID.
    var kind: HeldPage.Kind?
    /// Of a TDR: its KeyID; 0 if it has none.
    var keyID: UInt16 = 0
    /// Of a TDVPR: where it is associated.
    var processor: UInt32?

    static let bytes = 32
    /// In one message.
    static let listMax = 1024

    private static let kinds: [HeldPage.Kind] = [.tdr, .tdcs, .tdvpr, .tdcx, .sept, .guest, .returned, .doubtful]
    private static let noProcessor = UInt32.max

    func write(to writer: inout ByteWriter) {
        writer.append(number)
        writer.append(parent)
        writer.append(processor ?? Self.noProcessor)
        writer.append(UInt32(kind.flatMap(Self.kinds.firstIndex).map { $0 + 1 } ?? 0))
        writer.append(keyID)
        writer.append(zeroes: 6)
    }

    init(_ number: UInt64) { self.number = number }

    init(_ reader: inout ByteReader) throws(MessageFault) {
        number = try reader.number()
        parent = try reader.number()
        let processor = try reader.number(UInt32.self)
        self.processor = processor == Self.noProcessor ? nil : processor
        let place = try reader.number(UInt32.self)
        guard place <= Self.kinds.count else { throw MessageFault("a page is of no kind") }
        kind = place == 0 ? nil : Self.kinds[Int(place) - 1]
        keyID = try reader.number()
        try reader.skip(6)
    }
}

extension HeldPage {
    /// - Throws: ``MessageFault`` if it is no page.
    init(_ object: HeldObject) throws(MessageFault) {
        guard let kind = object.kind, object.number.isMultiple(of: UInt64(pageSizeBytes)) else {
            throw MessageFault("a page is none")
        }
        self.init(
            PageAddress(rawValue: object.number), kind,
            parent: object.parent == 0 ? nil : PageAddress(rawValue: object.parent),
            keyID: object.keyID == 0 ? nil : KeyID(rawValue: object.keyID),
            processor: object.processor.map(Processor.init(rawValue:)),
            doubt: kind == .doubtful || kind == .returned
                ? HoldingDoubt(
                    reason: kind == .doubtful
                        ? "the module does not say whose the page is" : "its caches could not be written back",
                    leaf: kind == .doubtful ? .phymemPageRDMD : .phymemPageWBINVD, completion: nil) : nil)
    }
}

extension HeldKeyID {
    /// - Throws: ``MessageFault`` if it is no KeyID.
    init(_ object: HeldObject) throws(MessageFault) {
        guard object.kind == nil, let number = UInt16(exactly: object.number), number > 0 else {
            throw MessageFault("a KeyID is none")
        }
        self.init(KeyID(rawValue: number), tdr: object.parent == 0 ? nil : PageAddress(rawValue: object.parent))
    }
}
