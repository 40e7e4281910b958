internal import HTTPExchange
internal import HTTPTypes

/// The values of a path's variables.
struct PathVariables: Sendable {
    fileprivate(set) var names: [String]
    fileprivate(set) var values: [String]

    /// - Precondition: as many values as names.
    init(names: [String] = [], values: [String] = []) {
        precondition(names.count == values.count, "a variable without a value")
        self.names = names
        self.values = values
    }

    subscript(_ name: String) -> String? { names.firstIndex(of: name).map { values[$0] } }
}

/// Finds a route by the bytes of a path, without taking the path apart first.
///
/// It knows nothing of encoded paths and of the shortest one; what is not found here may still be a path of ours.
struct RouteIndex: Sendable {
    /// A route held by reference, since it is found once for each request.
    final class Entry: Sendable {
        let route: Route
        fileprivate let pieces: [Piece]
        /// The literal segments, one after the other.
        fileprivate let text: [UInt8]

        fileprivate init(_ route: Route) {
            var pieces: [Piece] = []
            var text: [UInt8] = []
            for segment in route.segments {
                let isVariable = segment.first == "{"
                pieces.append(Piece(start: text.count, count: isVariable ? nil : segment.utf8.count))
                if !isVariable { text += segment.utf8 }
            }
            self.route = route
            self.pieces = pieces
            self.text = text
        }
    }

    /// A segment of a route's path: where its literal stands; a variable has none.
    fileprivate struct Piece: Sendable {
        let start: Int
        let count: Int?
    }

    /// All, in the contract's order.
    let entries: [Entry]
    private let reads: [Entry]
    private let others: [Entry]

    init(_ routes: [Route]) {
        entries = routes.map(Entry.init)
        reads = entries.filter { $0.route.method == .get }
        others = entries.filter { $0.route.method != .get }
    }

    /// - Parameter method: HEAD is found as GET.
    func find(_ method: HTTPRequest.Method, _ target: Target) -> (entry: Entry, path: PathVariables)? {
        if target.pathIsEncoded { return nil }
        let isRead = method == .get || method == .head
        for entry in isRead ? reads : others {
            guard let values = Self.match(entry, target), isRead || entry.route.method == method else { continue }
            return (entry, PathVariables(names: entry.route.variables, values: values))
        }
        return nil
    }

    private static let version = Array("/v1".utf8)

    /// The values of the variables, if the path is this route's.
    private static func match(_ entry: Entry, _ target: Target) -> [String]? {
        let bytes = target.raw.utf8.span
        var at = 0
        if begins(bytes, at, version), version.count == target.pathCount || bytes[version.count] == slash {
            at = version.count
        }
        var values: [String] = []
        for piece in entry.pieces {
            guard at < target.pathCount, bytes[at] == slash else { return nil }
            at += 1
            if let count = piece.count {
                guard target.pathCount - at >= count else { return nil }
                for index in 0..<count where bytes[at + index] != entry.text[piece.start + index] { return nil }
                at += count
            } else {
                let start = at
                while at < target.pathCount, bytes[at] != slash { at += 1 }
                guard at > start else { return nil }
                values.append(String(Substring(target.raw.utf8.prefix(at).dropFirst(start))))
            }
        }
        return at == target.pathCount && !entry.pieces.isEmpty ? values : nil
    }

    private static let slash = UInt8(ascii: "/")

    private static func begins(_ bytes: Span<UInt8>, _ start: Int, _ text: [UInt8]) -> Bool {
        guard bytes.count - start >= text.count else { return false }
        for index in text.indices where bytes[start + index] != text[index] { return false }
        return true
    }
}
