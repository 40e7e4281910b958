import FakeTDX
import HTTPTypes
import TDXCalls
import Testing

@testable import ControlAPI

@Suite("The step level")
struct StepTests {
    @Test("A TD is built and taken down leaf by leaf; each answer is the record, and the refusals are shown raw")
    func wholeLife() throws {
        let service = try Service(tolerating: [.vpFlushSkipped])
        let before = try service.ask(.get, "/host/capacity").json
        let id = try service.createTD(#"{"maxVcpus":1,"buildUntil":"tdrCreated"}"#)
        func step(_ path: String, _ body: String = "{}") throws -> String? {
            let answer = try service.ask(.post, "/tds/\(id)/\(path)", body, as: .lab)
            #expect(answer.status == 200 && answer.fields[.location] == nil, "\(path)")
            #expect(answer.json["attempt"].int == 1 && answer.json["operationId"].string != nil)
            return answer.json["completion"]["name"].string
        }
        func phase() throws -> String? { try service.ask(.get, "/tds/\(id)").json["status"]["phase"].string }
        #expect(try step("actions/init") == "TDX_TD_KEYS_NOT_CONFIGURED")
        for package in 0...1 {
            #expect(try step("actions/configure-key", #"{"package":\#(package)}"#) == "TDX_SUCCESS")
        }
        #expect(try step("actions/init") == "TDX_TDCS_NOT_ALLOCATED")
        for _ in 0..<6 { #expect(try step("actions/add-tdcs-page") == "TDX_SUCCESS") }
        #expect(try phase() == "building")
        #expect(try step("vcpus/actions/create") == "TDX_OP_STATE_INCORRECT")
        #expect(
            try step("actions/init", #"{"spec":{"maxVcpus":1,"attributes":"0x80000000"}}"#) == "TDX_OPERAND_INVALID")
        #expect(try step("actions/init", #"{"spec":{"maxVcpus":2}}"#) == "TDX_SUCCESS")
        #expect(try phase() == "initialized")
        #expect(try service.ask(.get, "/tds/\(id)").json["spec"]["maxVcpus"].int == 2)
        #expect(try step("vcpus/actions/create") == "TDX_SUCCESS")
        for _ in 0..<5 { #expect(try step("vcpus/0/actions/add-tdcx-page") == "TDX_SUCCESS") }
        #expect(try step("vcpus/0/actions/init", #"{"initialRcx":"0x7","processor":2}"#) == "TDX_SUCCESS")
        let vcpu = try service.ask(.get, "/tds/\(id)/vcpus/0").json
        #expect(vcpu["spec"]["initialRcx"].string == "0x7")
        #expect(vcpu["status"]["association"]["processor"].int == 2)
        #expect(try step("actions/flush-done") == "TDX_FLUSHVP_NOT_DONE")
        #expect(try step("vcpus/0/actions/flush") == "TDX_SUCCESS")
        #expect(try step("actions/flush-done") == "TDX_SUCCESS")
        #expect(try phase() == "tearingDown")
        #expect(try step("actions/free-key") == "TDX_WBCACHE_NOT_COMPLETE")
        for package in 0...1 { #expect(try step("actions/write-back", #"{"package":\#(package)}"#) == "TDX_SUCCESS") }
        #expect(try step("actions/free-key") == "TDX_SUCCESS")
        let pages = try service.ask(.get, "/tds/\(id)/pages").json["items"].items.compactMap { $0["id"].string }
        #expect(try step("actions/reclaim-page", #"{"page":"\#(pages[0])"}"#) == "TDX_TD_ASSOCIATED_PAGES_EXIST")
        for page in pages.reversed() {
            #expect(try step("actions/reclaim-page", #"{"page":"\#(page)"}"#) == "TDX_SUCCESS")
        }
        #expect(try step("actions/write-back-tdr") == "TDX_SUCCESS")
        #expect(try phase() == "deleted")
        for name in ["keyIds", "pages", "vcpus"] {
            #expect(try service.ask(.get, "/host/capacity").json[name] == before[name])
        }
    }

    @Test("recover: false shows the first answer; without it the daemon calls again")
    func recover() throws {
        let service = try Service()
        let id = try service.createTD(#"{"maxVcpus":1,"buildUntil":"tdrCreated"}"#)
        let path = "/tds/\(id)/actions/configure-key"
        service.port.arm(Completion(.operandBusy, operand: .tdr), on: .mngKeyConfig)
        let raw = try service.ask(.post, path, #"{"package":0,"recover":false}"#)
        #expect(raw.status == 200 && raw.json["completion"]["name"].string == "TDX_OPERAND_BUSY")
        #expect(raw.json["refusedBy"].string == "module" && raw.json["handledAs"].string == "failed")
        service.port.arm(Completion(.operandBusy, operand: .tdr), on: .mngKeyConfig)
        let handled = try service.ask(.post, path, #"{"package":0}"#)
        #expect(handled.json["completion"]["name"].string == "TDX_SUCCESS" && handled.json["attempt"].int == 2)
    }

    @Test("A planned step is a record that was not made")
    func planned() throws {
        let service = try Service()
        let id = try service.createTD()
        let record = try service.ask(.post, "/tds/\(id)/actions/flush-done?dryRun=true", #"{"processor":3}"#).json
        #expect(record["handledAs"].string == "planned" && record["attempt"].int == 0)
        #expect(record["id"].string == "sc-00000000000000000000000000" && record["sequence"] == .null)
        #expect(record["completion"] == .null && record["shimFailure"] == .null && record["refusedBy"] == .null)
        #expect(record["processor"].int == 3 && record["leaf"].string == "TDH.MNG.VPFLUSHDONE")
    }

    @Test("/actions lists every action with its role and why not; those allowed are those of the status")
    func actions() throws {
        let service = try Service()
        for stage in ["tdrCreated", "keysConfigured", "tdcsAdded", "initialized"] {
            let id = try service.createTD(#"{"maxVcpus":1,"buildUntil":"\#(stage)"}"#)
            let list = try service.ask(.get, "/tds/\(id)/actions").json
            let status = try service.ask(.get, "/tds/\(id)").json["status"]
            let allowed = list["items"].items.filter { $0["allowed"].bool == true }
            #expect(
                Set(allowed.compactMap { $0["action"].string })
                    == Set(status["allowedActions"].items.compactMap(\.string)))
            for item in list["items"].items {
                #expect((item["allowed"].bool == true) == (item["reason"] == .null))
                let method = try #require(item["method"].string)
                let path = item["href"].string?.replacing("/tds/\(id)", with: "/tds/{id}")
                let route = ControlAPI.routes.first { $0.method.rawValue == method && $0.path == path }
                #expect(route?.role?.rawValue == item["role"].string, "\(method) \(path ?? "")")
            }
        }
    }
}
