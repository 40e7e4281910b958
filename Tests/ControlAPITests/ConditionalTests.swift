import HTTPTypes
import Testing

@testable import ControlAPI

@Suite("ETag and If-Match")
struct ConditionalTests {
    @Test("If-Match is honoured on every PATCH, DELETE and action, and on adding vCPUs")
    func everywhere() throws {
        let service = try Service()
        let id = try service.createTD(#"{"maxVcpus":2,"vcpuCount":1}"#)
        let operation = try #require(try service.ask(.get, "/operations").json["items"][0]["id"].string)
        let bodies = [
            "configureKey": #"{"package":0}"#, "writeBack": #"{"package":0}"#, "writeTdField": #"{"value":"0x1"}"#,
            "reclaimPage": #"{"page":"pg-00000000000000000000000000"}"#, "writeVcpuField": #"{"value":"0x1"}"#,
            "addMemory": #"{"gpa":"0x0","sizeBytes":4096}"#,
        ]
        let image = try service.upload([1, 2, 3])
        var count = 0
        for route in ControlAPI.routes
        where route.method != .get && !["createTd", "uploadImage", "compareMeasurement"].contains(route.operationID) {
            let field = route.operationID == "writeVcpuField" ? "PEND_NMI" : "HP_LOCK_TIMEOUT"
            let path = route.path.replacing("/tds/{id}", with: "/tds/\(id)").replacing("{id}", with: operation)
                .replacing("{n}", with: "0").replacing("{field}", with: field)
                .replacing("{digest}", with: image)
            let body = route.mediaTypes == nil ? nil : bodies[route.operationID] ?? "{}"
            for tag in ["\"r1\"", "W/\"r1\"", "\"x\"", "r1", "\"r1\", \"r2\"", "\"r-1\""] {
                let answer = try service.ask(route.method, path, body, as: .admin, [.ifMatch: tag])
                #expect(answer.status == 412 && answer.code == "precondition-failed", "\(route.operationID) \(tag)")
            }
            count += 1
        }
        #expect(count == 21)
    }

    @Test("The present tag, among others too, and the asterisk let it through; a weak one never does")
    func present() throws {
        let service = try Service()
        let id = try service.createTD()
        func tag() throws -> String { try #require(try service.ask(.get, "/tds/\(id)").fields[.eTag]) }
        func patch(_ field: String) throws -> Service.Answer {
            try service.ask(.patch, "/tds/\(id)", #"{"labels":{"a":"b"}}"#, [.ifMatch: field])
        }
        #expect(try patch(tag()).status == 200)
        #expect(try patch("\"r1\", \(tag())").status == 200)
        #expect(try patch("*").status == 200)
        #expect(try patch("W/\(tag())").status == 412)
        let late = try patch("\"r1\"")
        #expect(try late.status == 412 && late.fields[.eTag] == tag())
    }

    @Test("A vCPU's tag is its revision, and a field of it is written under it")
    func vcpu() throws {
        let service = try Service()
        let id = try service.createTD(#"{"maxVcpus":1,"vcpuCount":1}"#)
        let vcpu = try service.ask(.get, "/tds/\(id)/vcpus/0")
        let tag = try #require(vcpu.fields[.eTag])
        #expect(tag == "\"r\(vcpu.json["revision"].int ?? -1)\"")
        #expect(try service.ask(.get, "/tds/\(id)/vcpus").json["items"][0] == vcpu.json)
        let path = "/tds/\(id)/vcpus/0/fields/PEND_NMI"
        #expect(try service.ask(.patch, path, #"{"value":"0x1"}"#, [.ifMatch: tag]).status == 200)
        #expect(try service.ask(.post, "/tds/\(id)/vcpus/0/actions/flush", "{}", [.ifMatch: tag]).status == 200)
        let flushed = try service.ask(.get, "/tds/\(id)/vcpus/0")
        #expect(flushed.fields[.eTag] != tag && flushed.json["status"]["association"] == .null)
        #expect(try service.ask(.patch, path, #"{"value":"0x0"}"#, [.ifMatch: tag]).status == 412)
        _ = try service.ask(.delete, "/tds/\(id)")
        let gone = try service.ask(.get, "/tds/\(id)/vcpus/0")
        #expect(gone.status == 200 && gone.fields[.eTag] != flushed.fields[.eTag])
        #expect(gone.json["status"]["pages"]["tdvpr"].int == 0)
        #expect(gone.json["status"]["allowedActions"].items.isEmpty)
    }

    @Test("Every representation's tag is its revision, and two that differ have two tags")
    func tags() throws {
        let service = try Service()
        let id = try service.createTD(#"{"maxVcpus":2,"vcpuCount":1}"#)
        let operation = try #require(try service.ask(.get, "/operations").json["items"][0]["id"].string)
        let paths = [
            "/tds/\(id)", "/tds/\(id)/vcpus/0", "/tds/\(id)/actions", "/operations/\(operation)", "/host/keyids/33",
            "/host/capacity", "/host/processors", "/tds", "/tds/\(id)/vcpus", "/tds/\(id)/pages", "/operations",
            "/host/keyids", "/seamcalls",
        ]
        var seen: [String: [UInt8]] = [:]
        func look() throws {
            for path in paths {
                let answer = try service.ask(.get, path)
                let tag = try #require(answer.fields[.eTag])
                #expect(tag == "\"r\(answer.json["revision"].int ?? -1)\"")
                #expect(seen.updateValue(answer.body, forKey: path + tag) ?? answer.body == answer.body, "\(path)")
            }
        }
        try look()
        for (path, body) in [
            ("/tds/\(id)/vcpus/0/actions/flush", "{}"), ("/tds/\(id)/actions/free-key", "{}"),
            ("/tds/\(id)/actions/flush-done", "{}"), ("/tds/\(id)/actions/write-back", #"{"package":0}"#),
            ("/tds/\(id)/actions/write-back", #"{"package":1}"#), ("/tds/\(id)/actions/free-key", "{}"),
        ] {
            #expect(try service.ask(.post, path, body).status == 200)
            try look()
        }
        #expect(try service.ask(.delete, "/tds/\(id)").status == 200)
        try look()
    }
}
