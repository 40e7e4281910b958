import ControlSchema
import FakeTDX
import HTTPTypes
import Testing

@testable import ControlAPI

@Suite("What resources say of themselves")
struct RepresentationTests {
    @Test("A TD's phase and states at each stage of building, and what it holds there")
    func stages() throws {
        let service = try Service()
        for (stage, phase, lifecycle, opState, tdcs) in [
            ("tdrCreated", "building", "HKID_ASSIGNED", String?.none, 0),
            ("keysConfigured", "building", "KEYS_CONFIGURED", nil, 0),
            ("tdcsAdded", "building", "KEYS_CONFIGURED", "UNINITIALIZED", 6),
            ("initialized", "initialized", "KEYS_CONFIGURED", "INITIALIZED", 6),
        ] {
            let id = try service.createTD(#"{"maxVcpus":1,"buildUntil":"\#(stage)"}"#)
            let td = try service.ask(.get, "/tds/\(id)").json
            let status = td["status"]
            #expect(status["phase"].string == phase && status["lifecycleState"].string == lifecycle)
            #expect(status["opState"].string == opState && status["stateSource"].string == "inferred")
            #expect(status["pages"]["tdr"].int == 1 && status["pages"]["tdcs"].int == tdcs)
            #expect(status["pages"]["totalBytes"].int == (1 + tdcs) * 4_096)
            #expect(status["keyConfiguredPackages"].items.count == (stage == "tdrCreated" ? 0 : 2))
            #expect(status["conditions"][0]["type"].string == "Ready")
            #expect(status["conditions"][0]["state"].string == (phase == "initialized" ? "True" : "False"))
            #expect(td["spec"]["buildUntil"].string == stage)
            _ = try service.ask(.delete, "/tds/\(id)")
        }
    }

    @Test("Defaults are filled in from the contract and the module, and what is zero or none is absent")
    func defaults() throws {
        let service = try Service()
        let id = try service.createTD(#"{"maxVcpus":3}"#)
        let spec = try service.ask(.get, "/tds/\(id)").json["spec"]
        #expect(
            spec
                == .object([
                    "attributes": .text("0x10000000"), "xfam": .text("0x3"), "maxVcpus": .number(3),
                    "numL2Vms": .number(0), "gpaWidthBits": .number(48), "eptLevels": .number(4),
                    "tscFrequencyKhz": spec["tscFrequencyKhz"], "noRbpMod": .bool(true),
                    "flexiblePendingVe": .bool(false), "vcpuCount": .number(0), "buildUntil": .text("initialized"),
                ]))
        #expect(spec["tscFrequencyKhz"].int?.isMultiple(of: 25_000) == true)
    }

    @Test("What was asked for is what is shown")
    func echo() throws {
        let service = try Service()
        let digest = String(repeating: "ab", count: 48)
        let cpuid = #"{"leaf":"0x1c","eax":"0x0","ebx":"0x0","ecx":"0x0","edx":"0x0"}"#
        let spec = #"""
            {"attributes":"0x10000001","xfam":"0x7","maxVcpus":65535,"numL2Vms":1,"gpaWidthBits":52,"eptLevels":5,
             "tscFrequencyKhz":1000000,"noRbpMod":false,"flexiblePendingVe":true,"mrConfigId":"\#(digest)",
             "mrOwner":"\#(digest)","mrOwnerConfig":"\#(digest)","cpuid":[\#(cpuid)],
             "ia32ArchCapabilities":{"enabled":true,"value":"0x0"},"vcpuCount":0,"buildUntil":"initialized"}
            """#
        let body = #"{"labels":{"tdx.example/pool":"a","empty":""},"spec":\#(spec)}"#
        let made = try service.ask(.post, "/tds", body)
        #expect(made.status == 201 && made.json["spec"] == JSON(Array(spec.utf8)))
        #expect(made.json["labels"] == .object(["tdx.example/pool": .text("a"), "empty": .text("")]))
        #expect(made.json["name"] == .null)
        let id = made.json["id"].string ?? ""
        #expect(IDKind.td.isID(id) && made.json["createdBy"].string == "uid:4")
        let names = made.json["status"]["xfamNames"].items.compactMap(\.string)
        #expect(names == ["X87", "SSE", "AVX"])
    }

    @Test("A tombstone keeps its record, its links and its trace, and is listed when asked for")
    func tombstone() throws {
        let service = try Service()
        let id = try service.createTD(#"{"maxVcpus":2,"vcpuCount":2}"#, name: "web-7")
        let deletion = try service.ask(.delete, "/tds/\(id)")
        let td = try service.ask(.get, "/tds/\(id)").json
        #expect(td["status"]["phase"].string == "deleted" && td["deletedAt"].string != nil)
        #expect(td["name"].string == "web-7" && td["status"]["keyId"] == .null)
        #expect(td["status"]["pages"]["totalBytes"].int == 0 && td["status"]["vcpus"]["created"].int == 0)
        #expect(td["status"]["allowedActions"] == .list([]))
        #expect(td["links"]["operation"].string == deletion.json["links"]["self"].string)
        for link in td["links"].members.values.compactMap(\.string) {
            #expect(try service.ask(.get, link).status == 200, "\(link)")
        }
        #expect(try service.ask(.get, "/tds/\(id)/pages").json["items"].items.isEmpty)
        #expect(try service.ask(.get, "/tds?includeDeleted=true&labelSelector=!a").json["items"].items.count == 1)
    }

    @Test("Every link of every resource leads somewhere")
    func links() throws {
        let service = try Service()
        let id = try service.createTD(#"{"maxVcpus":1,"vcpuCount":1}"#)
        _ = try service.ask(.post, "/tds/\(id)/actions/free-key", "{}")
        let operations = try service.ask(.get, "/operations").json["items"].items
        let records = try service.ask(.get, "/seamcalls").json["items"].items
        let bearers =
            try ["/", "/host", "/tds/\(id)", "/tds/\(id)/vcpus/0", "/host/keyids/33", "/errors/tdx-operand-busy"]
            .map { try service.ask(.get, $0).json } + operations + records
        let links = Set(
            bearers.flatMap { $0["links"].members.filter { $0.key != "cancel" }.values.compactMap(\.string) })
        #expect(links.count > 15)
        for link in links { #expect(try service.ask(.get, link).status == 200, "\(link)") }
    }

    @Test("A KeyID's life: free, assigned, flushed, free again, with its owner and how often it was used")
    func keyID() throws {
        let service = try Service()
        func look() throws -> JSON { try service.ask(.get, "/host/keyids/33").json }
        #expect(try look()["state"].string == "free" && look()["kotState"].string == "FREE")
        let id = try service.createTD()
        let assigned = try look()
        #expect(assigned["state"].string == "assigned" && assigned["owner"]["tdId"].string == id)
        #expect(assigned["packages"].items.allSatisfy { $0["keyConfigured"].bool == true })
        _ = try service.ask(.post, "/tds/\(id)/actions/flush-done", "{}")
        #expect(try look()["state"].string == "flushed" && look()["kotState"].string == "FLUSHED")
        #expect(try look()["packages"].items.allSatisfy { $0["writeBack"].string == "pending" })
        _ = try service.ask(.post, "/tds/\(id)/actions/free-key", "{}")
        #expect(try look()["lastFailure"]["completionName"].string == "TDX_WBCACHE_NOT_COMPLETE")
        _ = try service.ask(.delete, "/tds/\(id)")
        let freed = try look()
        #expect(freed["state"].string == "free" && freed["owner"] == .null && freed["reuseCount"].int == 1)
        let own = try service.ask(.get, "/host/keyids/32").json
        #expect(own["role"].string == "moduleGlobal" && own["kotState"].string == "RESERVED")
        #expect(try service.ask(.get, "/host/keyids/31").status == 404)
        #expect(try service.ask(.get, "/host/keyids/65536").status == 404)
    }

    @Test("Labels are merged by a patch, removed by null, and limited")
    func labels() throws {
        let service = try Service()
        let id = try service.createTD()
        func patch(_ body: String) throws -> Service.Answer { try service.ask(.patch, "/tds/\(id)", body) }
        #expect(try patch(#"{"labels":{"a":"1","b":"2"}}"#).json["labels"].members.count == 2)
        #expect(
            try patch(#"{"labels":{"a":null,"c":""}}"#).json["labels"] == .object(["b": .text("2"), "c": .text("")]))
        #expect(try patch(#"{"labels":null}"#).json["labels"] == .object([:]))
        let many = (0..<64).map { #""k\#($0)":"v""# }.joined(separator: ",")
        #expect(try patch(#"{"labels":{\#(many)}}"#).status == 200)
        #expect(try patch(#"{"labels":{"one-more":"v"}}"#).code == "too-many-labels")
        #expect(try patch(#"{"labels":{"k0":null,"one-more":"v"}}"#).status == 200)
        #expect(try patch(#"{"spec":{}}"#).json["violations"][0]["pointer"].string == "/spec")
    }

    @Test(
        "BUILD_DATE is read as the number it is in 1.5.01 and as the digits it is documented to be; no date is none",
        arguments: [(20_240_222 as UInt32, "20240222"), (0x2024_0222, "20240222"), (0, nil), (0x2024_1399, nil)])
    func buildDate(value: UInt32, date: String?) {
        #expect(ControlSchema.ModuleInformation.date(value) == date)
    }
}
