internal import HTTPExchange
internal import TDLifecycle
internal import TDXCalls
internal import Threading

/// Representations as bytes, encoded once a revision and served to everybody from there.
final class BodyCache: Sendable {
    /// What is represented; `isFull` tells the representation with addresses and registers from the other.
    enum Key: Hashable, Sendable {
        case host, capacity, processors, document, errors
        case invariants(isFull: Bool)
        case td(ResourceID)
        case actions(ResourceID)
        case vcpu(ResourceID, Int)
        case page(ResourceID, isFull: Bool)
        case operation(ResourceID, isFull: Bool)
        case keyID(KeyID, isFull: Bool)
        case record(ResourceID, isFull: Bool)
    }

    private struct Entry: Sendable {
        let revision: UInt64
        let shown: Representation
    }

    /// More than this and all are let go: they come back as they are asked for.
    private let entriesMax: Int
    private let entries = Locked<[Key: Entry]>([:])

    init(entriesMax: Int) { self.entriesMax = entriesMax }

    func body(_ key: Key, revision: UInt64, _ encode: () -> [UInt8]) -> EncodedBody {
        representation(key, revision: revision, encode).body
    }

    /// What is kept of this revision, if anything is.
    func known(_ key: Key, revision: UInt64) -> Representation? {
        guard let entry = entries.withLock({ $0[key] }), entry.revision == revision else { return nil }
        return entry.shown
    }

    func representation(_ key: Key, revision: UInt64, _ encode: () -> [UInt8]) -> Representation {
        if let known = known(key, revision: revision) { return known }
        let fresh = Representation(revision: revision, body: EncodedBody(encode()))
        entries.withLock { entries in
            if entries.count >= entriesMax { entries.removeAll(keepingCapacity: true) }
            // A slow encoder must not put an old revision over a newer one.
            if let entry = entries[key], entry.revision > revision { return }
            entries[key] = Entry(revision: revision, shown: fresh)
        }
        return fresh
    }
}

extension EncodedBody {
    /// A list in the contract's envelope, from its items' bytes.
    ///
    /// - Parameter extra: further members, each with a comma before it.
    convenience init(
        list items: [EncodedBody], nextCursor: Cursor? = nil, revision: UInt64, extra: String = ""
    ) {
        let cursor = nextCursor.map { #","nextCursor":"\#($0.text)""# } ?? ""
        self.init(
            opening: Array(#"{"items":["#.utf8), items: items, separator: [UInt8(ascii: ",")],
            closing: Array(#"]\#(cursor),"revision":\#(revision)\#(extra)}"#.utf8))
    }
}
