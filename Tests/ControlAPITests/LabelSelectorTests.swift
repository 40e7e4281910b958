import HTTPTypes
import Testing

@testable import ControlAPI

@Suite("labelSelector has Kubernetes' grammar")
struct LabelSelectorTests {
    private static let labels = ["team": "payments", "tdx.example/pool": "a", "empty": ""]

    @Test(
        "Selects",
        arguments: [
            "", " ", "team=payments", "team==payments", " team = payments ", "team!=billing", "absent!=x", "team",
            "!absent", "! absent", "empty=", "empty==", "empty in ()", "empty in (x,)", "team in (billing, payments)",
            "team notin (billing)", "absent notin (a,b)", "tdx.example/pool=a",
            "team=payments,tdx.example/pool in (a,b),!legacy", "team,empty", "team\t=\npayments", "team in(payments)",
        ])
    func selects(selector: String) throws {
        #expect(try LabelSelector(selector).matches(Self.labels))
    }

    @Test(
        "Does not select",
        arguments: [
            "team=billing", "team=", "team!=payments", "!team", "absent", "absent=", "absent in (x)",
            "team in (billing)", "team notin (payments,x)", "team=payments,absent", "TEAM=payments",
        ])
    func misses(selector: String) throws {
        #expect(try !LabelSelector(selector).matches(Self.labels))
    }

    @Test(
        "Is malformed",
        arguments: [
            ",", "team,", ",team", "team,,empty", "=payments", "team=payments billing", "team in", "team in (",
            "team in (a", "team in a", "team in (a b)", "team is (a)", "team>1", "team<1", "!", "!!team", "!team=a",
            "team!", "team!!=a", "team===a", "a/b/c=d", "-team=a", "team=-a", "team=a/b", "/a", "a/", "team in (a/b)",
            "team=\"a\"", "tëam=a", "(team)", "team=a;b", String(repeating: "a", count: 64),
            "team=" + String(repeating: "a", count: 64), "UPPER.example/a=b",
        ])
    func malformed(selector: String) throws {
        #expect(throws: LabelSelector.Malformed.self) { try LabelSelector(selector) }
    }

    @Test("A selector has at most 32 requirements and 1,024 bytes")
    func limits() throws {
        let many = Array(repeating: "a", count: 32).joined(separator: ",")
        #expect(try LabelSelector(many).requirements.count == 32)
        #expect(throws: LabelSelector.Malformed.self) { try LabelSelector(many + ",a") }
        #expect(try LabelSelector("a" + String(repeating: " ", count: 1_023)).requirements.count == 1)
        #expect(throws: LabelSelector.Malformed.self) { try LabelSelector("a" + String(repeating: " ", count: 1_024)) }
    }

    @Test("A list takes one, and says what is wrong with it")
    func list() throws {
        let service = try Service()
        for (name, labels) in [("a", #"{"team":"x","tier":"1"}"#), ("b", #"{"team":"y"}"#), ("c", "{}")] {
            let body = #"{"name":"\#(name)","labels":\#(labels),"spec":{"maxVcpus":1}}"#
            #expect(try service.ask(.post, "/tds", body).status == 201)
        }
        func names(_ selector: String) throws -> [String] {
            try service.ask(.get, "/tds?labelSelector=\(selector)").json["items"].items.compactMap { $0["name"].string }
        }
        #expect(try names("team") == ["a", "b"] && names("!team") == ["c"] && names("team%3Dx") == ["a"])
        #expect(try names("team+notin+(y)") == ["a", "c"] && names("team%20in%20(x,y),tier") == ["a"])
        #expect(try names("team&limit=1") == ["a"] && names("") == ["a", "b", "c"])
        let refused = try service.ask(.get, "/tds?labelSelector=team%3E1")
        #expect(refused.status == 400 && refused.json["violations"][0]["parameter"].string == "labelSelector")
    }
}
