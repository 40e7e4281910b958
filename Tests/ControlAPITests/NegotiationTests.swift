import ControlSchema
import HTTPTypes
import Testing

@testable import ControlAPI

@Suite("Media types, both ways")
struct NegotiationTests {
    @Test(
        "Who takes JSON gets it",
        arguments: [
            "*/*", "application/json", "application/*", "text/html, */*;q=0.1", "APPLICATION/JSON; charset=utf-8",
            "application/problem+json", "", " ", "text/html;q=0, application/json;q=0.5",
            "application/json, */*;q=0",
        ])
    func acceptable(field: String) throws {
        #expect(try Service.shared().ask(.get, "/livez", [.accept: field]).status == 200)
    }

    @Test(
        "Who does not is told so",
        arguments: [
            "text/html", "application/xml", "application/json;q=0", "application/json;q=0.000, */*", "json",
            "*/*;q=0", "application/*; q=0.0, text/plain",
        ])
    func notAcceptable(field: String) throws {
        let answer = try Service.shared().ask(.get, "/tds", [.accept: field])
        #expect(answer.status == 406 && answer.code == "not-acceptable")
        #expect(answer.fields[.contentType] == "application/problem+json")
    }

    @Test("A body of another type or with a coding is refused with the types that are taken")
    func mediaTypes() throws {
        let service = try Service()
        let body = #"{"spec":{"maxVcpus":1}}"#
        for type in [
            "text/plain", "application/merge-patch+json", "application/jsonx", "", "application/x-www-form-urlencoded",
        ] {
            let answer = try service.ask(.post, "/tds", body, [.contentType: type])
            #expect(answer.status == 415 && answer.code == "unsupported-media-type", "\(type)")
            #expect(answer.fields[.accept] == "application/json")
        }
        let patch = try service.ask(.patch, "/tds/x", "{}", [.contentType: "text/plain"])
        #expect(patch.status == 415 && patch.fields[.accept] == "application/merge-patch+json, application/json")
        #expect(try service.ask(.post, "/tds", body, [.contentEncoding: "gzip"]).status == 415)
        #expect(try service.ask(.post, "/tds", body, [.contentEncoding: "identity"]).status == 201)
        let odd = "Application/JSON ; charset=UTF-8"
        #expect(try service.ask(.post, "/tds", body, [.contentType: odd]).status == 201)
    }

    @Test("Both spellings of a patch are taken")
    func patches() throws {
        let service = try Service()
        let id = try service.createTD()
        for (index, type) in ["application/merge-patch+json", "application/json"].enumerated() {
            let answer = try service.ask(.patch, "/tds/\(id)", #"{"name":"n\#(index)"}"#, [.contentType: type])
            #expect(answer.status == 200 && answer.json["name"].string == "n\(index)")
        }
    }

    @Test("A body that is none, no JSON or too long is refused")
    func bodies() throws {
        let service = try Service()
        for body in ["", "{", "[]x", "nul", "{\"spec\":{\"maxVcpus\":1},}"] {
            let answer = try service.ask(.post, "/tds", body)
            #expect(answer.status == 400 && answer.code == "malformed-json", "\(body)")
        }
        let long = #"{"name":"\#(String(repeating: "a", count: RequestLimits.maximumBytes))"}"#
        #expect(try service.ask(.post, "/tds", long).status == 413)
        let unknown = try service.ask(.post, "/tds", #"{"spec":{"maxVcpus":1,"a/b":1},"x~y":2}"#)
        #expect(unknown.status == 400 && unknown.code == "unknown-member")
        #expect(unknown.json["violations"].items.compactMap { $0["pointer"].string } == ["/spec/a~1b", "/x~0y"])
    }

    @Test("Every answer to a request has its id, and another each time")
    func requestIDs() throws {
        let service = try Service()
        let ids = try (0..<3).compactMap { _ in try service.ask(.get, "/livez").fields[.requestID] }
        #expect(Set(ids).count == 3 && ids.allSatisfy { IDKind.request.isID($0) })
    }
}
