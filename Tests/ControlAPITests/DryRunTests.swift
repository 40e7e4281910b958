import HTTPTypes
import TDXCalls
import Testing

@testable import ControlAPI

@Suite("dryRun on every write")
struct DryRunTests {
    /// Everything a client can see of the state, but for what says when and who asked.
    private func state(_ service: Service, _ id: String) throws -> [[UInt8]] {
        try [
            "/tds", "/tds/\(id)", "/tds/\(id)/pages", "/operations", "/host/capacity", "/host/keyids", "/seamcalls",
            "/images",
        ]
        .map { try service.ask(.get, $0).body }
    }

    private static func fields(_ route: Route) -> HTTPFields {
        route.bodies == .octets ? [.contentType: Route.octets] : [:]
    }

    @Test("Each of them has the parameter, answers 200, and changes nothing")
    func everyWrite() throws {
        let service = try Service()
        let id = try service.createTD(#"{"maxVcpus":2,"vcpuCount":1}"#, name: "web-7")
        let page = try #require(try service.ask(.get, "/tds/\(id)/pages").json["items"][0]["id"].string)
        let bodies = [
            "createTd": #"{"spec":{"maxVcpus":1}}"#, "patchTd": #"{"name":"other","labels":{"a":"b"}}"#,
            "createVcpus": #"{"count":1}"#, "writeTdField": #"{"value":"0x1"}"#, "writeVcpuField": #"{"value":"0x1"}"#,
            "configureKey": #"{"package":0}"#, "writeBack": #"{"package":0}"#, "reclaimPage": #"{"page":"\#(page)"}"#,
            "addMemory": #"{"gpa":"0x0","sizeBytes":4096}"#,
        ]
        let image = try service.upload([1, 2, 3])
        let before = try state(service, id)
        for route in ControlAPI.routes where route.method != .get && route.operationID != "cancelOperation" {
            let field = route.operationID == "writeVcpuField" ? "PEND_NMI" : "HP_LOCK_TIMEOUT"
            let path = route.path.replacing("{id}", with: id).replacing("{n}", with: "0")
                .replacing("{field}", with: field).replacing("{digest}", with: image)
            let body = route.mediaTypes == nil ? nil : bodies[route.operationID] ?? "{}"
            #expect(route.parameters.contains("dryRun"), "\(route.operationID)")
            let answer = try service.ask(route.method, path + "?dryRun=true", body, Self.fields(route))
            #expect(answer.status == 200, "\(route.operationID)")
            #expect(try state(service, id) == before, "\(route.operationID)")
            #expect(try service.ask(.get, "/tds/other").status == 404)
        }
    }

    @Test("A plan counts the leaves, pages and KeyIDs that the real thing then takes")
    func plans() throws {
        let service = try Service()
        let spec = #"{"spec":{"maxVcpus":3,"vcpuCount":2}}"#
        let plan = try service.ask(.post, "/tds?dryRun=true", spec).json
        #expect(plan["keyIds"].int == 1 && plan["wouldFail"].items.isEmpty)
        #expect(
            plan["pages"]
                == .object([
                    "tdr": .number(1), "tdcs": .number(6), "tdvpr": .number(2), "tdcx": .number(10),
                    "sept": .number(0), "guest": .number(0),
                ]))
        let id = try #require(try service.ask(.post, "/tds", spec).json["id"].string)
        let made = try service.ask(.get, "/seamcalls?td=\(id)").json["items"].items
        var planned: [String: Int] = [:]
        for leaf in plan["leaves"].items { planned[leaf["leaf"].string ?? "", default: 0] += leaf["times"].int ?? 0 }
        #expect(planned == Dictionary(made.map { ($0["leaf"].string ?? "", 1) }, uniquingKeysWith: +))
        let more = try service.ask(.post, "/tds/\(id)/vcpus?dryRun=true", #"{"count":1}"#).json
        #expect(more["kind"].string == "vcpu.create" && more["keyIds"].int == 0)
        #expect(more["leaves"].items.map { $0["times"].int } == [1, 5, 1])
        let deletion = try service.ask(.delete, "/tds/\(id)?dryRun=true").json
        let teardown = deletion["plan"]["leaves"].items
        _ = try service.ask(.delete, "/tds/\(id)")
        let all = try service.ask(.get, "/seamcalls?td=\(id)&limit=1000").json["items"].items.dropFirst(made.count)
        #expect(teardown.reduce(0) { $0 + ($1["times"].int ?? 0) } == all.count)
    }

    @Test("It is refused for what the real thing is refused for")
    func refusals() throws {
        let service = try Service()
        let id = try service.createTD(#"{"maxVcpus":1,"vcpuCount":1}"#, name: "web-7")
        let gone = try service.createTD()
        _ = try service.ask(.delete, "/tds/\(gone)")
        let writes: [(HTTPRequest.Method, String, String?, HTTPFields)] = [
            (.post, "/tds", #"{"name":"web-7","spec":{"maxVcpus":1}}"#, [:]),
            (.post, "/tds", #"{"spec":{"maxVcpus":1,"vcpuCount":2}}"#, [:]),
            (.post, "/tds", #"{"spec":{"maxVcpus":65535,"vcpuCount":65535}}"#, [:]),
            (.post, "/tds/\(id)/vcpus", #"{"count":1}"#, [:]),
            (.post, "/tds/\(gone)/vcpus", #"{"count":1}"#, [:]),
            (.post, "/tds/nobody/vcpus", #"{"count":1}"#, [:]),
            (.post, "/tds/\(id)/vcpus", #"{"count":1,"x2apicIds":[0]}"#, [:]),
            (.post, "/tds/\(id)/vcpus", #"{"count":1,"processors":[99]}"#, [:]),
            (.delete, "/tds/\(gone)", nil, [:]), (.delete, "/tds/nobody", nil, [:]),
            (.delete, "/tds/\(id)", nil, [.ifMatch: "\"r1\""]),
            (.patch, "/tds/\(id)", #"{"name":"td-x"}"#, [:]), (.patch, "/tds/nobody", "{}", [:]),
            (.patch, "/tds/\(id)", "{}", [.ifMatch: "\"r1\""]),
            (.post, "/tds/\(id)/actions/configure-key", #"{"package":9}"#, [:]),
            (.post, "/tds/\(gone)/actions/flush-done", "{}", [:]),
            (.post, "/tds/\(id)/actions/flush-done", #"{"processor":99}"#, [:]),
            (.post, "/tds/\(id)/actions/reclaim-page", #"{"page":"pg-00000000000000000000000000"}"#, [:]),
            (.post, "/tds/\(id)/vcpus/7/actions/flush", "{}", [:]),
            (.post, "/tds/\(id)/actions/flush-done", "{}", [.ifMatch: "\"r1\""]),
            (.patch, "/tds/\(id)/fields/NO_SUCH", #"{"value":"0x0"}"#, [:]),
            (.patch, "/tds/\(gone)/fields/HP_LOCK_TIMEOUT", #"{"value":"0x0"}"#, [:]),
            (.patch, "/tds/\(id)/vcpus/7/fields/PEND_NMI", #"{"value":"0x0"}"#, [:]),
            (.patch, "/tds/\(id)/vcpus/0/fields/PEND_NMI", #"{"value":"0x0"}"#, [.ifMatch: "\"r1\""]),
            (.post, "/operations/op-00000000000000000000000000/actions/cancel", "{}", [:]),
        ]
        for (method, path, body, fields) in writes {
            let dry = try service.ask(method, path + "?dryRun=true", body, as: .admin, fields)
            let real = try service.ask(method, path, body, as: .admin, fields)
            #expect(real.status >= 400 && dry.status == real.status && dry.code == real.code, "\(method) \(path)")
            #expect(dry.json["violations"] == real.json["violations"] && dry.json["detail"] == real.json["detail"])
        }
    }

    @Test("Of a deletion that runs already, a dry run names the operation, as the real thing does")
    func runningDeletion() throws {
        let service = try Service()
        let id = try service.createTD()
        service.port.hold(.phymemCacheWB)
        defer { service.port.release() }
        let real = try service.ask(.delete, "/tds/\(id)", [.prefer: "respond-async"])
        let dry = try service.ask(.delete, "/tds/\(id)?dryRun=true", [:])
        #expect(real.status == 202 && dry.status == 200)
        #expect(dry.json["id"] == real.json["id"] && dry.json["kind"].string == "td.delete")
    }

    @Test("What the module is bound to refuse is in the plan, with its pointer, and then it does")
    func foreseen() throws {
        let service = try Service()
        for (spec, pointers) in [
            (#"{"maxVcpus":1,"attributes":"0x80000000"}"#, ["/spec/attributes"]),
            (#"{"maxVcpus":1,"xfam":"0x1"}"#, ["/spec/xfam"]),
            (#"{"maxVcpus":1,"attributes":"0x2","xfam":"0x8000000000000003"}"#, ["/spec/attributes", "/spec/xfam"]),
        ] {
            let plan = try service.ask(.post, "/tds?dryRun=true", #"{"spec":\#(spec)}"#)
            #expect(plan.status == 200)
            #expect(plan.json["wouldFail"].items.compactMap { $0["pointer"].string } == pointers)
            let real = try service.ask(.post, "/tds", #"{"spec":\#(spec)}"#)
            #expect(real.status == 422 && real.json["violations"][0]["pointer"].string == pointers[0])
            #expect(real.code == plan.json["wouldFail"][0]["code"].string)
            #expect(real.json["violations"][0]["reason"] == plan.json["wouldFail"][0]["detail"])
        }
        let early = #"{"spec":{"maxVcpus":1,"attributes":"0x80000000","buildUntil":"tdcsAdded"}}"#
        #expect(try service.ask(.post, "/tds?dryRun=true", early).json["wouldFail"].items.isEmpty)
    }
}
