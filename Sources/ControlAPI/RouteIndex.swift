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
    /// By the number of segments.
    private let reads: [[Entry]]
    private let others: [[Entry]]

    init(_ routes: [Route]) {
        entries = routes.map { Entry($0) }
        reads = Self.byLength(entries.filter { $0.route.method == .get })
        others = Self.byLength(entries.filter { $0.route.method != .get })
    }

    private static func byLength(_ entries: [Entry]) -> [[Entry]] {
        let longest = entries.map(\.pieces.count).max() ?? 0
        return (0...longest).map { length in entries.filter { $0.pieces.count == length } }
    }

    /// - Parameter method: HEAD is found as GET.
    func find(_ method: HTTPRequest.Method, _ target: Target) -> (entry: Entry, path: PathVariables)? {
        if target.pathIsEncoded { return nil }
        let bytes = target.raw.utf8.span
        let start = Self.afterVersion(bytes, target.pathCount)
        var length = 0
        for index in start..<target.pathCount where bytes[index] == UInt8(ascii: "/") { length += 1 }
        let isRead = method == .get || method == .head
        let candidates = isRead ? reads : others
        guard length < candidates.count else { return nil }
        for entry in candidates[length] {
            guard let values = Self.match(entry, target, start), isRead || entry.route.method == method else {
                continue
            }
            return (entry, PathVariables(names: entry.route.variables, values: values))
        }
        return nil
    }

    /// Where the path goes on after `/v1`, if it begins with it.
    private static func afterVersion(_ bytes: Span<UInt8>, _ end: Int) -> Int {
        let count = 3
        guard end >= count, bytes[1] == UInt8(ascii: "v"), bytes[2] == UInt8(ascii: "1"), bytes[0] == UInt8(ascii: "/"),
            end == count || bytes[count] == UInt8(ascii: "/")
        else { return 0 }
        return count
    }

    /// The values of the variables, if the path is this route's.
    private static func match(_ entry: Entry, _ target: Target, _ start: Int) -> [String]? {
        let bytes = target.raw.utf8.span
        let slash = UInt8(ascii: "/")
        var at = start
        var values: [String] = []
        for piece in entry.pieces {
            guard at < target.pathCount, bytes[at] == slash else { return nil }
            at += 1
            if let count = piece.count {
                guard target.pathCount - at >= count else { return nil }
                for index in 0..<count where bytes[at + index] != entry.text[piece.start + index] { return nil }
                at += count
            } else {
                let first = at
                while at < target.pathCount, bytes[at] != slash { at += 1 }
                guard at > first else { return nil }
                values.append(text(target.raw, first..<at))
            }
        }
        return at == target.pathCount && !entry.pieces.isEmpty ? values : nil
    }

    private static func text(_ raw: String, _ place: Range<Int>) -> String {
        var raw = raw
        return raw.withUTF8 { bytes in
            // SAFETY: the place lies within the bytes, which are good for this call.
            unsafe String(decoding: UnsafeBufferPointer(rebasing: bytes[place]), as: UTF8.self)
        }
    }
}
