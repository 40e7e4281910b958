import ControlSchema
import HTTPExchange
import HTTPTypes
import TDLifecycle
import TDXCalls
import Testing
import Threading

@testable import ControlAPI

@Suite("Bodies that are filled in")
struct TemplateTests {
    /// A body is encoded at first, becomes a template when another one like it comes, and is filled in from then on.
    private static let enough = 4

    @Test("are the encoder's to the byte, in each state of a TD and of its operations")
    func sameBytes() throws {
        let service = try Service()
        let spec = #"{"spec": {"maxVcpus": 2, "vcpuCount": 2}}"#
        let requests = [
            spec, #"{"spec": {"maxVcpus": 3, "vcpuCount": 1, "attributes": "0x10000000"}}"#,
            #"{"labels": {"a": "b.c_d", "lab.example/blank": ""}, "spec": {"maxVcpus": 1}}"#,
            #"{"spec": {"maxVcpus": 1, "buildUntil": "keysConfigured"}}"#,
        ]
        for round in 0..<Self.enough {
            for (index, request) in requests.enumerated() {
                var text = request
                if round % 2 == 0 { text = #"{"name": "web\#(round)x\#(index)", "# + text.dropFirst() }
                let made = try service.ask(.post, "/tds", text)
                #expect(made.status == 201)
                try check(service)
                let id = try #require(made.json["id"].string)
                #expect(try service.ask(.get, "/tds/\(id)").body == made.body)
                #expect(try service.ask(.delete, "/tds/\(id)").status == 200)
                try check(service)
            }
        }
        #expect(service.engine.operations(after: nil, limit: 1_000).rows.count == 2 * Self.enough * requests.count)
    }

    @Test("tell failures as they are")
    func failures() throws {
        let service = try Service()
        for _ in 0..<Self.enough {
            let refused = try service.ask(.post, "/tds", #"{"spec": {"maxVcpus": 1, "attributes": "0x90000000"}}"#)
            #expect(refused.status == 422)
            try check(service)
        }
    }

    /// All TDs and operations there are, each as it is served and as the encoder has it.
    private func check(_ service: Service) throws {
        let api = service.api
        for domain in service.engine.tds(after: nil, limit: 1_000, includeDeleted: true, where: { _ in true }).rows {
            #expect(api.body(domain).copied() == ControlJSON.encode(TD(domain, api.platform)))
        }
        for operation in service.engine.operations(after: nil, limit: 1_000).rows {
            var problem = operation.failure.map { _ in api.failure(of: operation, .admin).problem }
            problem?.requestId = operation.requester.requestID.description
            let plain = ControlJSON.encode(ControlSchema.Operation(operation, problem: problem))
            #expect(api.body(operation, .admin).copied() == plain)
        }
    }

    @Test("have no blanks that could be guessed or mixed up")
    func blanks() {
        let texts = Set(Blank.all.map(\.text))
        let times = Set(Blank.all.map(\.time))
        let numbers = Set(Blank.all.map(\.number))
        #expect(Blank.all.count == Blank.countMax)
        #expect(texts.count == Blank.countMax && times.count == Blank.countMax && numbers.count == Blank.countMax)
        #expect(Blank.all.allSatisfy { Fact.isPlain($0.text) && $0.text.utf8.count > 20 })
        #expect(numbers.allSatisfy { ControlJSON.encode($0) == Array(String($0).utf8) })
    }

    @Test("A text that JSON would escape is not plain", arguments: ["a\"", "\\", "a b", "é", "\u{1}", "a\n", "\u{7f}"])
    func escaped(_ text: String) {
        #expect(!Fact.isPlain(text))
    }

    @Test("A line of the audit trail is the encoder's to the byte")
    func auditLines() {
        let templates = BodyTemplates<AuditLine>()
        for number in 0..<Self.enough {
            let target = number == 3 ? "/tds/\"" : "/tds/td-\(number)"
            let peer = Peer(listener: "unix", transport: .unix(user: 5, group: 6, process: Int32(7 + number)))
            var visit = Visit(requestID: "req-\(number)", start: .now)
            visit.operation = ResourceID(.operation, UInt128(number))
            let head = RequestHead(
                peer: peer, request: HTTPRequest(method: .delete, scheme: nil, authority: "h", path: target))
            let line = AuditLine(
                visit, head, route: "/tds/{id}", status: 200, code: nil, durationNanos: UInt64(number) * 1_000)
            #expect(templates.body(line.blanked, line.facts) { line } == ControlJSON.encode(line))
        }
    }
}
