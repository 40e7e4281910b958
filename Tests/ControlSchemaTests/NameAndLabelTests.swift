import ControlSchema
import Testing

@Suite("Names and labels")
struct NameAndLabelTests {
    @Test("A name is an RFC 1123 label", arguments: ["a", "7", "web-7", "td", "0", String(repeating: "a", count: 63)])
    func goodNames(_ name: String) { #expect(NameSyntax.violation(in: name) == nil) }

    @Test(
        "What is no RFC 1123 label is no name",
        arguments: ["", "-a", "a-", "A", "a.b", "a_b", "a b", "ä", String(repeating: "a", count: 64), "a\u{0}"])
    func badNames(_ name: String) {
        #expect(
            NameSyntax.violation(in: name)
                == "must be 1 to 63 lower-case letters, digits and hyphens, with a letter or digit first and last")
    }

    @Test("A name does not begin as an id does", arguments: IDKind.allCases)
    func idPrefixes(_ kind: IDKind) {
        #expect(
            NameSyntax.violation(in: kind.rawValue + "x")
                == "must not begin with \"\(kind.rawValue)\", which ids begin with")
    }

    @Test("A bad name is refused with its pointer")
    func nameInRequest() {
        let error = refusal(of: #"{"name":"td-1","spec":{"maxVcpus":1}}"#, as: CreateTDRequest.self)
        #expect(
            error?.violations == [
                Violation(pointer: "/name", reason: #"must not begin with "td-", which ids begin with"#)
            ])
        let typed = refusal(of: #"{"name":7,"spec":{"maxVcpus":1}}"#, as: CreateTDRequest.self)
        #expect(typed?.violations == [Violation(pointer: "/name", reason: "must be a string")])
    }

    @Test(
        "A label key has an optional DNS prefix and a name",
        arguments: ["a", "A.b_c-9", "tdx.example/pool", "a/b", String(repeating: "a", count: 63)])
    func goodKeys(_ key: String) { #expect(LabelSyntax.violation(inKey: key) == nil) }

    @Test(
        "Other keys are refused",
        arguments: [
            "", "/a", "a/", "a/b/c", "-a", "a-", "a b", String(repeating: "a", count: 64), "Ä", "A/b", "a..b/c",
        ])
    func badKeys(_ key: String) { #expect(LabelSyntax.violation(inKey: key) != nil) }

    @Test("A label value is empty or a name", arguments: ["", "a", "A.b_c-9", String(repeating: "a", count: 63)])
    func goodValues(_ value: String) { #expect(LabelSyntax.violation(inValue: value) == nil) }

    @Test("Other values are refused", arguments: ["-a", "a-", "a b", "a/b", String(repeating: "a", count: 64)])
    func badValues(_ value: String) { #expect(LabelSyntax.violation(inValue: value) != nil) }

    @Test("A bad label is refused with its own pointer")
    func labelsInRequest() {
        func pointers(_ labels: String) -> [String] {
            let error = refusal(of: #"{"labels":\#(labels),"spec":{"maxVcpus":1}}"#, as: CreateTDRequest.self)
            return error?.violations.compactMap(\.pointer) ?? []
        }
        #expect(pointers(#"{"a":7}"#) == ["/labels/a"])
        #expect(pointers(#"{"a":null}"#) == ["/labels/a"])
        #expect(pointers(#"{"x.y/a/b":"c"}"#) == ["/labels/x.y~1a~1b"])
        #expect(pointers(#"{"a":"b c"}"#) == ["/labels/a"])
        #expect(pointers("[]") == ["/labels"])
        #expect(pointers("null") == ["/labels"])
    }

    @Test("64 labels are taken, 65 are not")
    func count() {
        func body(_ count: Int) -> String {
            let labels = (0..<count).map { #""k\#($0)":"v""# }.joined(separator: ",")
            return #"{"labels":{\#(labels)},"spec":{"maxVcpus":1}}"#
        }
        #expect(refusal(of: body(64), as: CreateTDRequest.self) == nil)
        #expect(
            refusal(of: body(65), as: CreateTDRequest.self)?.violations == [
                Violation(pointer: "/labels", reason: "must have at most 64 members")
            ])
    }
}
