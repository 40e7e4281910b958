import HTTPTypes
import Testing

@testable import ControlAPI

@Suite("A TD over HTTP")
struct LifecycleRouteTests {
    @Test("POST creates, GET reads, DELETE takes down, and the tombstone keeps the trace")
    func wholeLife() throws {
        let service = try Service()
        let before = try service.ask(.get, "/host/capacity").json
        let body = #"{"name":"web-7","labels":{"team":"a"},"spec":{"maxVcpus":4,"vcpuCount":2}}"#
        let created = try service.ask(.post, "/tds", body)
        #expect(created.status == 201)
        let id = try #require(created.json["id"].string)
        #expect(created.fields[.location] == "/tds/\(id)")
        let revision = try #require(created.json["revision"].int)
        #expect(created.fields[.eTag] == "\"r\(revision)\"")
        let status = created.json["status"]
        #expect(status["phase"].string == "initialized")
        #expect(status["lifecycleState"].string == "KEYS_CONFIGURED" && status["opState"].string == "INITIALIZED")
        #expect(status["pages"]["totalBytes"].int == 19 * 4096)
        #expect(try service.ask(.get, "/tds/web-7").body == created.body)
        #expect(try service.ask(.get, "/v1/tds/\(id)").body == created.body)

        let held = try service.ask(.get, "/host/capacity").json
        #expect(held["keyIds"]["held"].int == 1 && held["pages"]["held"].int == 19 && held["vcpus"]["held"].int == 2)

        let deleted = try service.ask(.delete, "/tds/web-7")
        #expect(deleted.status == 200)
        #expect(deleted.json["state"].string == "succeeded" && deleted.json["kind"].string == "td.delete")
        #expect(try service.ask(.get, "/tds/\(id)").json["status"]["phase"].string == "deleted")
        #expect(try service.ask(.get, "/tds/web-7").status == 404)
        #expect(try service.ask(.get, "/tds").json["items"].items.isEmpty)
        #expect(try service.ask(.get, "/tds?includeDeleted=true").json["items"].items.count == 1)
        let trace = try service.ask(.get, "/seamcalls?td=\(id)").json["items"].items
        #expect(trace.count == 50)
        for name in ["keyIds", "pages", "vcpus"] {
            #expect(try service.ask(.get, "/host/capacity").json[name] == before[name])
        }
    }

    @Test("A record says what was asked, what came back, how long it took and for whom")
    func record() throws {
        let service = try Service()
        let id = try service.createTD()
        let records = try service.ask(.get, "/seamcalls?td=\(id)").json["items"].items
        #expect(records.count == 10)
        let create = records[0]
        #expect(create["leaf"].string == "TDH.MNG.CREATE" && create["wrapper"].string == "tdh_mng_create")
        #expect(create["in"]["rax"].string == "0x9" && create["in"]["rdx"].string == "0x21")
        #expect(create["completion"]["value"].string == "0x0000000000000000")
        #expect(create["completion"]["name"].string == "TDX_SUCCESS")
        #expect(create["principal"].string == "uid:4" && create["backend"].string == "fake")
        #expect(create["durationNanos"].int != nil && create["arguments"]["page"]["kind"].string == "tdr")
    }

    @Test("A viewer sees the trace without registers and addresses")
    func redaction() throws {
        let service = try Service()
        let id = try service.createTD()
        for path in ["/seamcalls?td=\(id)", "/tds/\(id)/pages", "/host/keyids/33"] {
            let seen = try service.ask(.get, path, as: .viewer)
            #expect(seen.status == 200)
            let text = String(decoding: seen.body, as: UTF8.self)
            #expect(!text.contains("0x1000"), "an address in \(path)")
            #expect(text.contains("\"redacted\":true"))
            #expect(try service.ask(.get, path, as: .lab).body != seen.body)
        }
    }

