import HTTPExchange
import HTTPTypes
import Testing

@testable import ControlAPI

@Suite("Routes found by the bytes of a path")
struct RouteIndexTests {
    /// The same by segments, one route after the other.
    private func bySegments(_ method: HTTPRequest.Method, _ path: String) throws -> (String, [String])? {
        var segments = try Target(path).segments()
        if segments.first == "v1" { segments.removeFirst() }
        if segments.isEmpty { return nil }
        for route in ControlAPI.routes where route.method == (method == .head ? .get : method) {
            if let path = route.match(segments) { return (route.operationID, path.values) }
        }
        return nil
    }

    private func check(_ method: HTTPRequest.Method, _ path: String) throws {
        let found = ControlAPI.routeIndex.find(method, Target(path))
        let expected = try bySegments(method, path)
        #expect(found?.entry.route.operationID == expected?.0, "\(method) \(path)")
        #expect(found?.path.values == expected?.1, "\(method) \(path)")
        #expect(found?.path.names == found?.entry.route.variables, "\(method) \(path)")
    }

    @Test("Every route is found with its variables, with and without its version, a query or HEAD")
    func all() throws {
        for route in ControlAPI.routes where route.path != "/" {
            let path = route.path.replacing("{", with: "").replacing("}", with: "")
            for text in [path, "/v1" + path, path + "?limit=1/2", path + "/", "/v1" + path + "/x"] {
                try check(route.method, text)
                if route.method == .get { try check(.head, text) }
            }
            let found = try #require(ControlAPI.routeIndex.find(route.method, Target(path)))
            #expect(found.path.values == route.variables)
            #expect(found.path["nothing"] == nil)
        }
    }

    @Test("What looks much like a route is found exactly when its segments are one's")
    func nearly() throws {
        var numbers = SystemRandomNumberGenerator()
        let seed = UInt64.random(in: 0...UInt64.max, using: &numbers)
        var generator = SplitMix(state: seed)
        let words = [
            "", "v1", "tds", "td", "tdss", "vcpus", "actions", "init", "host", "fields", "x", "operations", "7",
        ]
        let methods: [HTTPRequest.Method] = [.get, .head, .post, .patch, .delete, .put]
        for _ in 0..<20_000 {
            let count = Int.random(in: 1...6, using: &generator)
            let path = (0..<count).map { _ in "/" + (words.randomElement(using: &generator) ?? "") }.joined()
            try check(methods.randomElement(using: &generator) ?? .get, path)
        }
        print("RouteIndexTests seed \(seed)")
    }

    @Test("An encoded path and the root are left to those who look at segments")
    func left() {
        #expect(ControlAPI.routeIndex.find(.get, Target("/tds/%61")) == nil)
        #expect(ControlAPI.routeIndex.find(.get, Target("/")) == nil)
        #expect(ControlAPI.routeIndex.find(.get, Target("/v1")) == nil)
        #expect(ControlAPI.routeIndex.find(.get, Target("")) == nil)
        #expect(ControlAPI.routeIndex.find(.get, Target("tds")) == nil)
    }

    private struct SplitMix: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9e37_79b9_7f4a_7c15
            var z = state
            z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
            z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
            return z ^ z >> 31
        }
    }
}

@Suite("The same head again")
struct RepeatedHeadTests {
    @Test("A role taken away or given counts from the next request on, though the head is known")
    func roles() throws {
        let roles = CertificateRoles([.uri("urn:a"): .viewer])
        let service = try Service(certificates: roles)
        let id = try service.createTD()
        let peer = Peer(
            listener: "tls",
            transport: .tls(address: "192.0.2.1", port: 1, identity: .verified(uris: ["urn:a"], sha256: "00")))
        let request = HTTPRequest(method: .get, scheme: nil, authority: "h", path: "/tds/\(id)")
        let head = RequestHead(peer: peer, request: request)
        func status() throws -> Int {
            let transport = LocalTransport()
            service.api.respond(to: Request(head: head), through: Exchange(transport))
            return try #require(transport.response(within: .seconds(20))).status.code
        }
        #expect(try status() == 200)
        #expect(head.reading is Asked)
        #expect(try status() == 200)
        roles.replace(with: [:])
        #expect(try status() == 403)
        #expect(try status() == 403)
        roles.replace(with: [.uri("urn:a"): .operator])
        #expect(try status() == 200)
        #expect((head.reading as? Asked)?.standing.role == .operator)
    }

    @Test("A known head shows each revision of its TD, and the end of it")
    func revisions() throws {
        let service = try Service()
        let id = try service.createTD()
        let peer = Peer(listener: "unix", transport: .unix(user: 4, group: 77, process: 1))
        let request = HTTPRequest(method: .get, scheme: nil, authority: "h", path: "/tds/\(id)")
        let head = RequestHead(peer: peer, request: request)
        func answer() throws -> Response {
            let transport = LocalTransport()
            service.api.respond(to: Request(head: head), through: Exchange(transport))
            return try #require(transport.response(within: .seconds(20)))
        }
        let (first, second) = (try answer(), try answer())
        #expect(first.head.headerFields[.eTag] == second.head.headerFields[.eTag])
        #expect(first.requestID != second.requestID)
        #expect(try service.ask(.patch, "/tds/\(id)", #"{"labels":{"a":"b"}}"#).status == 200)
        let third = try answer()
        #expect(third.head.headerFields[.eTag] != first.head.headerFields[.eTag])
        let body = third.body.collected(atMost: 1 << 20, within: .zero) ?? []
        #expect(String(decoding: body, as: UTF8.self).contains(#""labels":{"a":"b"}"#))
    }
}
