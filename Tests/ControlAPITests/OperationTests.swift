import HTTPTypes
import TDLifecycle
import TDXCalls
import Testing

@testable import ControlAPI

@Suite("Operations")
struct OperationTests {
    @Test("One that runs shows its progress, is waited for, and then its result")
    func progress() throws {
        let service = try Service()
        service.port.hold(.mngKeyConfig)
        let started = try service.ask(.post, "/tds", #"{"spec":{"maxVcpus":1}}"#, [.prefer: "respond-async"])
        #expect(started.status == 202 && started.fields[.retryAfter] == "1")
        let link = try #require(started.fields[.location])
        #expect(["pending", "running"].contains(started.json["state"].string))
        #expect(started.json["cancellable"].bool == true && started.json["endedAt"] == .null)
        #expect(started.json["progress"]["total"].int == 10 && started.json["progress"]["unit"].string == "seamcalls")
        let td = try #require(started.json["target"]["tdId"].string)
        #expect(try service.ask(.get, "/tds/\(td)").json["status"]["activeOperation"] == started.json["id"])
        let early = try service.ask(.get, link)
        #expect(early.fields[.retryAfter] == "1")
        service.port.release()
        let ended = try service.ask(.get, link + "?waitSeconds=20")
        #expect(ended.json["state"].string == "succeeded" && ended.fields[.retryAfter] == nil)
        #expect(
            ended.json["progress"] == .object(["done": .number(10), "total": .number(10), "unit": .text("seamcalls")]))
        #expect(ended.json["rollback"].string == "notNeeded" && ended.json["residue"] == .null)
        #expect(ended.json["problem"] == .null && ended.json["links"]["result"].string == "/tds/\(td)")
        #expect(ended.json["requestId"] == started.json["requestId"])
        let tag = try #require(ended.fields[.eTag])
        #expect(try service.ask(.get, link + "?waitSeconds=1", [.ifNoneMatch: tag]).status == 304)
        #expect(try service.ask(.get, "/tds/\(td)").json["status"]["activeOperation"] == .null)
    }

