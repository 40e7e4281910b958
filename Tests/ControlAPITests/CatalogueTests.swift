import ControlSchema
import HTTPTypes
import TDXCalls
import Testing

@testable import ControlAPI

@Suite("The error catalogue")
struct CatalogueTests {
    @Test("Every completion of the table and every code of ours is in it, once, by code, and is served by itself")
    func complete() throws {
        let service = try Service()
        let items = try service.ask(.get, "/errors").json["items"].items
        let codes = items.compactMap { $0["code"].string }
        #expect(codes == codes.sorted() && Set(codes).count == codes.count)
        #expect(codes.count == OwnError.all.count + CompletionInfo.all.count)
        for info in CompletionInfo.all { #expect(codes.contains(info.name.errorCode), "\(info.name)") }
        for error in OwnError.all { #expect(codes.contains(error.code), "\(error.code)") }
        for item in items {
            let path = try #require(item["links"]["self"].string)
            #expect(path == "/errors/\(item["code"].string ?? "")")
            #expect(try service.ask(.get, path).json == item)
        }
        #expect(try service.ask(.get, "/errors/no-such-code").status == 404)
    }

    @Test("A refusal's status in the catalogue is that of the problem it becomes, for every completion")
    func statuses() throws {
        let service = try Service()
        for info in CompletionInfo.all where info.completion.isError {
            let entry = try #require(ControlAPI.entries[info.name.errorCode])
            let expected = [400, 404, 409, 422, 500, 501, 503]
            #expect(expected.contains(entry.httpStatus ?? 0), "\(info.name)")
            #expect(entry.retryable == (info.completion.outcome == .recoverable))
        }
        let success = try #require(ControlAPI.entries["tdx-success"])
        #expect(success.httpStatus == nil && success.completion?.outcome == .success)
        service.port.arm(.sysNotReady, on: .mngInit)
        let answer = try service.ask(.post, "/tds", #"{"spec":{"maxVcpus":1}}"#)
        #expect(answer.status == ControlAPI.entries[answer.code ?? ""]?.httpStatus)
    }

    @Test("What the server refuses by itself has codes of the catalogue, with the same status")
    func ofTheServer() {
        for error in OwnError.all {
            #expect(ControlAPI.entries[error.code]?.httpStatus == error.status)
            #expect(Problem(error).type == "/errors/\(error.code)")
        }
    }
}
