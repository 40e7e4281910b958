internal import HTTPExchange
internal import HTTPTypes

/// A request's head as the library hands it over: bytes, not yet believed.
struct ReceivedHead {
    var method: String
    /// The target up to its first NUL.
    var target: [UInt8]
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
        var request: HTTPRequest
        var framing: BodyFraming
        /// The client waits for `100 Continue` before it sends the body.
        var expectsContinue: Bool
    }

    static func check(_ head: ReceivedHead, limits: Limits, isTLS: Bool) throws(Refusal) -> Verdict {
        guard head.target.count <= limits.targetBytes else { throw .targetTooLong }
        guard head.headBytes <= limits.headBytes, head.fields.refusal != .headTooLarge else { throw .headTooLarge }
        guard let method = HTTPRequest.Method(head.method) else { throw .bad("bad-method", "the method is no token") }
        guard method != .connect else { throw .notImplemented("connect", "CONNECT is not served") }
        if let refusal = head.fields.refusal { throw refusal }
        let host = try host(head.fields.hosts, required: !head.isHTTP10)
        let (path, authority) = try target(of: head, method: method)
        let framing = try framing(head.fields, isHTTP10: head.isHTTP10)
        let expectsContinue = try expectation(head.fields.expectations, isHTTP10: head.isHTTP10)
        let request = HTTPRequest(
            method: method, scheme: isTLS ? "https" : "http", authority: authority ?? host, path: path,
            headerFields: head.fields.fields)
        return Verdict(request: request, framing: framing, expectsContinue: expectsContinue)
    }

    private static func host(_ hosts: [String], required: Bool) throws(Refusal) -> String? {
        guard hosts.count <= 1, !(required && hosts.isEmpty) else {
            throw .bad("bad-host", "an HTTP/1.1 request has exactly one Host field")
        }
        guard let host = hosts.first else { return nil }
        try checkAuthority(host)
        return host
    }

    private static func checkAuthority(_ authority: String) throws(Refusal) {
        let allowed = authority.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: ":"), UInt8(ascii: "-"),
                UInt8(ascii: "_"), UInt8(ascii: "~"), UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: "%"):
                true
            default: false
            }
        }
        guard allowed else { throw .bad("bad-host", "the Host field is no host") }
    }

    /// The target in origin form, and the authority when the client wrote the absolute form.
    private static func target(
        of head: ReceivedHead, method: HTTPRequest.Method
    ) throws(Refusal) -> (path: String, authority: String?) {
        guard !head.targetHasNUL, head.target.allSatisfy({ (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "#") })
        else { throw .bad("bad-target", "the request target contains a byte that has no place there") }
        let raw = String(decoding: head.target, as: UTF8.self)
        if raw == "*", method == .options { return (raw, nil) }
        var path = raw[...]
        var authority: String?
        if raw.utf8.first != UInt8(ascii: "/") {
            guard let scheme = raw.utf8.firstRange(of: "://".utf8),
                ["http", "https"].contains(raw[..<scheme.lowerBound].lowercased())
            else { throw .bad("bad-target", "the request target is neither a path nor an http URI") }
            let rest = raw[scheme.upperBound...]
            let end = rest.utf8.firstIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") } ?? rest.endIndex
            authority = String(rest[..<end])
            try checkAuthority(rest[..<end].description)
            path = rest[end...]
            if path.utf8.first != UInt8(ascii: "/") { path = "/" + path }
        }
        if head.target.contains(UInt8(ascii: "%")) {
            let target = Target(String(path))
            do throws(TargetError) {
                _ = try target.segments()
                _ = try target.queryItems()
            } catch {
                throw .bad("bad-target", error.description)
            }
        }
        return (String(path), authority)
    }

    private static func framing(_ fields: ReceivedFields, isHTTP10: Bool) throws(Refusal) -> BodyFraming {
        if let coding = fields.codings.first {
            guard fields.lengths.isEmpty, !isHTTP10 else {
                throw .bad("bad-framing", "Transfer-Encoding with Content-Length, or in HTTP/1.0")
            }
            guard fields.codings.count == 1, coding.lowercased() == "chunked" else {
                throw .notImplemented("unknown-transfer-coding", "chunked is the only transfer coding served")
            }
            return .chunked
        }
        guard let text = fields.lengths.first else { return .none }
        let isNumber = !text.isEmpty && text.utf8.allSatisfy { (0x30...0x39).contains($0) }
        guard fields.lengths.count == 1, isNumber, let length = UInt64(text) else {
            throw .bad("bad-framing", "more than one Content-Length, or one that is no number")
        }
        return length == 0 ? .none : .length(length)
    }

    private static func expectation(_ expectations: [String], isHTTP10: Bool) throws(Refusal) -> Bool {
        guard let expectation = expectations.first, !isHTTP10 else { return false }
        guard expectations.count == 1, expectation.lowercased() == "100-continue" else { throw .expectationFailed }
        return true
    }
}
