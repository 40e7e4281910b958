import HTTPExchange
import HTTPTypes
import TDXCalls
import Testing
import Threading

@testable import ControlAPI

@Suite("Idempotency-Key")
struct IdempotencyTests {
    private let body = #"{"spec":{"maxVcpus":1}}"#

    private func key(_ key: String) -> HTTPFields { [.idempotencyKey: key] }

    @Test("The first answer is given again, however the request is spelt; the field says so")
    func replay() throws {
        let service = try Service()
        let id = try service.createTD()
        let path = "/tds/\(id)/vcpus"
        let first = try service.ask(.post, "\(path)?dryRun=false", #"{"count":1}"#, key("k"))
        #expect(first.status == 201 && first.fields[.idempotencyReplayed] == nil)
        let again = try service.ask(.post, "/v1\(path)?dryRun=false", #"{"count":1}"#, key("k"))
        #expect(again.status == 201 && again.body == first.body && again.fields[.eTag] == first.fields[.eTag])
        #expect(again.fields[.location] == path && again.fields[.idempotencyReplayed] == "true")
        #expect(again.fields[.requestID] != first.fields[.requestID])
        #expect(try service.ask(.get, "/tds/\(id)").json["status"]["vcpus"]["created"].int == 1)
        let operation = try service.ask(.get, "/operations/\(first.json["operation"].string ?? "")")
        #expect(operation.json["idempotencyKey"].string == "k")
    }

    @Test("Another body, path or query with the key is refused; another client's key is another")
    func reused() throws {
        let service = try Service()
        _ = try service.ask(.post, "/tds", body, key("k"))
        let id = try service.createTD()
        for (path, other) in [
            ("/tds", #"{"spec":{"maxVcpus":2}}"#), ("/tds?dryRun=true", body), ("/tds/\(id)/actions/flush-done", "{}"),
        ] {
            let answer = try service.ask(.post, path, other, key("k"))
            #expect(answer.status == 422 && answer.code == "idempotency-key-reused", "\(path)")
        }
        #expect(try service.ask(.post, "/tds", #"{"spec":{"maxVcpus":2}}"#, as: .lab, key("k")).status == 201)
        func bench(_ listener: String, _ role: Int) throws -> Int {
            let peer = Peer(listener: listener, transport: .tcp(address: "127.0.0.1", port: 1))
            return try service.ask(.post, "/tds", body, peer: peer, key("shared")).status
        }
        #expect(try bench("bench", 1) == 201)
        #expect(try bench("open", 2) == 403)
    }

    @Test("While the first is running the repeat is refused with its operation; then it gets its answer")
    func inFlight() throws {
        let service = try Service()
        service.port.hold(.mngKeyConfig)
        let first = try service.begin(.post, "/tds", body, key("k"))
        var refused = try service.ask(.post, "/tds", body, key("k"))
        while refused.code == "idempotency-key-in-flight", refused.json["operation"].string == nil {
            refused = try service.ask(.post, "/tds", body, key("k"))
        }
        #expect(refused.status == 409 && refused.code == "idempotency-key-in-flight")
        #expect(refused.json["retryable"].bool == true)
        let operation = try #require(refused.json["operation"].string)
        #expect(refused.json["links"]["operation"].string == "/operations/\(operation)")
        service.port.release()
        let made = try #require(first.response(within: .seconds(20)))
        #expect(made.head.status == .created)
        let again = try service.ask(.post, "/tds", body, key("k"))
        #expect(again.status == 201 && again.fields[.idempotencyReplayed] == "true")
        #expect(try service.ask(.get, "/tds").json["items"].items.count == 1)
    }

    @Test("Of many at once with one key one is done, and the others are told or given its answer")
    func concurrent() throws {
        let service = try Service()
        let answers = try (0..<16).map { _ in try service.begin(.post, "/tds", body, key("k")) }
        let statuses = answers.compactMap { $0.response(within: .seconds(20))?.head.status.code }
        #expect(statuses.count == 16 && Set(statuses).isSubset(of: [201, 409]) && statuses.contains(201))
        #expect(try service.ask(.get, "/tds").json["items"].items.count == 1)
    }

    @Test("A refusal before anything began, and one that may pass, frees the key")
    func freed() throws {
        let service = try Service()
        _ = try service.createTD(name: "taken")
        let named = #"{"name":"taken","spec":{"maxVcpus":1}}"#
        #expect(try service.ask(.post, "/tds", named, key("a")).code == "name-taken")
        #expect(try service.ask(.delete, "/tds/taken").status == 200)
        #expect(try service.ask(.post, "/tds", named, key("a")).status == 201)
        #expect(try service.ask(.post, "/tds", "{", key("b")).status == 400)
        #expect(try service.ask(.post, "/tds", body, key("b")).status == 201)
    }

    @Test("A failure of what was begun is the answer: the repeat does not try again")
    func kept() throws {
        let service = try Service()
        let bad = #"{"spec":{"maxVcpus":1,"attributes":"0x80000000"}}"#
        let first = try service.ask(.post, "/tds", bad, key("k"))
        #expect(first.status == 422 && first.code == "tdx-operand-invalid")
        let again = try service.ask(.post, "/tds", bad, key("k"))
        #expect(again.status == 422 && again.fields[.idempotencyReplayed] == "true")
        #expect(again.json["operation"] == first.json["operation"] && first.json["operation"].string != nil)
        #expect(try service.ask(.get, "/operations").json["items"].items.count == 1)
    }

    @Test(
        "A key has 1 to 255 visible characters", arguments: ["", " ", "a b", "ä", String(repeating: "k", count: 256)])
    func malformed(key: String) throws {
        let answer = try Service().ask(.post, "/tds", body, self.key(key))
        #expect(answer.status == 400 && answer.json["violations"][0]["parameter"].string == "Idempotency-Key")
    }

    @Test("The oldest answers go first; what runs, and what was freed, does not push them out")
    func eviction() {
        let table = IdempotencyTable(entriesMax: 10)
        func claim(_ number: Int) -> IdempotencyClaim {
            IdempotencyClaim(principal: "p", listener: "l", key: "\(number)")
        }
        func isKnown(_ number: Int) -> Bool {
            if case .go = table.claim(claim(number), request: "other", body: []) { false } else { true }
        }
        _ = table.claim(claim(0), request: "r", body: [])
        for number in 1...9 {
            _ = table.claim(claim(number), request: "r", body: [])
            table.finish(claim(number), Response(status: .ok), isRetryable: false)
        }
        for _ in 0..<100 {
            _ = table.claim(claim(99), request: "r", body: [])
            table.finish(claim(99), Response(status: .badRequest), isRetryable: false)
        }
        _ = table.claim(claim(10), request: "r", body: [])
        #expect((0...9).allSatisfy { $0 == 1 || isKnown($0) })
        #expect(!isKnown(1))
    }
}
