import HTTPExchange
import HTTPTypes
import TDLifecycle
import TDXCalls
import Testing
import Threading

@testable import ControlAPI

@Suite("Limits of one client")
struct LimitTests {
    private let wanted = #"{"spec":{"maxVcpus":1}}"#

    @Test("Too fast is refused with 429 before the body is read, says whose limit it is, and leaves others alone")
    func rate() throws {
        let service = try Service(rate: RequestRate(perSecond: 1, burst: 2))
        for _ in 0..<2 { #expect(try service.ask(.get, "/tds", as: .viewer).status == 200) }
        let refused = try service.ask(.post, "/tds", wanted, as: .viewer)
        #expect(refused.status == 429 && refused.code == "too-many-requests")
        #expect(refused.fields[.retryAfter] == "1")
        #expect(
            refused.json["limit"]
                == .object([
                    "name": .text("requestRate"), "identity": .text("uid:1"), "limit": .number(2), "used": .number(2),
                    "perSecond": .number(1),
                ]))
        #expect(refused.json["retryable"].bool == true)
        #expect(try service.ask(.get, "/tds", as: .operator).status == 200)
        #expect(try service.ask(.get, "/livez", as: .viewer).status == 429)
    }

    @Test("Strangers are limited, too")
    func strangers() throws {
        let service = try Service(rate: RequestRate(perSecond: 1, burst: 1))
        #expect(try service.ask(.get, "/livez", as: nil).status == 200)
        #expect(try service.ask(.get, "/livez", as: nil).status == 429)
    }

    @Test("KeyIDs: 507 names the client's limit, a dry run says so, others go on, and a deletion makes room")
    func keyIDs() throws {
        var limits = EngineLimits()
        limits.keyIDsPerPrincipal = 2
        let service = try Service(limits: limits)
        let first = try service.createTD()
        _ = try service.createTD()
        for path in ["/tds", "/tds?dryRun=true"] {
            let refused = try service.ask(.post, path, wanted)
            #expect(refused.status == 507 && refused.code == "keyid-limit-reached")
            #expect(
                refused.json["capacity"]
                    == .object([
                        "resource": .text("keyIds"), "limit": .number(2), "used": .number(2),
                        "quarantined": .number(0), "foreign": .number(0), "identity": .text("uid:4"),
                    ]))
        }
        #expect(try service.ask(.post, "/tds", wanted, as: .operator).status == 201)
        #expect(try service.ask(.delete, "/tds/\(first)").status == 200)
        #expect(try service.ask(.post, "/tds", wanted).status == 201)
    }

    @Test("The host's own shortage names nobody")
    func hostCapacity() throws {
        var limits = EngineLimits()
        limits.keyIDsPerPrincipal = 40
        let service = try Service(limits: limits)
        for _ in 0..<31 { _ = try service.createTD(#"{"maxVcpus":1,"buildUntil":"tdrCreated"}"#) }
        let refused = try service.ask(.post, "/tds", wanted)
        #expect(refused.status == 507 && refused.code == "capacity-exhausted")
        #expect(refused.json["capacity"]["limit"].int == 31)
        #expect(refused.json["capacity"]["identity"] == .null)
    }

    @Test("Operations under way: 429 with the number, and room again when one has ended")
    func operations() throws {
        var limits = EngineLimits()
        limits.operationsPerPrincipal = 1
        let service = try Service(limits: limits)
        service.port.hold(.mngKeyConfig)
        let begun = try service.ask(.post, "/tds", wanted, [.prefer: "respond-async"])
        let operation = try #require(begun.json["id"].string)
        let refused = try service.ask(.post, "/tds", wanted)
        #expect(refused.status == 429 && refused.code == "too-many-requests")
        #expect(refused.fields[.retryAfter] == "1")
        #expect(
            refused.json["limit"]
                == .object([
                    "name": .text("operations"), "identity": .text("uid:4"), "limit": .number(1), "used": .number(1),
                ]))
        // A plan begins nothing.
        #expect(try service.ask(.post, "/tds?dryRun=true", wanted).status == 200)
        service.port.release()
        #expect(try service.ask(.get, "/operations/\(operation)?waitSeconds=20").json["state"].string == "succeeded")
        #expect(try service.ask(.post, "/tds", wanted).status == 201)
    }
}
