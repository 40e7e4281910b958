import ControlSchema
import HTTPTypes
import Testing

@testable import ControlAPI

@Suite("/fake/hazards")
struct HazardRouteTests {
    private static let list = HazardList(
        items: [
            Hazard(
                number: 1, rule: "pageNotFlushed", page: HexValue(0x1_0011_3000), keyId: 34,
                earlier: HazardDeed(name: "host.allocate", sequence: 4),
                later: HazardDeed(name: "TDH.MNG.CREATE", processor: 0, sequence: 5), explanation: "dirty lines",
                source: "flush before a page is given")
        ], total: 3, revision: 3)

    @Test("It shows the fake's hazards, whose number is their ETag, and where a page is only to those who may know")
    func shows() throws {
        let service = try Service(hazards: { Self.list })
        let answer = try service.ask(.get, "/fake/hazards", as: .lab)
        #expect(answer.status == 200 && answer.json["total"].int == 3)
        let hazard = answer.json["items"].items.first
        #expect(hazard?["rule"].string == "pageNotFlushed" && hazard?["page"].string == "0x100113000")
        #expect(hazard?["keyId"].int == 34 && hazard?["earlier"]["name"].string == "host.allocate")
        #expect(hazard?["later"]["processor"].int == 0 && hazard?["later"]["sequence"].int == 5)
        let redacted = try service.ask(.get, "/fake/hazards", as: .operator)
        #expect(redacted.status == 200 && redacted.json["items"].items.first?["page"] == .null)
        #expect(try service.ask(.get, "/fake/hazards", as: .viewer).status == 403)
    }

    @Test("Where the back end is no fake it is 501")
    func noFake() throws {
        let answer = try Service().ask(.get, "/fake/hazards", as: .lab)
        #expect(answer.status == 501 && answer.code == "backend-is-no-fake")
    }

    @Test("/host says which release the fake plays, if one is told")
    func profile() throws {
        let host = try Service().ask(.get, "/host").json
        #expect(host["backend"]["profile"]["name"].string == "1.5.01")
        #expect(host["backend"]["profile"]["heldAgainstRecordings"].bool == true)
    }
}