    @Test("respond-async answers 202 with the operation at once, which can be waited for")
    func respondAsync() throws {
        let service = try Service()
        let started = try service.ask(
            .post, "/tds", #"{"spec":{"maxVcpus":1}}"#, [.prefer: "respond-async"])
        #expect(started.status == 202)
        let link = try #require(started.fields[.location])
        let ended = try service.ask(.get, link + "?waitSeconds=10")
        #expect(ended.json["state"].string == "succeeded")
        #expect(ended.json["progress"]["done"].int == 10)
    }

    @Test("vCPUs are added, listed and read; one cannot be deleted by itself")
    func vcpus() throws {
        let service = try Service()
        let id = try service.createTD()
        let made = try service.ask(.post, "/tds/\(id)/vcpus", #"{"count":2,"processors":[0,2]}"#)
        #expect(made.status == 201)
        #expect(made.json["items"].items.map { $0["status"]["association"]["processor"].int } == [0, 2])
        #expect(made.json["operation"].string?.hasPrefix("op-") == true)
        let cursor = try #require(try service.ask(.get, "/tds/\(id)/vcpus?limit=1").json["nextCursor"].string)
        #expect(try service.ask(.get, "/tds/\(id)/vcpus?cursor=\(cursor)").json["items"].items.count == 1)
        let refused = try service.ask(.delete, "/tds/\(id)/vcpus/0")
        #expect(refused.status == 405 && refused.code == "vcpu-pages-return-at-teardown")
        #expect(refused.fields[.allow] == "GET, HEAD")
    }

    @Test(
        "A vCPU's field is read and written; a guest register of a production TD is not, and it says when it would be")
    func fields() throws {
        let service = try Service()
        let id = try service.createTD(#"{"maxVcpus":1,"vcpuCount":1}"#)
        let path = "/tds/\(id)/vcpus/0/fields"
        let read = try service.ask(.get, "\(path)/PEND_NMI", as: .operator)
        #expect(read.status == 200 && read.fields[.cacheControl] == "no-store" && read.fields[.eTag] == nil)
        #expect(read.json["elements"][0]["value"].string == "0x0")
        #expect(read.json["readOn"]["associationChanged"].bool == false)
        let written = try service.ask(.patch, "\(path)/PEND_NMI", #"{"value":"0x1"}"#)
        #expect(written.json["previous"].string == "0x0")
        #expect(try service.ask(.get, "\(path)/0x202000000000000b").json["elements"][0]["value"].string == "0x1")
        let refused = try service.ask(.get, "\(path)/RAX")
        #expect(refused.status == 422 && refused.code == "tdx-metadata-field-not-readable")
        #expect(refused.json["readableWhen"].string == "debug")
        #expect(try service.ask(.get, "\(path)/NO_SUCH").code == "unknown-field")
        #expect(try service.ask(.get, "/tds/\(id)/fields/MRTD").json["elements"].items.count == 6)
        #expect(try service.ask(.get, "/host/fields/MAJOR_VERSION").json["elements"][0]["value"].string == "0x1")
    }

    @Test("The same Idempotency-Key gives the first answer again, another body is refused")
    func idempotency() throws {
        let service = try Service()
        let key: HTTPFields = [.idempotencyKey: "k1"]
        let first = try service.ask(.post, "/tds", #"{"spec":{"maxVcpus":1}}"#, key)
        let second = try service.ask(.post, "/tds", #"{"spec":{"maxVcpus":1}}"#, key)
        #expect(first.status == 201 && second.status == 201 && first.body == second.body)
        #expect(second.fields[.idempotencyReplayed] == "true")
        #expect(try service.ask(.get, "/tds").json["items"].items.count == 1)
        let other = try service.ask(.post, "/tds", #"{"spec":{"maxVcpus":2}}"#, key)
        #expect(other.status == 422 && other.code == "idempotency-key-reused")
    }

    @Test("ETag, If-None-Match and If-Match, on a TD and on the list")
    func conditional() throws {
        let service = try Service()
        let id = try service.createTD()
        for path in ["/tds/\(id)", "/tds", "/host/capacity", "/operations"] {
            let tag = try #require(try service.ask(.get, path).fields[.eTag])
            #expect(try service.ask(.get, path, [.ifNoneMatch: tag]).status == 304)
        }
        let tag = try #require(try service.ask(.get, "/tds/\(id)").fields[.eTag])
        #expect(try service.ask(.patch, "/tds/\(id)", #"{"labels":{"a":"b"}}"#, [.ifMatch: tag]).status == 200)
        let late = try service.ask(.delete, "/tds/\(id)", [.ifMatch: tag])
        #expect(late.status == 412 && late.code == "precondition-failed")
        #expect(try service.ask(.delete, "/tds/\(id)", [.ifMatch: "*"]).status == 200)
    }

    @Test("A dry run gives the plan and changes nothing")
    func dryRun() throws {
        let service = try Service()
        let before = try service.ask(.get, "/host/capacity").body
        let plan = try service.ask(.post, "/tds?dryRun=true", #"{"spec":{"maxVcpus":2,"vcpuCount":2}}"#)
        #expect(plan.status == 200 && plan.json["kind"].string == "td.create")
        #expect(plan.json["leaves"].items.reduce(0) { $0 + ($1["times"].int ?? 0) } == 24)
        #expect(try service.ask(.get, "/host/capacity").body == before)
        let id = try service.createTD()
        let deletion = try service.ask(.delete, "/tds/\(id)?dryRun=true")
        #expect(deletion.json["state"].string == "planned")
        #expect(deletion.json["id"].string == "op-00000000000000000000000000")
        #expect(try service.ask(.get, "/tds/\(id)").json["status"]["phase"].string == "initialized")
    }
}
