import ControlSchema
import Testing

@Suite("The text of a request body")
struct JSONTests {
    @Test(
        "What is no JSON is refused as such",
        arguments: [
            "", " ", "{", "}", #"{"spec""#, #"{"spec":}"#, "{}{}", "{} x", #"{"a":1,}"#, #"{'a':1}"#, "[1,]", "nul",
            "[1 2]", "{,}", "truex",
            #"{"a":1e}"#, #"{"a":-}"#, #"{"a":"\ud800\u0041"}"#, #"{"a":"\udc00"}"#, #"{"a":"\u12g4"}"#, #"{"a":"\u"}"#,
            #"{"a":1e}"#, #"{"a":-}"#,
            #"{"a":"\ud800\u0041"}"#, #"{"a":"\udc00"}"#, #"{"a":"\u12g4"}"#, #"{"a":"\u"}"#, "[1 2]", "{,}", "truex",
            #"{"name":"\ud800"}"#, "{\"name\":\"a\nb\"}", #"{"name":"\x"}"#, #"{"count":01}"#, #"{"count":+1}"#,
            #"{"count":1.}"#, #"{"count":.5}"#, #"{"count":NaN}"#, "// {}", #"{"a" 1}"#, #"["#, #"""#, #""\"#,
        ])
    func malformed(_ json: String) {
        let error = refusal(of: json, as: CreateTDRequest.self)
        #expect(error?.error == .malformedJSON, "\(json)")
        #expect(error?.violations == [])
    }

    @Test(
        "A body that is no object is refused with the empty pointer", arguments: ["1", "\"x\"", "[]", "true", "null"])
    func noObject(_ json: String) {
        let error = refusal(of: json, as: CreateTDRequest.self)
        #expect(error?.error == .invalidValue)
        #expect(error?.violations == [Violation(pointer: "", reason: "must be an object")])
    }

    @Test("The byte at which a body stops being JSON is named")
    func position() {
        #expect(refusal(of: #"{"a":1,}"#, as: CancelRequest.self)?.detail == "the body is not valid JSON: byte 7")
        #expect(refusal(of: "{} x", as: CancelRequest.self)?.detail == "the body is not valid JSON: byte 3")
        #expect(refusal(of: " ", as: CancelRequest.self)?.detail == "the body is not valid JSON: byte 1")
    }

    @Test(
        "What is JSON is not called malformed, whatever it holds",
        arguments: [
            #"{"a":[1,-0,0.5,1e9,1E+9,2e-3,true,false,null,{},[]]}"#, " \t\r\n{ } ",
            #"{"\u00e4\ud83d\ude00\/\b\f\n\r\t\"\\":"ä😀"}"#,
        ])
    func wellFormed(_ json: String) {
        #expect(refusal(of: json, as: CancelRequest.self)?.error != .malformedJSON)
    }

    @Test("Text that is not UTF-8 is refused")
    func encodings() {
        let bodies: [[UInt8]] = [
            [0xef, 0xbb, 0xbf, 0x7b, 0x7d], [0x7b, 0, 0x7d, 0], [0, 0x7b, 0, 0x7d],
            Array(#"{"name":""#.utf8) + [0xff] + Array(#""}"#.utf8),
            Array(#"{"name":""#.utf8) + [0xc0, 0x80] + Array(#""}"#.utf8),
        ]
        for body in bodies {
            do throws(RequestError) {
                _ = try ControlJSON.decodeRequest(CancelRequest.self, from: body)
                Issue.record("\(body) was taken")
            } catch {
                #expect(error.error == .malformedJSON)
            }
        }
    }

    @Test("Sixteen levels are read, seventeen are refused")
    func depth() {
        func nested(_ levels: Int) -> String {
            String(repeating: "[", count: levels) + String(repeating: "]", count: levels)
        }
        #expect(RequestLimits.maximumDepth == 16)
        #expect(refusal(of: nested(16), as: CancelRequest.self)?.error == .invalidValue)
        let error = refusal(of: nested(17), as: CancelRequest.self)
        #expect(error?.error == .malformedJSON)
        #expect(error?.detail == "the body is nested deeper than 16 levels")
        #expect(refusal(of: String(repeating: "[", count: 200_000), as: CancelRequest.self)?.error == .malformedJSON)
        #expect(refusal(of: #"{"spec":"[[[[[[[[[[[[[[[[[[[[[[[["}"#, as: CancelRequest.self)?.error == .unknownMember)
    }

    @Test("A body one byte too long is refused before it is read")
    func size() {
        let fits = "{}" + String(repeating: " ", count: RequestLimits.maximumBytes - 2)
        #expect(refusal(of: fits, as: CancelRequest.self) == nil)
        let error = refusal(of: fits + " ", as: CancelRequest.self)
        #expect(error?.error == .payloadTooLarge)
        #expect(error?.error.status == 413)
    }

    @Test(
        "A name given twice is refused with its pointer",
        arguments: [
            Refused(#"{"spec":{"maxVcpus":1},"spec":{"maxVcpus":1}}"#, "/spec", "is given more than once"),
            Refused(#"{"spec":{"maxVcpus":1,"xfam":"0x3","maxVcpus":2}}"#, "/spec/maxVcpus", "is given more than once"),
            Refused(
                #"{"spec":{"maxVcpus":1},"labels":{"a\u002fb":"1","a/b":"2"}}"#, "/labels/a~1b",
                "is given more than once"),
            Refused(
                #"{"spec":{"maxVcpus":1,"cpuid":[{},{"leaf":"0x1","leaf":"0x1"}]}}"#, "/spec/cpuid/1/leaf",
                "is given more than once"),
        ])
    func duplicates(_ refused: Refused) {
        let error = refusal(of: refused.json, as: CreateTDRequest.self)
        #expect(error?.error == .invalidValue)
        #expect(error?.violations == [Violation(pointer: refused.pointer, reason: refused.reason)])
    }

    @Test("The same name in different objects is no duplicate")
    func distinct() {
        let json =
            #"{"spec":{"maxVcpus":1,"cpuid":[\#(entry("0x1")),\#(entry("0x4"))]},"name":"name","labels":{"name":"spec"}}"#
        #expect(refusal(of: json, as: CreateTDRequest.self) == nil)
    }

    private func entry(_ leaf: String) -> String {
        #"{"leaf":"\#(leaf)","eax":"0x0","ebx":"0x0","ecx":"0x0","edx":"0x0"}"#
    }

    @Test("Bytes that are no JSON at all never trap", arguments: [UInt64](0..<8))
    func noise(_ seed: UInt64) {
        var state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 1
        let alphabet = Array(#"{}[]":,\u0aeE+-1."tfn "#.utf8)
        for _ in 0..<2_000 {
            var body: [UInt8] = []
            for _ in 0..<24 {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                body.append(alphabet[Int(state >> 33) % alphabet.count])
            }
            do throws(RequestError) {
                _ = try ControlJSON.decodeRequest(CreateTDRequest.self, from: body)
                Issue.record("seed \(seed): taken: \(String(decoding: body, as: UTF8.self))")
            } catch {
                #expect([400].contains(error.error.status), "seed \(seed)")
            }
        }
    }
}
