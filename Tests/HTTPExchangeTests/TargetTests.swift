import HTTPExchange
import HTTPTypes
import Testing

@Suite("Request targets")
struct TargetTests {
    @Test(
        "Path and query are told apart at the first question mark",
        arguments: [
            ("/tds", "/tds", nil), ("/tds?", "/tds", ""), ("/tds?a=1?b", "/tds", "a=1?b"), ("", "", nil),
        ] as [(String, String, String?)])
    func splits(raw: String, path: String, query: String?) {
        let target = Target(raw)
        #expect(target.path == path)
        #expect(target.query.map(String.init) == query)
    }

    @Test(
        "Segments are decoded one by one",
        arguments: [
            ("/", []), ("/tds", ["tds"]), ("/tds/", ["tds", ""]), ("//a", ["", "a"]), ("/a%20b/c", ["a b", "c"]),
            ("/%C3%A9?x=/y", ["é"]), ("/a+b", ["a+b"]), ("/%252F", ["%2F"]), ("/..%2e/.", ["...", "."]),
        ] as [(String, [String])])
    func segments(raw: String, expected: [String]) throws {
        #expect(try Target(raw).segments() == expected)
    }

    @Test(
        "What cannot be a path here is refused with its reason",
        arguments: [
            ("/a%2Fb", .encodedSlash), ("/a%2fb", .encodedSlash), ("/m%00x", .encodedNUL), ("/%", .badPercentEncoding),
            ("/%4", .badPercentEncoding), ("/%4g", .badPercentEncoding), ("/%ff", .notUTF8), ("*", .notOriginForm),
            ("", .notOriginForm), ("http://a/b", .notOriginForm),
        ] as [(String, TargetError)])
    func refusals(raw: String, reason: TargetError) {
        #expect(throws: reason) { try Target(raw).segments() }
    }

    @Test("The largest number of segments passes, one more does not")
    func segmentLimit() throws {
        let most = String(repeating: "/a", count: Target.maximumSegments)
        #expect(try Target(most).segments().count == Target.maximumSegments)
        #expect(throws: TargetError.tooManyParts) { try Target(most + "/a").segments() }
    }

    @Test("Query items keep their order, an absent value differs from an empty one, and plus is a space")
    func queryItems() throws {
        let items = try Target("/x?b=1&a&c=&=v&d=a+b%2Bc%2F&b=2&&e=f=g").queryItems()
        #expect(
            items == [
                .init(name: "b", value: "1"), .init(name: "a", value: nil), .init(name: "c", value: ""),
                .init(name: "", value: "v"), .init(name: "d", value: "a b+c/"), .init(name: "b", value: "2"),
                .init(name: "e", value: "f=g"),
            ])
        #expect(try Target("/x").queryItems().isEmpty)
        #expect(try Target("/x?").queryItems().isEmpty)
    }

    @Test(
        "A query that does not decode is refused with its reason",
        arguments: [
            ("/?a=%", .badPercentEncoding), ("/?%zz=1", .badPercentEncoding), ("/?a=%00", .encodedNUL),
            ("/?a=%c3", .notUTF8),
        ] as [(String, TargetError)])
    func queryRefusals(raw: String, reason: TargetError) {
        #expect(throws: reason) { try Target(raw).queryItems() }
    }

    @Test("The largest number of query items passes, one more does not")
    func queryLimit() throws {
        let most = "/?" + String(repeating: "a&", count: Target.maximumQueryItems - 1) + "a"
        #expect(try Target(most).queryItems().count == Target.maximumQueryItems)
        #expect(throws: TargetError.tooManyParts) { try Target(most + "&a").queryItems() }
    }

    @Test("A request head takes its target from the raw path")
    func head() {
        let peer = Peer(listener: "local", transport: .unix(user: 1000, group: 1000, process: 7))
        let request = HTTPRequest(method: .get, scheme: "http", authority: "h", path: "/tds?limit=2")
        let head = RequestHead(peer: peer, request: request)
        #expect(head.target.path == "/tds")
        #expect(head.method == .get)
        #expect(head.peer == peer)
    }
}
