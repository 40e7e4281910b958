import HTTPExchange
import HTTPTypes
import Testing

@testable import ControlAPI

@Suite("Lists")
struct ListTests {
    /// Follows `nextCursor` to the end.
    private func pages(_ service: Service, _ path: String, limit: Int) throws -> [[JSON]] {
        var pages: [[JSON]] = []
        var cursor: String?
        repeat {
            let mark = path.contains("?") ? "&" : "?"
            let next = cursor.map { "&cursor=\($0)" } ?? ""
            let answer = try service.ask(.get, "\(path)\(mark)limit=\(limit)\(next)")
            #expect(answer.status == 200)
            #expect(answer.fields[.eTag] == "\"r\(answer.json["revision"].int ?? -1)\"")
            pages.append(answer.json["items"].items)
            cursor = answer.json["nextCursor"].string
            try #require(pages.count < 100)
        } while cursor != nil
        return pages
    }

    @Test("Every list in parts is the list as a whole, in the same order, and the last part says that it is")
    func paging() throws {
        let service = try Service()
        let id = try service.createTD(#"{"maxVcpus":3,"vcpuCount":3}"#)
        for _ in 0..<4 { _ = try service.createTD() }
        for path in [
            "/tds", "/tds/\(id)/vcpus", "/tds/\(id)/pages", "/operations", "/host/keyids", "/seamcalls",
            "/tds/\(id)/seamcalls", "/seamcalls?td=\(id)", "/seamcalls?leaf=TDH.MNG.ADDCX",
        ] {
            let whole = try service.ask(.get, path).json
            #expect(whole["nextCursor"] == .null, "\(path)")
            let count = whole["items"].items.count
            for limit in [1, 2, count, count + 1] where count / limit < 60 {
                let parts = try pages(service, path, limit: limit)
                #expect(parts.flatMap(\.self) == whole["items"].items, "\(path) by \(limit)")
                #expect(parts.dropLast().allSatisfy { $0.count == limit })
                #expect(parts.count == max(1, (count + limit - 1) / limit))
            }
        }
    }

    @Test("A list is the concatenation of its items' bytes")
    func concatenation() {
        let items = [EncodedBody(Array(#"{"a":1}"#.utf8)), EncodedBody(Array("{}".utf8))]
        func text(_ body: EncodedBody) -> String { String(decoding: body.copied(), as: UTF8.self) }
        #expect(text(EncodedBody(list: items, revision: 7)) == #"{"items":[{"a":1},{}],"revision":7}"#)
        #expect(
            text(EncodedBody(list: [], nextCursor: Cursor(number: 33), revision: 0, extra: #","dropped":2"#))
                == #"{"items":[],"nextCursor":"00000000000000000000000011","revision":0,"dropped":2}"#)
    }

    @Test("The default limit is 100")
    func defaultLimit() throws {
        let service = try Service()
        let id = try service.createTD(#"{"maxVcpus":20,"vcpuCount":20}"#)
        let answer = try service.ask(.get, "/tds/\(id)/pages").json
        #expect(answer["items"].items.count == 100 && answer["nextCursor"].string != nil)
        #expect(try service.ask(.get, "/tds/\(id)/pages?limit=1000").json["items"].items.count == 7 + 6 * 20)
    }

    @Test("A cursor beyond the end gives nothing more, and one that no list gives is refused")
    func cursors() throws {
        let service = try Service()
        let id = try service.createTD(#"{"maxVcpus":1,"vcpuCount":1}"#)
        for path in ["/tds", "/operations", "/tds/\(id)/pages", "/tds/\(id)/vcpus", "/host/keyids", "/seamcalls"] {
            let beyond = try service.ask(.get, "\(path)?cursor=7\(String(repeating: "z", count: 25))")
            #expect(beyond.json["items"].items.isEmpty && beyond.json["nextCursor"] == .null)
            for cursor in [
                "", "x", "0", id, "8" + String(repeating: "0", count: 25), String(repeating: "u", count: 26),
            ] {
                #expect(try service.ask(.get, "\(path)?cursor=\(cursor)").code == "invalid-parameter", "\(cursor)")
            }
        }
    }

    @Test("A cursor holds when what it names is gone: a page that was taken back, a TD that was deleted")
    func cursorsOfTheGone() throws {
        let service = try Service()
        let id = try service.createTD(#"{"maxVcpus":1,"buildUntil":"tdcsAdded"}"#)
        for action in ["flush-done", "write-back", "write-back", "free-key"].enumerated() {
            let body = action.element == "write-back" ? #"{"package":\#(action.offset - 1)}"# : "{}"
            _ = try service.ask(.post, "/tds/\(id)/actions/\(action.element)", body)
        }
        let all = try service.ask(.get, "/tds/\(id)/pages").json["items"].items.compactMap { $0["id"].string }
        #expect(all.count == 7)
        #expect(try service.ask(.post, "/tds/\(id)/actions/reclaim-page", #"{"page":"\#(all[2])"}"#).status == 200)
        let rest = try service.ask(.get, "/tds/\(id)/pages?cursor=\(all[2].dropFirst(3))").json["items"].items
        #expect(rest.compactMap { $0["id"].string } == Array(all[3...]))

        let tds = try (0..<3).map { _ in try service.createTD() }
        _ = try service.ask(.delete, "/tds/\(tds[0])")
        let after = try service.ask(.get, "/tds?cursor=\(tds[0].dropFirst(3))").json["items"].items
        #expect(after.compactMap { $0["id"].string } == Array(tds[1...]))
    }

    @Test("A list is 304 until something in it changes, and its revision is that of the change")
    func notModified() throws {
        let service = try Service()
        let id = try service.createTD()
        let paths = [
            "/tds", "/operations", "/host/keyids", "/seamcalls", "/tds/\(id)/vcpus", "/tds/\(id)/pages",
            "/host/processors", "/host/capacity", "/tds/\(id)/actions",
        ]
        let tags = try paths.map { try #require(try service.ask(.get, $0).fields[.eTag]) }
        for (path, tag) in zip(paths, tags) {
            for field in [tag, "W/\(tag)", "\"x\", \(tag)", "*"] {
                let answer = try service.ask(.get, path, [.ifNoneMatch: field])
                #expect(answer.status == 304 && answer.fields[.eTag] == tag, "\(path) \(field)")
            }
            #expect(try service.ask(.get, path, [.ifNoneMatch: "\"r0\", r1, \"\", \"r01\""]).status == 200)
        }
        _ = try service.ask(.post, "/tds/\(id)/vcpus", "{}")
        for (path, tag) in zip(paths, tags) {
            let answer = try service.ask(.get, path, [.ifNoneMatch: tag])
            // vCPUs do not change who holds a KeyID.
            #expect(answer.status == (path == "/host/keyids" ? 304 : 200), "\(path)")
        }
        #expect(
            try service.ask(.get, "/tds").json["revision"].int
                == service.ask(.get, "/tds/\(id)").json["revision"].int)
    }

    @Test("What never changes while the daemon runs has a tag too")
    func constant() throws {
        let service = try Service()
        for path in ["/", "/host", "/openapi.json", "/errors", "/errors/busy"] {
            let tag = try #require(try service.ask(.get, path).fields[.eTag])
            #expect(try service.ask(.get, path, [.ifNoneMatch: tag]).status == 304)
            // A later daemon may say something else under the same path.
            #expect(tag != "\"r1\"")
        }
        #expect(
            try service.ask(.get, "/host").json["revision"].int.map { "\"r\($0)\"" }
                == service.ask(.get, "/host").fields[.eTag])
    }

    @Test("Records are found by operation, KeyID, leaf, completion and what came before")
    func records() throws {
        let service = try Service()
        let id = try service.createTD(#"{"maxVcpus":1,"vcpuCount":1}"#)
        let operation = try #require(try service.ask(.get, "/operations").json["items"][0]["id"].string)
        _ = try service.ask(.post, "/tds/\(id)/actions/free-key", "{}")
        func count(_ query: String) throws -> Int {
            try service.ask(.get, "/seamcalls?\(query)&limit=1000").json["items"].items.count
        }
        #expect(try count("operation=\(operation)") == 17)
        #expect(try count("td=\(id)") == 18 && count("keyId=33") == 18 && count("keyId=34") == 0)
        #expect(try count("leaf=TDH.VP.ADDCX") == 5 && count("leaf=TDH.SYS.RD") == 0)
        #expect(try count("completion=TDX_SUCCESS") == 17)
        #expect(try count("completion=TDX_LIFECYCLE_STATE_INCORRECT") == 1)
        #expect(try count("completion=0xc000060700000000") == 1)
        #expect(try count("completion=TDX_NO_SUCH_THING") == 0)
        let sequence = try #require(
            try service.ask(.get, "/seamcalls?limit=10").json["items"][9]["sequence"].int)
        #expect(try count("since=\(sequence)") == 8 && count("since=9007199254740991") == 0)
        #expect(try count("td=\(id)&leaf=TDH.MNG.ADDCX&completion=TDX_SUCCESS&keyId=33") == 6)
    }
}
