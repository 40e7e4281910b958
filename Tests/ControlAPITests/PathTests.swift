import HTTPTypes
import Testing

@testable import ControlAPI

@Suite("Paths, methods and query parameters")
struct PathTests {
    @Test("Every path is served with /v1 before it, once; links and Location are without")
    func versions() throws {
        let service = try Service()
        let id = try service.createTD(name: "web-7")
        for path in ["/", "/host", "/tds", "/tds/\(id)", "/tds/web-7/vcpus", "/errors", "/openapi.json"] {
            let plain = try service.ask(.get, path)
            #expect(plain.status == 200)
            #expect(try service.ask(.get, path == "/" ? "/v1" : "/v1\(path)").body == plain.body)
            #expect(try service.ask(.get, "/v1/v1\(path)").status == 404)
        }
        let made = try service.ask(.post, "/v1/tds", #"{"spec":{"maxVcpus":1}}"#)
        #expect(made.fields[.location]?.hasPrefix("/tds/td-") == true)
        #expect(made.json["links"]["self"].string?.hasPrefix("/tds/td-") == true)
    }

    @Test(
        "A slash at the end, a double slash and another case name nothing",
        arguments: ["/tds/", "//tds", "/tds//vcpus", "/TDS", "/v1/", "/v2/tds", "/tds/x/vcpus/", "/tds/x/y/z"])
    func nothing(path: String) throws {
        let answer = try Service.shared().ask(.get, path)
        #expect(answer.status == 404 && answer.code == "not-found")
    }

    @Test(
        "A path that cannot be decoded is refused",
        arguments: ["/tds/%", "/tds/%2", "/tds/%zz", "/tds/%00", "/tds/a%2fb", "/tds/%ff"])
    func malformed(path: String) throws {
        let answer = try Service.shared().ask(.get, path)
        #expect(answer.status == 400 && answer.code == "malformed-path")
    }

    @Test("A segment is decoded by itself")
    func decoded() throws {
        let service = try Service()
        _ = try service.createTD(name: "web-7")
        #expect(try service.ask(.get, "/t%64s/web%2d7").status == 200)
        #expect(try service.ask(.get, "/tds/web%2d8").status == 404)
    }

    @Test(
        "A number in a path has one spelling; any other names nothing",
        arguments: ["00", "+0", "-1", "1", "x", "0x0", "99999999999999999999", "%20"])
    func numbers(text: String) throws {
        let service = try Service()
        let id = try service.createTD(#"{"maxVcpus":1,"vcpuCount":1}"#)
        #expect(try service.ask(.get, "/tds/\(id)/vcpus/0").status == 200)
        #expect(try service.ask(.get, "/tds/\(id)/vcpus/\(text)").status == 404)
        #expect(try service.ask(.get, "/host/keyids/\(text)").status == 404)
    }

    @Test("HEAD is GET without its body, with the same fields")
    func head() throws {
        let service = try Service()
        for path in ["/", "/host", "/tds", "/livez", "/errors/busy"] {
            let (get, head) = (try service.ask(.get, path), try service.ask(.head, path))
            #expect(head.status == 200 && head.fields[.eTag] == get.fields[.eTag])
        }
        #expect(try service.ask(.head, "/tds/x/actions/init").status == 405)
    }

    @Test("Another method is refused with Allow, which lists what the path takes")
    func allow() throws {
        let service = try Service()
        let all: [HTTPRequest.Method] = [.get, .post, .put, .patch, .delete, .options, .trace]
        for path in Set(ControlAPI.routes.map(\.path)) {
            let given = path.replacing("{id}", with: "x").replacing("{n}", with: "0")
                .replacing("{field}", with: "F").replacing("{code}", with: "busy")
            var taken = Set(ControlAPI.routes.filter { $0.path == path }.map(\.method.rawValue))
            if taken.contains("GET") { taken.insert("HEAD") }
            for method in all where !taken.contains(method.rawValue) {
                let answer = try service.ask(method, given)
                #expect(answer.status == 405, "\(method) \(path)")
                let allow = answer.fields[.allow]?.split(separator: ",").map { $0.trimming(" ") } ?? []
                #expect(Set(allow) == taken && allow.count == taken.count)
                let isVCPU = path == "/tds/{id}/vcpus/{n}" && method == .delete
                #expect(answer.code == (isVCPU ? "vcpu-pages-return-at-teardown" : "method-not-allowed"))
            }
        }
    }

    @Test("A parameter that is not known, given twice or wrong is refused by its name")
    func parameters() throws {
        let service = try Service()
        let refused: [(String, String)] = [
            ("/tds?colour=red", "colour"), ("/tds?limit=1&limit=1", "limit"), ("/tds?limit=0", "limit"),
            ("/tds?limit=1001", "limit"), ("/tds?limit=", "limit"), ("/tds?limit", "limit"),
            ("/tds?limit=%2B1", "limit"), ("/tds?limit=1e1", "limit"), ("/tds?includeDeleted=1", "includeDeleted"),
            ("/tds?includeDeleted=TRUE", "includeDeleted"), ("/tds?Limit=1", "Limit"), ("/host?x", "x"),
            ("/livez?x=1", "x"), ("/operations/op-00000000000000000000000000?waitSeconds=61", "waitSeconds"),
            ("/seamcalls?td=web-7", "td"), ("/seamcalls?td=op-00000000000000000000000000", "td"),
            ("/seamcalls?operation=op-1", "operation"), ("/seamcalls?keyId=65536", "keyId"),
            ("/seamcalls?leaf=tdh_mng_create", "leaf"), ("/seamcalls?leaf=TDH.NO.SUCH", "leaf"),
            ("/seamcalls?completion=0x1", "completion"), ("/seamcalls?completion=busy", "completion"),
            ("/seamcalls?since=-1", "since"), ("/seamcalls?since=9007199254740992", "since"),
        ]
        for (path, name) in refused {
            let answer = try service.ask(.get, path)
            #expect(answer.status == 400 && answer.code == "invalid-parameter", "\(path)")
            #expect(answer.json["violations"][0]["parameter"].string == name, "\(path)")
            #expect(answer.json["violations"].items.count == 1)
        }
        #expect(try service.ask(.get, "/tds?limit=%zz").code == "invalid-parameter")
        #expect(try service.ask(.get, "/tds?&limit=1&").status == 200)
        for name in [HTTPField.Name.prefer, .ifMatch, .ifNoneMatch] {
            let long = String(repeating: "a", count: 1_025)
            let answer = try service.ask(.patch, "/tds/nobody", "{}", [name: long])
            #expect(answer.status == 400 && answer.json["violations"][0]["parameter"].string == name.rawName)
            #expect(try service.ask(.patch, "/tds/nobody", "{}", [name: String(long.dropFirst())]).status == 404)
        }
        let write = try service.ask(.post, "/tds?dryRun=yes", #"{"spec":{"maxVcpus":1}}"#)
        #expect(write.json["violations"][0]["parameter"].string == "dryRun")
    }
}
