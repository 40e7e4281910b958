import ControlSchema
import Testing

@Suite("Our own errors")
struct OwnErrorTests {
    @Test("Codes are unique, in order, and written in lower case with hyphens")
    func codes() {
        let codes = OwnError.all.map(\.code)
        #expect(codes == Set(codes).sorted())
        #expect(codes.count == 93)
        let allowed = Set("abcdefghijklmnopqrstuvwxyz0123456789-".utf8)
        for code in codes {
            #expect(code.split(separator: "-", omittingEmptySubsequences: false).allSatisfy { !$0.isEmpty }, "\(code)")
            #expect(code.utf8.allSatisfy(allowed.contains), "\(code)")
        }
    }

    @Test("Every error says what it is and what to do", arguments: OwnError.all)
    func texts(_ error: OwnError) {
        #expect((400...599).contains(error.status))
        #expect(!error.title.hasSuffix("."))
        #expect(error.description.hasSuffix("."))
        #expect(error.remedy.hasSuffix("."))
        #expect(error.code.hasPrefix("shim-") == (error.origin == .shim))
        #expect(OwnError.named(error.code) == error)
    }

    @Test("A catalogue entry and a problem carry what the error says")
    func use() {
        let entry = ErrorEntry(.nameTaken)
        #expect(entry.code == "name-taken")
        #expect(entry.httpStatus == 409)
        #expect(entry.origin == .tdxd)
        #expect(entry.links == ["self": "/errors/name-taken"])
        let problem = Problem(.capacityExhausted, detail: "no KeyID is free")
        #expect(problem.type == "/errors/capacity-exhausted")
        #expect(problem.status == 507)
        #expect(problem.detail == "no KeyID is free")
        #expect(!problem.retryable)
        #expect(OwnError.named("tdx-success") == nil)
    }

    @Test("A refused body becomes the problem that names its places")
    func refusedBody() throws {
        let refused = try #require(refusal(of: #"{"spec":{"maxVcpus":0}}"#, as: CreateTDRequest.self))
        let problem = Problem(refused)
        #expect(problem.status == 400)
        #expect(problem.code == "invalid-value")
        #expect(problem.detail == "/spec/maxVcpus: must be an integer from 1 to 65535")
        #expect(problem.violations?.map(\.pointer) == ["/spec/maxVcpus"])
        let malformed = Problem(try #require(refusal(of: "{", as: CreateTDRequest.self)))
        #expect(malformed.code == "malformed-json")
        #expect(malformed.violations == nil)
    }
}

@Suite("Bodies of answers")
struct EncodingTests {
    @Test("Slashes are not escaped, and nothing is null")
    func encoding() throws {
        let problem = Problem(.notFound)
        let text = String(decoding: ControlJSON.encode(problem), as: UTF8.self)
        #expect(text.contains(#""type":"/errors/not-found""#))
        #expect(!text.contains("null"))
    }

    @Test("An unknown word in an answer survives; in a request it is refused")
    func openWords() throws {
        let json =
            #"{"type":"Ready","state":"Perhaps","reason":"R","message":"M","lastTransitionAt":"2026-11-23T10:15:02.114Z","observedRevision":1,"later":[]}"#
        let condition = try ControlJSON.decodeAnswer(Condition.self, from: Array(json.utf8))
        #expect(condition.state == ConditionState(rawValue: "Perhaps"))
        #expect(!ConditionState.known.contains(condition.state))
        #expect(refusal(of: creation(#","buildUntil":"later""#), as: CreateTDRequest.self) != nil)
    }

    @Test("An answer keeps CPUID settings with members of a newer version")
    func lenientParts() throws {
        let json = #"{"leaf":"0x1","eax":"0x0","ebx":"0x0","ecx":"0x0","edx":"0x0","later":true}"#
        #expect(try ControlJSON.decodeAnswer(CPUIDSetting.self, from: Array(json.utf8)).leaf == 1)
        #expect(refusal(of: json, as: CPUIDSetting.self)?.error == .unknownMember)
    }
}
