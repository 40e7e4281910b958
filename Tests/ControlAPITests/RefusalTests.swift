import ControlSchema
import FakeTDX
import HTTPTypes
import TDLifecycle
import TDXCalls
import Testing

@testable import ControlAPI

@Suite("What is refused, and how")
struct RefusalTests {
    @Test("One vCPU too many is refused before a page is spent, at creation and later, by the right pointer")
    func tooManyVCPUs() throws {
        let service = try Service()
        let early = try service.ask(.post, "/tds", #"{"spec":{"maxVcpus":2,"vcpuCount":3}}"#)
        #expect(early.status == 422 && early.code == "max-vcpus-exceeded")
        #expect(early.json["violations"][0]["pointer"].string == "/spec/vcpuCount")
        #expect(try service.ask(.get, "/seamcalls").json["items"].items.isEmpty)
        let id = try service.createTD(#"{"maxVcpus":2}"#)
        let pages = try service.ask(.get, "/host/capacity").json["pages"]
        let late = try service.ask(.post, "/tds/\(id)/vcpus", #"{"count":3}"#)
        #expect(late.status == 422 && late.json["violations"][0]["pointer"].string == "/count")
        #expect(try service.ask(.get, "/host/capacity").json["pages"] == pages)
    }

    @Test("What the host has not is named by its pointer")
    func unknownThings() throws {
        let service = try Service()
        let id = try service.createTD()
        for (path, body, code, pointer) in [
            ("vcpus", #"{"count":2,"processors":[0,9]}"#, "unknown-processor", "/processors/1"),
            ("actions/flush-done", #"{"processor":9}"#, "unknown-processor", "/processor"),
            ("actions/configure-key", #"{"package":9}"#, "unknown-processor", "/package"),
            ("actions/reclaim-page", #"{"page":"pg-00000000000000000000000000"}"#, "unknown-page", "/page"),
        ] {
            let answer = try service.ask(.post, "/tds/\(id)/\(path)", body)
            #expect(answer.status == 422 && answer.code == code, "\(path)")
            #expect(answer.json["violations"][0]["pointer"].string == pointer)
        }
        let x2apic = try service.ask(.post, "/tds/\(id)/vcpus", #"{"x2apicIds":[0]}"#)
        #expect(x2apic.status == 501 && x2apic.code == "module-lacks-vp-init-v1")
    }

    @Test("One TD more than there are KeyIDs is 507 with the capacity; so are vCPUs beyond the pages")
    func capacity() throws {
        var platform = FakePlatform.oracle
        platform.privateKeyIDs = KeyID(rawValue: 32)...KeyID(rawValue: 34)
        let service = try Service(platform: platform)
        for _ in 0..<2 { _ = try service.createTD() }
        let full = try service.ask(.post, "/tds", #"{"spec":{"maxVcpus":1}}"#)
        #expect(full.status == 507 && full.code == "capacity-exhausted" && full.json["retryable"].bool == false)
        #expect(
            full.json["capacity"]
                == .object([
                    "resource": .text("keyIds"), "limit": .number(2), "used": .number(2), "quarantined": .number(0),
                    "foreign": .number(0),
                ]))
        let id = try #require(try service.ask(.get, "/tds").json["items"][0]["id"].string)
        _ = try service.ask(.delete, "/tds/\(id)")
        let pages = try service.ask(.post, "/tds", #"{"spec":{"maxVcpus":65535,"vcpuCount":65535}}"#)
        #expect(pages.status == 507 && pages.json["capacity"]["resource"].string == "pages")
    }

    @Test("A wrong state is 409 with the state and what may be done, never 404")
    func wrongState() throws {
        let service = try Service()
        let early = try service.createTD(#"{"maxVcpus":1,"buildUntil":"tdrCreated"}"#)
        let refused = try service.ask(.post, "/tds/\(early)/vcpus", "{}")
        #expect(refused.status == 409 && refused.code == "wrong-state")
        #expect(refused.json["currentState"]["phase"].string == "building")
        #expect(refused.json["currentState"]["lifecycleState"].string == "HKID_ASSIGNED")
        #expect(
            refused.json["allowedActions"] == (try service.ask(.get, "/tds/\(early)").json["status"]["allowedActions"]))
        let field = try service.ask(.get, "/tds/\(early)/fields/MRTD")
        #expect(field.status == 409 && field.code == "tdx-td-keys-not-configured")

        let gone = try service.createTD(#"{"maxVcpus":1,"vcpuCount":1}"#)
        _ = try service.ask(.delete, "/tds/\(gone)")
        let writes: [(HTTPRequest.Method, String, String?)] = [
            (.delete, "", nil), (.patch, "", #"{"name":"x"}"#), (.post, "/vcpus", "{}"),
            (.post, "/actions/flush-done", "{}"), (.get, "/fields/MRTD", nil), (.get, "/vcpus/0/fields/PEND_NMI", nil),
            (.post, "/vcpus/0/actions/flush", "{}"), (.patch, "/vcpus/0/fields/PEND_NMI", #"{"value":"0x0"}"#),
        ]
        for (method, path, body) in writes {
            let answer = try service.ask(method, "/tds/\(gone)\(path)", body)
            #expect(answer.status == 409 && answer.code == "wrong-state", "\(method) \(path)")
            #expect(answer.json["currentState"]["phase"].string == "deleted")
            #expect(answer.json["allowedActions"] == .list([]))
        }
    }

    @Test("A name is unique, cannot look like an id, and is free again after its TD")
    func names() throws {
        let service = try Service()
        let id = try service.createTD(name: "web-7")
        let taken = try service.ask(.post, "/tds", #"{"name":"web-7","spec":{"maxVcpus":1}}"#)
        #expect(taken.status == 409 && taken.code == "name-taken")
        #expect(taken.json["violations"][0]["pointer"].string == "/name")
        #expect(taken.json["links"]["td"].string == "/tds/\(id)")
        let other = try service.createTD(name: "web-8")
        #expect(try service.ask(.patch, "/tds/\(other)", #"{"name":"web-7"}"#).code == "name-taken")
        for name in ["td-x", "op-x", "pg-x", "img-x", "sc-x", "req-x"] {
            #expect(try service.ask(.post, "/tds", #"{"name":"\#(name)","spec":{"maxVcpus":1}}"#).status == 400)
            #expect(try service.ask(.patch, "/tds/\(id)", #"{"name":"\#(name)"}"#).status == 400)
        }
        #expect(try service.ask(.patch, "/tds/web-7", #"{"name":null}"#).json["name"] == .null)
        #expect(try service.ask(.get, "/tds/web-7").status == 404)
        #expect(try service.ask(.patch, "/tds/web-8", #"{"name":"web-7"}"#).status == 200)
        _ = try service.ask(.delete, "/tds/web-7")
        #expect(try service.ask(.post, "/tds", #"{"name":"web-7","spec":{"maxVcpus":1}}"#).status == 201)
    }

    @Test("Draining refuses new work with 503 and Retry-After, and readers go on")
    func draining() throws {
        let service = try Service()
        let id = try service.createTD()
        service.api.beginDraining()
        for (method, path, body) in [
            (HTTPRequest.Method.post, "/tds", #"{"spec":{"maxVcpus":1}}"#), (.delete, "/tds/\(id)", nil),
            (.post, "/tds/\(id)/vcpus", "{}"), (.post, "/tds/\(id)/actions/flush-done", "{}"),
            (.get, "/tds/\(id)/fields/MRTD", nil),
        ] as [(HTTPRequest.Method, String, String?)] {
            let answer = try service.ask(method, path, body)
            #expect(answer.status == 503 && answer.code == "draining" && answer.fields[.retryAfter] == "1", "\(path)")
            #expect(answer.json["retryable"].bool == true)
        }
        let ready = try service.ask(.get, "/readyz")
        #expect(ready.status == 503 && ready.code == "draining" && ready.fields[.retryAfter] == "1")
        #expect(try service.ask(.get, "/livez").status == 200 && service.ask(.get, "/tds/\(id)").status == 200)
    }

    @Test("A module that stays busy is 503 with Retry-After and the record; a back end that fails is its own family")
    func busy() throws {
        var limits = EngineLimits()
        limits.retryBudget = .milliseconds(20)
        let service = try Service(limits: limits)
        service.port.arm(Completion(.operandBusy, operand: .kot), on: .mngCreate, times: .max)
        let busy = try service.ask(.post, "/tds", #"{"spec":{"maxVcpus":1}}"#)
        #expect(busy.status == 503 && busy.code == "busy" && busy.fields[.retryAfter] == "1")
        #expect(busy.json["retryable"].bool == true)
        #expect(busy.json["seamcall"]["completion"]["name"].string == "TDX_OPERAND_BUSY")
        for (reason, status, code) in [
            (PortError.Reason.notExecuted, 503, "shim-unavailable"), (.outcomeUnknown, 503, "shim-unavailable"),
            (.unsupported, 501, "backend-lacks-leaf"), (.exhausted, 507, "capacity-exhausted"),
        ] {
            let problem = service.api.refused(.port(PortError(reason, "why"), nil), role: .lab).problem
            #expect(problem.status == status && problem.code == code && problem.detail == "why")
            #expect((problem.capacity?.resource == .pages) == (reason == .exhausted))
        }
    }

    @Test("A completion that nobody knows is reported in hexadecimal")
    func unknownCompletion() throws {
        let service = try Service()
        service.port.arm(Completion(rawValue: 0xc000_7f7f_0000_0001), on: .mngInit)
        let answer = try service.ask(.post, "/tds", #"{"spec":{"maxVcpus":1}}"#)
        #expect(answer.status == 500 && answer.code == "unknown-completion")
        #expect(answer.json["seamcall"]["completion"]["value"].string == "0xc0007f7f00000001")
        #expect(answer.json["seamcall"]["completion"]["name"] == .null)
        #expect(answer.json["seamcall"]["completion"]["outcome"].string == "error")
    }
}
