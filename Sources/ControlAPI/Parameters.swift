internal import ControlSchema
internal import HTTPExchange
internal import HTTPTypes
internal import TDLifecycle

// Query parameters and request header fields, checked.

extension Refused {
    init(_ error: OwnError, _ detail: String? = nil) { problem = Problem(error, detail: detail) }

    static func parameter(_ name: String, _ reason: String) -> Refused {
        var refused = Refused(.invalidParameter, "\(name): \(reason)")
        refused.problem.violations = [Violation(parameter: name, reason: reason)]
        return refused
    }
}

extension Call {
    static let limitDefault = 100
    static let limitMax = 1_000

    func integer(_ name: String, in range: ClosedRange<Int>) throws(Refused) -> Int? {
        try Self.integer(name, in: range, of: query)
    }

    static func integer(
        _ name: String, in range: ClosedRange<Int>, of query: [String: String]
    ) throws(Refused) -> Int? {
        guard let text = query[name] else { return nil }
        guard let value = Int(text), range.contains(value), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            throw .parameter(name, "must be an integer from \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }

    func flag(_ name: String) throws(Refused) -> Bool { try Self.flag(name, in: query) }

    static func flag(_ name: String, in query: [String: String]) throws(Refused) -> Bool {
        switch query[name] {
        case nil, "false": return false
        case "true": return true
        default: throw .parameter(name, "must be true or false")
        }
    }

    func limit() throws(Refused) -> Int {
        try integer("limit", in: 1...Self.limitMax) ?? Self.limitDefault
    }

    /// A path variable that is a number; anything else names nothing.
    func pathNumber(_ name: String) throws(Refused) -> Int {
        let text = path(name)
        guard let value = Int(text), value >= 0, String(value) == text else {
            throw Refused(.notFound, "nothing here has the number \(text)")
        }
        return value
    }

    // MARK: Header fields

    func ifMatch(current: () throws(Refused) -> UInt64) throws(Refused) -> UInt64? {
        try request.head.ifMatch(current: current)
    }

    func matchesNone(of revision: UInt64) -> Bool {
        guard let text = request.head.field(.ifNoneMatch) else { return true }
        return !text.split(separator: ",").contains { tag in
            let tag = tag.trimming(" \t")
            return tag == "*" || RequestHead.revision(tag.hasPrefix("W/") ? String(tag.dropFirst(2)) : tag) == revision
        }
    }
}

extension RequestHead {
    /// What `If-Match` asks for: nil for anything, 0 for a tag that can match no revision of ours.
    func ifMatch(current: () throws(Refused) -> UInt64) throws(Refused) -> UInt64? {
        guard let text = field(.ifMatch) else { return nil }
        let tags = text.split(separator: ",").map { $0.trimming(" \t") }
        if tags.contains("*") { return nil }
        let revisions = tags.compactMap(Self.revision)
        if revisions.count == 1 { return revisions[0] }
        let now = try current()
        return revisions.contains(now) ? now : 0
    }

    fileprivate static func revision(_ tag: String) -> UInt64? {
        guard tag.hasPrefix("\"r"), tag.hasSuffix("\""), tag.utf8.count > 3 else { return nil }
        let digits = tag.dropFirst(2).dropLast()
        return UInt64(digits).flatMap { String($0) == digits ? $0 : nil }
    }
}

extension StringProtocol {
    func trimming(_ characters: String) -> String {
        var rest = self[...]
        while let first = rest.first, characters.contains(first) { rest = rest.dropFirst() }
        while let last = rest.last, characters.contains(last) { rest = rest.dropLast() }
        return String(rest)
    }
}

extension HTTPField.Name {
    static let prefer = HTTPField.Name.known("Prefer")
    static let preferenceApplied = HTTPField.Name.known("Preference-Applied")
    static let idempotencyKey = HTTPField.Name.known("Idempotency-Key")
    static let idempotencyReplayed = HTTPField.Name.known("Idempotency-Replayed")
    static let requestID = Response.requestIDName

    static func known(_ name: String) -> HTTPField.Name {
        guard let name = HTTPField.Name(name) else { preconditionFailure("\(name) is no field name") }
        return name
    }
}