    @Test("A wait that is too short ends with the operation as it stands")
    func shortWait() throws {
        let service = try Service()
        service.port.hold(.mngKeyConfig)
        defer { service.port.release() }
        let answer = try service.ask(.post, "/tds", #"{"spec":{"maxVcpus":1}}"#, [.prefer: "wait=1"])
        #expect(answer.status == 202 && answer.json["state"].string == "running")
        #expect(answer.fields[.preferenceApplied] == "wait=1")
        let early = try service.ask(.get, (answer.fields[.location] ?? "") + "?waitSeconds=0")
        #expect(early.json["state"].string == "running")
    }

    @Test("Cancelling a creation takes it back; what has ended, or must go on, cannot be cancelled")
    func cancel() throws {
        let service = try Service()
        service.port.hold(.mngKeyConfig)
        let before = try service.ask(.get, "/host/capacity").json
        let started = try service.ask(.post, "/tds", #"{"spec":{"maxVcpus":1}}"#, [.prefer: "respond-async"])
        let link = try #require(started.fields[.location])
        let dry = try service.ask(.post, "\(link)/actions/cancel?dryRun=true")
        #expect(dry.status == 200 && dry.json["state"].string != "cancelling")
        let cancelled = try service.ask(.post, "\(link)/actions/cancel", "{}")
        #expect(cancelled.status == 200 && cancelled.json["state"].string == "cancelling")
        #expect(cancelled.fields[.eTag] == "\"r\(cancelled.json["revision"].int ?? 0)\"")
        #expect(try service.ask(.post, "\(link)/actions/cancel").status == 200)
        service.port.release()
        let ended = try service.ask(.get, link + "?waitSeconds=20").json
        #expect(ended["state"].string == "cancelled" && ended["rollback"].string == "done")
        #expect(ended["problem"]["code"].string == "cancelled" && ended["problem"]["status"].int == 409)
        #expect(ended["problem"]["requestId"] == ended["requestId"])
        for suffix in ["", "?dryRun=true"] {
            let late = try service.ask(.post, "\(link)/actions/cancel\(suffix)")
            #expect(late.status == 409 && late.code == "not-cancellable")
            #expect(late.json["currentState"]["operationState"].string == "cancelled")
        }
        for name in ["keyIds", "pages", "vcpus"] {
            #expect(try service.ask(.get, "/host/capacity").json[name] == before[name])
        }
    }

    @Test("While one is at work on a TD another is refused with its id; deletion again follows the deletion")
    func oneAtATime() throws {
        let service = try Service()
        let id = try service.createTD()
        service.port.hold(.phymemCacheWB)
        let deletion = try service.ask(.delete, "/tds/\(id)", [.prefer: "respond-async"])
        #expect(deletion.status == 202)
        let refused = try service.ask(.post, "/tds/\(id)/vcpus", "{}")
        #expect(refused.status == 409 && refused.code == "operation-running")
        #expect(refused.json["operation"] == deletion.json["id"] && refused.json["retryable"].bool == true)
        #expect(try service.ask(.delete, "/tds/\(id)", [.prefer: "respond-async"]).json["id"] == deletion.json["id"])
        let link = try #require(deletion.fields[.location])
        let cancel = try service.ask(.post, "\(link)/actions/cancel")
        #expect(cancel.status == 409 && cancel.code == "not-cancellable")
        service.port.release()
        #expect(try service.ask(.get, "\(link)?waitSeconds=20").json["state"].string == "succeeded")
    }

    @Test("vCPUs that fail half way say what exists, leave residue, and the same request goes on")
    func partialVCPUs() throws {
        let service = try Service()
        let id = try service.createTD(#"{"maxVcpus":4}"#)
        service.port.arm(Completion(.operandInvalid, operand: .rcx), on: .vpInit)
        let failed = try service.ask(.post, "/tds/\(id)/vcpus", #"{"count":2}"#)
        #expect(failed.status == 422 && failed.code == "tdx-operand-invalid")
        #expect(failed.json["created"] == .list([.number(0)]) && failed.json["initialized"] == .list([]))
        #expect(failed.json["residue"][0]["kind"].string == "vcpu" && failed.json["residue"][0]["vcpuNumber"].int == 0)
        #expect(failed.json["violations"] == .null)
        let operation = try service.ask(.get, failed.json["instance"].string ?? "").json
        #expect(operation["state"].string == "failed" && operation["rollback"].string == "notNeeded")
        #expect(operation["residue"] == failed.json["residue"] && operation["target"]["vcpuNumbers"].items.count == 2)
        let again = try service.ask(.post, "/tds/\(id)/vcpus", #"{"count":2}"#)
        #expect(again.status == 201 && again.json["items"].items.map { $0["number"].int } == [0, 1])
        #expect(try service.ask(.get, "/tds/\(id)").json["status"]["pages"]["tdcx"].int == 10)
    }

    @Test("What cannot be freed is quarantined, in the operation, the pages, the KeyID's capacity and the problem")
    func quarantine() throws {
        let service = try Service()
        let id = try service.createTD()
        service.port.arm(Completion(.pageMetadataIncorrect, operand: .rcx), on: .phymemPageReclaim)
        let deleted = try service.ask(.delete, "/tds/\(id)")
        #expect(deleted.status == 500 && deleted.code == "quarantined" && deleted.json["retryable"].bool == false)
        let residue = deleted.json["residue"].items
        #expect(!residue.isEmpty && residue[0]["kind"].string == "page" && residue[0]["seamcall"].string != nil)
        let operation = try service.ask(.get, deleted.json["instance"].string ?? "").json
        #expect(operation["state"].string == "quarantined" && operation["residue"] == deleted.json["residue"])
        let td = try service.ask(.get, "/tds/\(id)").json["status"]
        #expect(td["phase"].string == "quarantined" && td["pages"]["quarantined"].int == residue.count)
        let page = try service.ask(.get, "/tds/\(id)/pages").json["items"].items.first {
            $0["state"].string == "quarantined"
        }
        #expect(page?["lastFailure"]["completionName"].string == "TDX_PAGE_METADATA_INCORRECT")
        #expect(try service.ask(.get, "/host/capacity").json["pages"]["quarantined"].int == residue.count)
    }

    @Test("What names no operation is 404")
    func unknown() throws {
        let service = try Service.shared()
        for id in ["op-00000000000000000000000000", "x", "td-00000000000000000000000000"] {
            #expect(try service.ask(.get, "/operations/\(id)").status == 404)
            #expect(try service.ask(.post, "/operations/\(id)/actions/cancel").status == 404)
        }
    }
}
