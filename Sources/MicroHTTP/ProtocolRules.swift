internal import HTTPExchange
internal import HTTPTypes

/// A request's head as the library hands it over: bytes, not yet believed.
struct ReceivedHead {
    var method: String
    var target: ReceivedTarget
    /// True when the request line went on after a NUL inside the target.
    var targetHasNUL: Bool
    var isHTTP10: Bool
    var fields: ReceivedFields
    var headBytes: Int
}

/// What a head says about the body to come.
enum BodyFraming: Equatable {
    case none
    case length(UInt64)
    case chunked
}

/// What libmicrohttpd 0.9.75 lets through and we do not: each rule closes a way to smuggle one request inside
/// another, or to mean a different resource than the one that is checked.
enum ProtocolRules {
    struct Verdict {
        var method: HTTPRequest.Method
        /// In origin form.
        var target: Target
        var authority: String?
        var framing: BodyFraming
        /// The client waits for `100 Continue` before it sends the body.
        var expectsContinue: Bool
    }

    static func check(_ head: ReceivedHead, limits: Limits) throws(Refusal) -> Verdict {
        guard head.target.count <= limits.targetBytes else { throw .targetTooLong }
        guard head.headBytes <= limits.headBytes, head.fields.refusal != .headTooLarge else { throw .headTooLarge }
        guard let method = HTTPRequest.Method(head.method) else { throw .bad("bad-method", "the method is no token") }
        guard method != .connect else { throw .notImplemented("connect", "CONNECT is not served") }
        if let refusal = head.fields.refusal { throw refusal }
        let host = try host(head.fields.host, required: !head.isHTTP10)
        let (target, authority) = try target(of: head, method: method)
        let framing = try framing(head.fields, isHTTP10: head.isHTTP10)
        let expectsContinue = try expectation(head.fields.expectation, isHTTP10: head.isHTTP10)
        return Verdict(
            method: method, target: target, authority: authority ?? host, framing: framing,
            expectsContinue: expectsContinue)
    }

    private static func host(_ host: ReceivedFields.Single, required: Bool) throws(Refusal) -> String? {
        guard !host.isRepeated, !(required && host.value == nil) else {
            throw .bad("bad-host", "an HTTP/1.1 request has exactly one Host field")
        }
        guard let host = host.value else { return nil }
        try checkAuthority(host)
        return host
    }

    private static func checkAuthority(_ authority: String) throws(Refusal) {
        let bytes = authority.utf8.span
        for index in bytes.indices {
            switch bytes[index] {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: ":"), UInt8(ascii: "-"),
                UInt8(ascii: "_"), UInt8(ascii: "~"), UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: "%"):
                break
            default:
                throw .bad("bad-host", "the Host field is no host")
            }
        }
    }

    /// The target in origin form, and the authority when the client wrote the absolute form.
    private static func target(
        of head: ReceivedHead, method: HTTPRequest.Method
    ) throws(Refusal) -> (target: Target, authority: String?) {
        guard !head.targetHasNUL, head.target.isClean else {
            throw .bad("bad-target", "the request target contains a byte that has no place there")
        }
        let raw = head.target.text
        let isOrigin = raw.utf8.first == UInt8(ascii: "/")
        if isOrigin, !head.target.isEncoded {
            return (Target(raw, pathCount: head.target.pathCount, pathIsEncoded: false), nil)
        }
        if raw == "*", method == .options { return (Target(raw), nil) }
        let (path, authority) = isOrigin ? (raw, nil) : try takeApart(raw)
        let target = Target(path)
        do throws(TargetError) {
            _ = try target.segments()
            _ = try target.queryItems()
        } catch {
            throw .bad("bad-target", error.description)
        }
        return (target, authority)
    }

    /// The absolute form of a target.
    private static func takeApart(_ raw: String) throws(Refusal) -> (path: String, authority: String?) {
        guard let scheme = raw.utf8.firstRange(of: "://".utf8),
            ["http", "https"].contains(raw[..<scheme.lowerBound].lowercased())
        else { throw .bad("bad-target", "the request target is neither a path nor an http URI") }
        let rest = raw[scheme.upperBound...]
        let end = rest.utf8.firstIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") } ?? rest.endIndex
        let authority = String(rest[..<end])
        try checkAuthority(authority)
        let path = rest[end...]
        return (path.utf8.first == UInt8(ascii: "/") ? String(path) : "/" + path, authority)
    }

    private static func framing(_ fields: ReceivedFields, isHTTP10: Bool) throws(Refusal) -> BodyFraming {
        if let coding = fields.coding.value {
            guard fields.length.value == nil, !isHTTP10 else {
                throw .bad("bad-framing", "Transfer-Encoding with Content-Length, or in HTTP/1.0")
            }
            guard !fields.coding.isRepeated, coding.lowercased() == "chunked" else {
                throw .notImplemented("unknown-transfer-coding", "chunked is the only transfer coding served")
            }
            return .chunked
        }
        guard let text = fields.length.value else { return .none }
        let isNumber = !text.isEmpty && text.utf8.allSatisfy { (0x30...0x39).contains($0) }
        guard !fields.length.isRepeated, isNumber, let length = UInt64(text) else {
            throw .bad("bad-framing", "more than one Content-Length, or one that is no number")
        }
        return length == 0 ? .none : .length(length)
    }

    private static func expectation(
        _ expectation: ReceivedFields.Single, isHTTP10: Bool
    ) throws(Refusal) -> Bool {
        guard let value = expectation.value, !isHTTP10 else { return false }
        guard !expectation.isRepeated, value.lowercased() == "100-continue" else { throw .expectationFailed }
        return true
    }
}
