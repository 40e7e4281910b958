/// A request target in origin form, exactly as the client wrote it, and its parts decoded on demand.
///
/// Routing works on the parts below and never on a string decoded as a whole: `/tds%2Fx` is one segment
/// nobody can use, not two.
public struct Target: Hashable, Sendable {
    /// A path with more segments than this has no route here.
    public static let maximumSegments = 32
    /// A query with more items than this is refused.
    public static let maximumQueryItems = 64

    /// One `name=value` of a query. `?name` without `=` has no value, `?name=` an empty one.
    public struct QueryItem: Hashable, Sendable {
        public var name: String
        public var value: String?

        public init(name: String, value: String?) {
            self.name = name
            self.value = value
        }
    }

    /// The target as it stood in the request line.
    public let raw: String
    /// Bytes before the first `?`.
    public let pathCount: Int
    /// Whether something in the path is percent-encoded; else its segments are what stands between the slashes.
    public let pathIsEncoded: Bool

    public init(_ raw: String) {
        var pathCount = 0
        var isEncoded = false
        let bytes = raw.utf8.span
        while pathCount < bytes.count, bytes[pathCount] != UInt8(ascii: "?") {
            if bytes[pathCount] == UInt8(ascii: "%") { isEncoded = true }
            pathCount += 1
        }
        self.init(raw, pathCount: pathCount, pathIsEncoded: isEncoded)
    }

    /// For whoever has looked through the target already.
    ///
    /// - Parameters:
    ///   - pathCount: bytes before the first `?`, all of them without one.
    ///   - pathIsEncoded: whether a `%` is among these.
    public init(_ raw: String, pathCount: Int, pathIsEncoded: Bool) {
        self.raw = raw
        self.pathCount = pathCount
        self.pathIsEncoded = pathIsEncoded
    }

    /// Everything before the first `?`, not decoded.
    public var path: Substring { Substring(raw.utf8.prefix(pathCount)) }

    /// Everything after the first `?`, not decoded; nil when there is no `?`.
    public var query: Substring? {
        pathCount == raw.utf8.count ? nil : Substring(raw.utf8.dropFirst(pathCount + 1))
    }

    /// The path's segments, each decoded by itself; `/` has none, `/tds/` has `"tds"` and `""`.
    public func segments() throws(TargetError) -> [String] {
        guard path.utf8.first == UInt8(ascii: "/") else { throw .notOriginForm }
        if path.utf8.count == 1 { return [] }
        let parts = path.utf8.dropFirst().split(
            separator: UInt8(ascii: "/"), maxSplits: Self.maximumSegments, omittingEmptySubsequences: false)
        guard parts.count <= Self.maximumSegments else { throw .tooManyParts }
        var segments: [String] = []
        segments.reserveCapacity(parts.count)
        for part in parts {
            let segment = try PercentDecoding.decode(part, plusIsSpace: false)
            if segment.utf8.contains(UInt8(ascii: "/")) { throw .encodedSlash }
            segments.append(segment)
        }
        return segments
    }

    /// The query's items in the order written. `+` means a space, as forms and most clients write it.
    public func queryItems() throws(TargetError) -> [QueryItem] {
        guard let query, !query.isEmpty else { return [] }
        let parts = query.utf8.split(separator: UInt8(ascii: "&"), maxSplits: Self.maximumQueryItems)
        guard parts.count <= Self.maximumQueryItems else { throw .tooManyParts }
        var items: [QueryItem] = []
        items.reserveCapacity(parts.count)
        for part in parts {
            let equals = part.firstIndex(of: UInt8(ascii: "="))
            let name = try PercentDecoding.decode(part[..<(equals ?? part.endIndex)], plusIsSpace: true)
            var value: String?
            if let equals {
                value = try PercentDecoding.decode(part[part.index(after: equals)...], plusIsSpace: true)
            }
            items.append(QueryItem(name: name, value: value))
        }
        return items
    }
}

/// Why a target cannot be understood; each of them is the client's fault (400).
public enum TargetError: Error, Hashable, Sendable, CaseIterable {
    /// `%` is not followed by two hexadecimal digits.
    case badPercentEncoding
    /// The decoded bytes are not UTF-8.
    case notUTF8
    /// `%00`: nothing here has a name with a NUL in it.
    case encodedNUL
    /// `%2F` in a path: a slash inside a segment is never meant well.
    case encodedSlash
    /// The target does not begin with `/`.
    case notOriginForm
    /// More segments or query items than `Target` allows.
    case tooManyParts
}

extension TargetError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .badPercentEncoding: "a '%' in the request target is not followed by two hexadecimal digits"
        case .notUTF8: "the request target does not decode to UTF-8"
        case .encodedNUL: "the request target contains an encoded NUL"
        case .encodedSlash: "a segment of the path contains an encoded slash"
        case .notOriginForm: "the request target does not begin with a slash"
        case .tooManyParts:
            "the request target has more than \(Target.maximumSegments) segments "
                + "or \(Target.maximumQueryItems) query items"
        }
    }
}
