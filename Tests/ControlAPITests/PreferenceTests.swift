import HTTPTypes
import Testing

@testable import ControlAPI

@Suite("Prefer, as RFC 7240 has it")
struct PreferenceTests {
    struct Reading: Sendable {
        var field: String
        var wait: Duration = .seconds(2)
        var isStrict = false
        var applied: String?
    }

    @Test(
        "What is understood is heeded, the rest is ignored",
        arguments: [
            Reading(field: ""),
            Reading(field: "wait=5", wait: .seconds(5), applied: "wait=5"),
            Reading(field: "wait=0", wait: .zero, applied: "wait=0"),
            Reading(field: "WAIT = \"7\"", wait: .seconds(7), applied: "wait=7"),
            Reading(field: "wait=61", wait: .seconds(60), applied: "wait=60"),
            Reading(field: "wait=99999999999999999999", wait: .seconds(60), applied: "wait=60"),
            Reading(field: "wait=-1"), Reading(field: "wait=soon"), Reading(field: "wait"), Reading(field: "wait="),
            Reading(field: "respond-async", wait: .zero, applied: "respond-async"),
            Reading(
                field: "respond-async, wait=10", wait: .seconds(10), applied: "respond-async, wait=10"),
            Reading(field: "wait=3, wait=9", wait: .seconds(3), applied: "wait=3"),
            Reading(field: "handling=strict", isStrict: true, applied: "handling=strict"),
            Reading(field: "handling=lenient", applied: "handling=lenient"),
            Reading(field: "handling=odd"),
            Reading(
                field: "handling=strict;x=1 , return=minimal,wait=4; y", wait: .seconds(4), isStrict: true,
                applied: "wait=4, handling=strict"),
            Reading(field: "return=minimal; wait=9"),
            Reading(field: ",,;,="),
        ])
    func reading(_ expected: Reading) {
        let preferences = Preferences(expected.field)
        #expect(preferences.wait == expected.wait)
        #expect(preferences.isStrict == expected.isStrict)
        #expect(preferences.applied(toStep: true, isAsync: true) == expected.applied)
    }

    @Test("Preference-Applied says what the answer heeds")
    func applied() throws {
        let service = try Service()
        func create(_ prefer: String) throws -> Service.Answer {
            try service.ask(.post, "/tds", #"{"spec":{"maxVcpus":1}}"#, [.prefer: prefer])
        }
        let waited = try create("wait=20, handling=strict")
        #expect(waited.status == 201 && waited.fields[.preferenceApplied] == "wait=20")
        let both = try create("respond-async, wait=20")
        #expect(both.status == 201 && both.fields[.preferenceApplied] == "wait=20")
        let async = try create("respond-async")
        #expect(async.status == 202 && async.fields[.preferenceApplied] == "respond-async")
        #expect(try create("depth-noise").fields[.preferenceApplied] == nil)
        let dry = try service.ask(.post, "/tds?dryRun=true", #"{"spec":{"maxVcpus":1}}"#, [.prefer: "wait=1"])
        #expect(dry.fields[.preferenceApplied] == nil)
    }

    @Test("A refused step is a record, or with handling=strict a problem that holds it")
    func strict() throws {
        let service = try Service()
        let id = try service.createTD()
        let path = "/tds/\(id)/actions/free-key"
        let lenient = try service.ask(.post, path, "{}", as: .lab)
        #expect(lenient.status == 200)
        #expect(lenient.json["completion"]["name"].string == "TDX_LIFECYCLE_STATE_INCORRECT")
        let strict = try service.ask(.post, path, "{}", as: .lab, [.prefer: "handling=strict"])
        #expect(strict.status == 409 && strict.code == "tdx-lifecycle-state-incorrect")
        #expect(strict.json["seamcall"]["completion"]["name"].string == "TDX_LIFECYCLE_STATE_INCORRECT")
        let accepted = try service.ask(
            .post, "/tds/\(id)/actions/flush-done", "{}", as: .lab, [.prefer: "handling=strict, wait=9"])
        #expect(accepted.status == 200)
        #expect(accepted.fields[.preferenceApplied] == "wait=9, handling=strict")
    }
}
