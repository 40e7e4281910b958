import FakeTDX
import HTTPTypes
import Testing

@testable import ControlAPI

@Suite("What the module refuses in a spec")
struct SpecRefusalTests {
    struct Operand: Sendable {
        let spec: String
        let operand: String
        let pointer: String
        var mask: String?
    }

    @Test(
        "Each operand of TD_PARAMS that the module refuses is named by the member's pointer, and all is taken back",
        arguments: [
            Operand(
                spec: #""attributes":"0x90000000""#, operand: "ATTRIBUTES", pointer: "/spec/attributes",
                mask: "0x8000000070000001"),
            Operand(
                spec: #""attributes":"0x20000001""#, operand: "ATTRIBUTES", pointer: "/spec/attributes",
                mask: "0x8000000070000001"),
            Operand(spec: #""xfam":"0x0""#, operand: "XFAM", pointer: "/spec/xfam", mask: "0x6dbe7"),
            Operand(spec: #""xfam":"0x800000003""#, operand: "XFAM", pointer: "/spec/xfam", mask: "0x6dbe7"),
            Operand(spec: #""xfam":"0x23""#, operand: "XFAM", pointer: "/spec/xfam", mask: "0x6dbe7"),
            Operand(
                spec: #""ia32ArchCapabilities":{"enabled":true,"value":"0x8000000000000000"}"#,
                operand: "IA32_ARCH_CAPABILITIES_CONFIG", pointer: "/spec/ia32ArchCapabilities/value"),
            Operand(
                spec: #""cpuid":[\#(CPUID.leaf4),{"leaf":"0x1","eax":"0x12345","ebx":"0x0","ecx":"0x0","edx":"0x0"}]"#,
                operand: "CPUID_CONFIG", pointer: "/spec/cpuid/1"),
            Operand(
                spec:
                    #""cpuid":[{"leaf":"0x7","subleaf":"0x0","eax":"0xffffffff","ebx":"0x0","ecx":"0x0","edx":"0x0"}]"#,
                operand: "CPUID_CONFIG", pointer: "/spec/cpuid/0"),
        ])
    func operands(_ refused: Operand) throws {
        let service = try Service()
        let before = try service.ask(.get, "/host/capacity").json
        let answer = try service.ask(.post, "/tds", #"{"spec":{"maxVcpus":1,\#(refused.spec)}}"#)
        #expect(answer.status == 422 && answer.code == "tdx-operand-invalid")
        let problem = answer.json
        #expect(problem["violations"].items.count == 1)
        #expect(problem["violations"][0]["pointer"].string == refused.pointer)
        if let mask = refused.mask { #expect(problem["violations"][0]["allowedMask"].string == mask) }
        #expect(problem["seamcall"]["leaf"].string == "TDH.MNG.INIT")
        #expect(problem["seamcall"]["completion"]["operand"].string == refused.operand)
        #expect(problem["seamcall"]["outputs"]["extendedError"]["raw"].string != nil)
        #expect(problem["instance"].string == "/operations/\(problem["operation"].string ?? "")")
        let operation = try service.ask(.get, problem["instance"].string ?? "").json
        #expect(operation["state"].string == "failed" && operation["rollback"].string == "done")
        #expect(operation["problem"]["violations"] == problem["violations"])
        for name in ["keyIds", "pages", "vcpus"] {
            #expect(try service.ask(.get, "/host/capacity").json[name] == before[name])
        }
    }

    private enum CPUID {
        static let leaf4 = #"{"leaf":"0x4","subleaf":"0x0","eax":"0x0","ebx":"0x0","ecx":"0x0","edx":"0x0"}"#
    }

    @Test("A CONFIG_FLAGS bit that the module fixes is named by its own member")
    func configFlags() throws {
        var platform = FakePlatform.oracle
        platform.configFlagsFixed0 = 0b101
        let service = try Service(platform: platform)
        let refused = try service.ask(.post, "/tds", #"{"spec":{"maxVcpus":1,"flexiblePendingVe":true}}"#)
        #expect(refused.json["violations"][0]["pointer"].string == "/spec/flexiblePendingVe")
        platform.configFlagsFixed0 = 0b111
        platform.configFlagsFixed1 = 0b100
        let other = try Service(platform: platform)
        let missing = try other.ask(.post, "/tds", #"{"spec":{"maxVcpus":1,"noRbpMod":false}}"#)
        #expect(missing.json["violations"][0]["pointer"].string == "/spec/noRbpMod")
        platform.hasFiveLevelEPT = false
        let narrow = try Service(platform: platform)
        let levels = try narrow.ask(.post, "/tds", #"{"spec":{"maxVcpus":1,"eptLevels":5}}"#)
        #expect(levels.json["violations"][0]["pointer"].string == "/spec/eptLevels")
    }

    @Test("A CPUID leaf without a place is refused before a call is made, with its pointer")
    func unencodable() throws {
        let service = try Service()
        let cpuid = #"[{"leaf":"0x4","subleaf":"0x9","eax":"0x0","ebx":"0x0","ecx":"0x0","edx":"0x0"}]"#
        let answer = try service.ask(.post, "/tds", #"{"spec":{"maxVcpus":1,"cpuid":\#(cpuid)}}"#)
        #expect(answer.status == 422 && answer.code == "invalid-spec")
        #expect(answer.json["violations"][0]["pointer"].string == "/spec/cpuid/0")
        #expect(try service.ask(.get, "/seamcalls").json["items"].items.isEmpty)
    }

    @Test("CPUID leaves that are not named are configured with zeros")
    func cpuidDefault() throws {
        let service = try Service()
        let leaf = #"{"leaf":"0x4","subleaf":"0x0","eax":"0x0","ebx":"0x0","ecx":"0x0","edx":"0x0"}"#
        let named = try service.createTD(#"{"maxVcpus":1,"cpuid":[\#(leaf)]}"#)
        let unnamed = try service.createTD()
        // CPUID_VALUES: leaf 4, sub-leaf 0, first element.
        for element in ["0x9410000300000800", "0x9410000300000801"] {
            let values = try [named, unnamed].map {
                try service.ask(.get, "/tds/\($0)/fields/\(element)").json["elements"][0]["value"].string
            }
            #expect(values[0] != nil && values[0] == values[1])
        }
    }

    @Test("More nested VMs than the module has pages for is refused by its pointer")
    func nestedVMs() throws {
        let service = try Service()
        let answer = try service.ask(.post, "/tds", #"{"spec":{"maxVcpus":1,"numL2Vms":4}}"#)
        #expect(answer.status == 422 && answer.code == "tdx-tdcx-num-incorrect")
        #expect(answer.json["violations"][0]["pointer"].string == "/spec/numL2Vms")
        #expect(answer.json["seamcall"]["leaf"].string == "TDH.MNG.ADDCX")
    }
}
