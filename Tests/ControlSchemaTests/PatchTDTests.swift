import ControlSchema
import Testing

@Suite("The merge patch of a TD")
struct PatchTDTests {
    @Test("An absent member keeps, null removes, a value sets")
    func changes() throws {
        #expect(try decoded("{}", as: PatchTDRequest.self) == PatchTDRequest())
        #expect(try decoded(#"{"name":null}"#, as: PatchTDRequest.self).name == .remove)
        #expect(try decoded(#"{"name":"a"}"#, as: PatchTDRequest.self).name == .set("a"))
        #expect(try decoded(#"{"labels":null}"#, as: PatchTDRequest.self).labels == .remove)
        #expect(try decoded(#"{"labels":{}}"#, as: PatchTDRequest.self).labels == .set([:]))
        #expect(
            try decoded(#"{"labels":{"a":null,"b":"c"}}"#, as: PatchTDRequest.self).labels
                == .set(["a": nil, "b": "c"]))
    }

    @Test("A patch changes what it names and leaves the rest")
    func application() throws {
        let before = ["a": "1", "b": "2"]
        func after(_ json: String) throws -> [String: String] {
            try decoded(json, as: PatchTDRequest.self).applied(to: before)
        }
        #expect(try after("{}") == before)
        #expect(try after(#"{"labels":{}}"#) == before)
        #expect(try after(#"{"labels":null}"#) == [:])
        #expect(try after(#"{"labels":{"a":null,"c":"3","d":null}}"#) == ["b": "2", "c": "3"])
        #expect(try after(#"{"labels":{"a":"9"}}"#) == ["a": "9", "b": "2"])
    }

    @Test(
        "A patch is written as it was read",
        arguments: [
            "{}", #"{"name":null}"#, #"{"name":"a"}"#, #"{"labels":null}"#, #"{"labels":{"a":null,"b":"c"}}"#,
        ])
    func roundTrip(_ json: String) throws {
        let patch = try decoded(json, as: PatchTDRequest.self)
        #expect(try ControlJSON.decodeRequest(PatchTDRequest.self, from: ControlJSON.encode(patch)) == patch)
    }

    @Test("Only name and labels can be patched")
    func otherMembers() {
        let error = refusal(of: #"{"spec":{"maxVcpus":5}}"#, as: PatchTDRequest.self)
        #expect(error?.error == .unknownMember)
        #expect(error?.violations == [Violation(pointer: "/spec", reason: unknown)])
    }

    @Test(
        "A bad value is refused with its pointer",
        arguments: [
            Refused(#"{"name":7}"#, "/name", "must be a string"),
            Refused(#"{"labels":{"a":7}}"#, "/labels/a", "must be a string"),
            Refused(#"{"labels":"a"}"#, "/labels", "must be an object"),
        ])
    func badValues(_ refused: Refused) {
        let error = refusal(of: refused.json, as: PatchTDRequest.self)
        #expect(error?.violations == [Violation(pointer: refused.pointer, reason: refused.reason)])
    }
}
