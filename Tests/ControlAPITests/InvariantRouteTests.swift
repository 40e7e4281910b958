import ControlSchema
import FakeTDX
import HTTPTypes
import TDLifecycle
import TDXCalls
import Testing

@testable import ControlAPI

@Suite("/invariants")
struct InvariantRouteTests {
    @Test("All hold of a host with a TD, and are shown again under the same tag until something happens")
    func holds() throws {
        let service = try Service()
        let td = try service.createTD(#"{"maxVcpus":2,"vcpuCount":1}"#)
        let answer = try service.ask(.get, "/invariants", as: .viewer)
        #expect(answer.status == 200)
        #expect(answer.json["holding"].int == InvariantName.known.count)
        #expect(answer.json["broken"].int == 0 && answer.json["notChecked"].int == 0)
        let items = answer.json["items"].items
        #expect(items.compactMap { $0["name"].string } == InvariantName.known.map(\.rawValue))
        #expect(items.compactMap { $0["name"].string } == Invariant.allCases.map(\.rawValue))
        let pages = items.first { $0["name"].string == "modulePagesAgree" }
        #expect(pages?["examined"].int == 13 && pages?["skipped"].int == 0)

        let tag = try #require(answer.fields[.eTag])
        #expect(try service.ask(.get, "/invariants", as: .viewer).body == answer.body)
        #expect(try service.ask(.get, "/invariants", [.ifNoneMatch: tag]).status == 304)
        #expect(try service.ask(.delete, "/tds/\(td)").status == 200)
        let after = try service.ask(.get, "/invariants", [.ifNoneMatch: tag])
        #expect(after.status == 200 && after.json["broken"].int == 0)
    }

    @Test("What the module has behind our back is shown by KeyID and page, and where only to those who may know")
    func broken() throws {
        let service = try Service()
        _ = try service.createTD()
        let (page, keyID) = (try service.fake.allocatePage(), try service.fake.allocateKeyID())
        service.fake.flush(page)
        var registers = Registers()
        registers.rcx = page.rawValue
        registers.rdx = UInt64(keyID.rawValue)
        #expect(try service.fake.call(.mngCreate, &registers, on: Processor(rawValue: 0)) == .success)

        let answer = try service.ask(.get, "/invariants", as: .lab)
        #expect(answer.status == 200 && answer.json["broken"].int == 3)
        let broken = answer.json["items"].items.filter { $0["state"].string == "broken" }
        #expect(
            broken.map { $0["name"].string } == ["modulePagesAgree", "moduleKeysAgree", "hostPoolAgrees"])
        let (stray, key) = (broken[0]["counterexamples"].items, broken[1]["counterexamples"].items)
        #expect(stray.map { $0["address"].string } == ["0x" + String(page.rawValue, radix: 16)])
        #expect(stray.first?["detail"].string == "the module has it as TDR, and no row has it")
        #expect(key.map { $0["keyId"].int } == [Int(keyID.rawValue)])
        #expect(key.first?["detail"].string == "its row is free, the module's entry ASSIGNED")
        #expect(broken[2]["brokenCount"].int == 2)

        let redacted = try service.ask(.get, "/invariants", as: .viewer).json["items"].items
        let hidden = redacted.first { $0["name"].string == "modulePagesAgree" }?["counterexamples"].items.first
        #expect(hidden?["address"] == .null && hidden?["redacted"].bool == true)
        #expect(try service.ask(.get, "/invariants", as: .metrics).status == 403)
    }

    @Test("A back end that does not show its tables says so, and nothing is claimed")
    func noTables() throws {
        let service = try Service(showsTables: false)
        let answer = try service.ask(.get, "/invariants").json
        #expect(answer["notChecked"].int == 3 && answer["broken"].int == 0)
        let unseen = answer["items"].items.filter { $0["state"].string == "notChecked" }
        #expect(unseen.map { $0["examined"].int } == [0, 0, 0])
        #expect(unseen.allSatisfy { $0["reason"].string == "the back end fake does not show its tables" })
    }
}
