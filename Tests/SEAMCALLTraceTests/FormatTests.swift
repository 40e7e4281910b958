import FoundationEssentials
import SEAMCALLTrace
import TDXCalls
import Testing

@Suite("The format of recordings")
struct FormatTests {
    @Test("every recording is read and written back as the same JSON", arguments: ["traces.json", "random.json"])
    func roundTrip(file: String) throws {
        let data = try Data(contentsOf: URL(filePath: Recordings.path(file)))
        let decoder = JSONDecoder()
        let original = try decoder.decode(JSONValue.self, from: data)
        let written = try TraceFile(json: [UInt8](data)).json()
        let again = try decoder.decode(JSONValue.self, from: Data(written))
        let isSame = original == again
        #expect(isSame, "\(file) is not written as it was read")
    }

    @Test("the recordings are all there: 243, of which 88 have only the RFC's leaves, and 8 random ones")
    func counts() throws {
        let traces = try Recordings.traces.get()
        #expect(traces.count == 243)
        #expect(traces.filter { LeafSelection.rfc.includes($0) }.count == 88)
        #expect(try Recordings.random.get().count == 8)
    }

    private func file(_ steps: String) -> [UInt8] {
        Array("{\"meta\":{},\"traces\":[{\"name\":\"t\",\"purpose\":\"\",\"steps\":[\(steps)]}]}".utf8)
    }

    @Test("each kind of step is read as what it says")
    func kinds() throws {
        let steps = try #require(
            try TraceFile(
                json: file(
                    """
                    {"op":"TDH.MNG.RD","lp":2,"version":1,"in":{"rcx":"0x10"},"status":"0xc000010000000001",
                     "status_name":"TDX_OPERAND_INVALID","operand":"RCX","out":{"rdx":"0xff"},"unstable":["r8"]},
                    {"op":"0x9","lp":0,"in":{"rax":"0x10009"},"status":"0x0000000000000000","operand":null,"out":{}},
                    {"op":"mem.write","hpa":"0x1000","hex":"01ff","len":4},
                    {"op":"mem.write","hpa":"0x1000","hex":"01ff","repeat":2},
                    {"op":"rdseed.fail","count":"all"},
                    {"op":"interrupt.pending","at_poll":3,"kind":"nmi"}
                    """)
            ).traces.first?.steps)
        guard case .call(let read) = steps[0], case .call(let raw) = steps[1] else {
            Issue.record("calls were not read as calls")
            return
        }
        #expect(try read.leaf() == .mngRD.version(1))
        #expect(try read.input() == Registers(rcx: 0x10))
        #expect(try raw.leaf() == Leaf(rawValue: 0x10009))
        guard case .memoryWrite(let padded) = steps[2], case .memoryWrite(let repeated) = steps[3] else {
            Issue.record("writes were not read as writes")
            return
        }
        #expect(try padded.bytes() == [1, 0xff, 0, 0])
        #expect(try repeated.bytes() == [1, 0xff, 1, 0xff])
        guard case .randomDrawFails(let failure) = steps[4] else { return }
        #expect(failure.count == .max)
    }

    @Test(
        "what does not fit is refused",
        arguments: [
            "{\"op\":\"TDH.MNG.RD\",\"lp\":0}", "{\"lp\":0}", "{\"op\":\"mem.write\",\"hpa\":\"12\",\"hex\":\"\"}",
            "{\"op\":\"TDH.MNG.RD\",\"lp\":0,\"in\":{\"rcx\":\"0xg\"}}", "7",
        ])
    func malformed(step: String) {
        #expect(throws: TraceError.self) { try TraceFile(json: file(step)) }
    }

    @Test("an op, a register or bytes that are none are refused when they are used")
    func unusable() throws {
        #expect(throws: TraceError.self) { try CallStep(op: "TDH.NO.SUCH", lp: 0, in: [:]).leaf() }
        #expect(throws: TraceError.self) {
            try CallStep(op: "TDH.MNG.RD", lp: 0, in: ["eax": Hex(rawValue: 1)]).input()
        }
        var write = MemoryWriteStep(hpa: 0, bytes: [1])
        write.hex = "0"
        #expect(throws: TraceError.self) { try write.bytes() }
        write.hex = "00"
        write.repeat = 1 << 30
        #expect(throws: TraceError.self) { try write.bytes() }
    }

    @Test("trailing zeroes of a write are left to its length")
    func trimmed() throws {
        let write = MemoryWriteStep(hpa: 0x1000, bytes: [0, 1, 0, 0])
        #expect(write.hex == "0001")
        #expect(write.len == 4)
        #expect(try write.bytes() == [0, 1, 0, 0])
        #expect(try MemoryWriteStep(hpa: 0, bytes: [0, 0]).bytes() == [0, 0])
    }

    @Test("a file that is not there is an error that names it")
    func missing() {
        do throws(TraceError) {
            _ = try TraceFile(path: "/nowhere/traces.json")
            Issue.record("a missing file was read")
        } catch {
            #expect(error.description.contains("/nowhere/traces.json"))
        }
    }
}

@Suite("Patterns of trace names")
struct NamePatternTests {
    @Test(
        "match as they read",
        arguments: [
            ("lock.*", "lock.memory.kot", true), ("lock.*", "unlock.kot", false), ("*.kot", "lock.kot", true),
            ("lock", "lock.memory", true), ("mem", "lock.memory", true), ("l?ck", "lock", true),
            ("l?ck", "lck", false), ("*a*b", "xaxxb", true), ("*a*b", "xaxxbx", false), ("*", "", true),
            ("", "anything", true), ("a*a*a", "aaXa", true), ("a*a*a", "aXa", false),
        ])
    func matches(pattern: String, name: String, expected: Bool) {
        #expect(NamePattern(pattern).matches(name) == expected)
    }
}
