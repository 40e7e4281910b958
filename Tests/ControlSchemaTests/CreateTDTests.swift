import ControlSchema
import Testing

@Suite("The body of POST /tds")
struct CreateTDTests {
    @Test("Only maxVcpus is required")
    func minimal() throws {
        let body = try decoded(#"{"spec":{"maxVcpus":1}}"#, as: CreateTDRequest.self)
        #expect(body == CreateTDRequest(spec: TDSpec(parameters: TDParameters(maxVcpus: 1))))
    }

    @Test("Every member is read")
    func complete() throws {
        let id = String(repeating: "0f", count: 48)
        let json = #"""
            {"name":"web-7","labels":{"team":"payments","tdx.example/pool":"a"},"spec":{"attributes":"0x10000000",
            "xfam":"0x3","maxVcpus":4,"numL2Vms":0,"gpaWidthBits":52,"eptLevels":5,"tscFrequencyKhz":2500000,
            "noRbpMod":true,"flexiblePendingVe":false,"mrConfigId":"\#(id)","mrOwner":"\#(id)","mrOwnerConfig":"\#(id)",
            "ia32ArchCapabilities":{"enabled":false,"value":"0x0"},
            "cpuid":[{"leaf":"0x4","subleaf":"0x0","eax":"0x1","ebx":"0x2","ecx":"0x3","edx":"0x4"}],
            "vcpuCount":2,"buildUntil":"initialized"}}
            """#
        let body = try decoded(json, as: CreateTDRequest.self)
        #expect(body.name == "web-7")
        #expect(body.labels == ["team": "payments", "tdx.example/pool": "a"])
        let parameters = body.spec.parameters
        #expect(parameters.attributes == 0x1000_0000)
        #expect(parameters.xfam == 3)
        #expect(parameters.maxVcpus == 4)
        #expect(parameters.numL2Vms == 0)
        #expect(parameters.gpaWidthBits == 52)
        #expect(parameters.eptLevels == 5)
        #expect(parameters.tscFrequencyKhz == 2_500_000)
        #expect(parameters.noRbpMod == true)
        #expect(parameters.flexiblePendingVe == false)
        #expect(parameters.mrConfigId?.bytes == [UInt8](repeating: 0x0F, count: 48))
        #expect(parameters.mrOwner == parameters.mrConfigId)
        #expect(parameters.mrOwnerConfig == parameters.mrConfigId)
        #expect(parameters.ia32ArchCapabilities == ArchCapabilities(enabled: false, value: 0))
        #expect(parameters.cpuid == [CPUIDSetting(leaf: 4, subleaf: 0, eax: 1, ebx: 2, ecx: 3, edx: 4)])
        #expect(body.spec.vcpuCount == 2)
        #expect(body.spec.buildUntil == .initialized)
        #expect(try ControlJSON.decodeRequest(CreateTDRequest.self, from: ControlJSON.encode(body)) == body)
    }

    @Test(
        "A value that cannot be is refused with its pointer",
        arguments: [
            Refused("{}", "/spec", "is required"),
            Refused(#"{"spec":{}}"#, "/spec/maxVcpus", "is required"),
            Refused(#"{"spec":null}"#, "/spec", noNull),
            Refused(#"{"spec":[]}"#, "/spec", "must be an object"),
            Refused(#"{"spec":{"maxVcpus":0}}"#, "/spec/maxVcpus", "must be an integer from 1 to 65535"),
            Refused(#"{"spec":{"maxVcpus":65536}}"#, "/spec/maxVcpus", "must be an integer from 1 to 65535"),
            Refused(#"{"spec":{"maxVcpus":1.5}}"#, "/spec/maxVcpus", "must be an integer from 1 to 65535"),
            Refused(#"{"spec":{"maxVcpus":"4"}}"#, "/spec/maxVcpus", "must be an integer from 1 to 65535"),
            Refused(#"{"spec":{"maxVcpus":true}}"#, "/spec/maxVcpus", "must be an integer from 1 to 65535"),
            Refused(#"{"spec":{"maxVcpus":1e30}}"#, "/spec/maxVcpus", "must be an integer from 1 to 65535"),
            Refused(#"{"spec":{"maxVcpus":-1}}"#, "/spec/maxVcpus", "must be an integer from 1 to 65535"),
            Refused(#"{"spec":{"maxVcpus":null}}"#, "/spec/maxVcpus", noNull),
            Refused(creation(#","attributes":268435456"#), "/spec/attributes", hex64),
            Refused(creation(#","attributes":"0x0123""#), "/spec/attributes", hex64),
            Refused(creation(#","attributes":null"#), "/spec/attributes", noNull),
            Refused(creation(#","xfam":"3""#), "/spec/xfam", hex64),
            Refused(creation(#","numL2Vms":256"#), "/spec/numL2Vms", "must be an integer from 0 to 255"),
            Refused(creation(#","gpaWidthBits":50"#), "/spec/gpaWidthBits", "must be 48 or 52"),
            Refused(creation(#","eptLevels":3"#), "/spec/eptLevels", "must be 4 or 5"),
            Refused(creation(#","tscFrequencyKhz":2500001"#), "/spec/tscFrequencyKhz", "must be a multiple of 25000"),
            Refused(
                creation(#","tscFrequencyKhz":75000"#), "/spec/tscFrequencyKhz",
                "must be an integer from 100000 to 10000000"),
            Refused(
                creation(#","tscFrequencyKhz":10025000"#), "/spec/tscFrequencyKhz",
                "must be an integer from 100000 to 10000000"),
            Refused(creation(#","noRbpMod":1"#), "/spec/noRbpMod", "must be true or false"),
            Refused(creation(#","flexiblePendingVe":"no""#), "/spec/flexiblePendingVe", "must be true or false"),
            Refused(creation(#","mrConfigId":"00""#), "/spec/mrConfigId", hex96),
            Refused(creation(#","mrOwner":"\#(String(repeating: "AA", count: 48))""#), "/spec/mrOwner", hex96),
            Refused(creation(#","mrOwnerConfig":7"#), "/spec/mrOwnerConfig", hex96),
            Refused(
                creation(#","ia32ArchCapabilities":{"enabled":true}"#), "/spec/ia32ArchCapabilities/value",
                "is required"),
            Refused(creation(#","cpuid":{}"#), "/spec/cpuid", "must be an array of at most 256 objects"),
            Refused(creation(#","cpuid":[7]"#), "/spec/cpuid/0", "must be an object"),
            Refused(
                creation(#","cpuid":[{"leaf":"0x100000000","eax":"0x0","ebx":"0x0","ecx":"0x0","edx":"0x0"}]"#),
                "/spec/cpuid/0/leaf", hex32),
            Refused(creation(#","vcpuCount":-1"#), "/spec/vcpuCount", "must be an integer from 0 to 65535"),
            Refused(
                creation(#","buildUntil":"running""#), "/spec/buildUntil",
                #"must be one of "tdrCreated", "keysConfigured", "tdcsAdded", "initialized", "finalized""#),
            Refused(creation(#","memory":[{"sizeBytes":4096}]"#), "/spec/memory/0/gpa", "is required"),
            Refused(
                creation(#","memory":[{"gpa":"0x0","imageDigest":"sha384:00"}]"#), "/spec/memory/0/imageDigest",
                "must be sha384: and 96 lower-case hexadecimal digits"),
            Refused(
                creation(#","memory":[{"gpa":"0x0","sizeBytes":4096,"pageSizeBytes":1024}]"#),
                "/spec/memory/0/pageSizeBytes", "must be 4096 or 2097152"),
        ])
    func values(_ refused: Refused) {
        let error = refusal(of: refused.json, as: CreateTDRequest.self)
        #expect(error?.error == .invalidValue)
        #expect(error?.violations == [Violation(pointer: refused.pointer, reason: refused.reason)])
        #expect(error?.detail == "\(refused.pointer): \(refused.reason)")
    }

    @Test(
        "A member that is not known is refused with its pointer",
        arguments: [
            Refused(#"{"spec":{"maxVcpus":1},"path":"/x"}"#, "/path", unknown),
            Refused(
                creation(#","memory":[{"gpa":"0x0","sizeBytes":4096,"path":"/x"}]"#), "/spec/memory/0/path", unknown),
            Refused(creation(#","maxvcpus":1"#), "/spec/maxvcpus", unknown),
            Refused(creation(#","a/b~c":1"#), "/spec/a~1b~0c", unknown),
            Refused(creation(#","":1"#), "/spec/", unknown),
            Refused(
                creation(#","cpuid":[{"leaf":"0x1","eax":"0x0","ebx":"0x0","ecx":"0x0","edx":"0x0","x":0}]"#),
                "/spec/cpuid/0/x", unknown),
        ])
    func unknownMembers(_ refused: Refused) {
        let error = refusal(of: refused.json, as: CreateTDRequest.self)
        #expect(error?.error == .unknownMember)
        #expect(error?.violations == [Violation(pointer: refused.pointer, reason: refused.reason)])
    }

    @Test(
        "Members that contradict one another are well-formed but impossible",
        arguments: [
            Refused(creation(#","gpaWidthBits":52"#), "/spec/gpaWidthBits", "52 needs eptLevels 5"),
            Refused(creation(#","gpaWidthBits":52,"eptLevels":4"#), "/spec/gpaWidthBits", "52 needs eptLevels 5"),
            Refused(
                creation(#","vcpuCount":1,"buildUntil":"tdcsAdded""#), "/spec/vcpuCount",
                #"vCPUs can be built only when buildUntil is "initialized" or "finalized""#),
            Refused(
                creation(#","memory":[{"gpa":"0x0","sizeBytes":4096}],"buildUntil":"tdcsAdded""#), "/spec/memory",
                #"memory can be added only when buildUntil is "initialized" or "finalized""#),
            Refused(
                creation(#","memory":[{"gpa":"0x0"}]"#), "/spec/memory/0/sizeBytes", "is required without an image"),
        ])
    func conflicts(_ refused: Refused) {
        let error = refusal(of: refused.json, as: CreateTDRequest.self)
        #expect(error?.error == .conflictingMembers)
        #expect(error?.error.status == 422)
        #expect(error?.violations == [Violation(pointer: refused.pointer, reason: refused.reason)])
    }

    @Test("A value that cannot be outweighs an unknown member, and that a contradiction")
    func gravest() {
        let conflict = #","gpaWidthBits":52"#
        #expect(refusal(of: creation(conflict + #","x":1"#), as: CreateTDRequest.self)?.error == .unknownMember)
        #expect(refusal(of: creation(conflict + #","xfam":1"#), as: CreateTDRequest.self)?.error == .invalidValue)
        let all = refusal(of: creation(conflict + #","x":1,"xfam":1"#), as: CreateTDRequest.self)
        #expect(all?.error == .invalidValue)
        #expect(all?.violations.count == 3)
    }

    @Test("Everything that is wrong is found at once")
    func several() {
        let json = #"""
            {"name":"Web","nmae":"x","labels":{"a b":"c","d":7},"spec":{"maxVcpus":0,"xfam":3,"cpuid":[{},7,
            {"leaf":"0x1","eax":"0x0","ebx":"0x0","ecx":"0x0","edx":"0x0"}],"speed":1}}
            """#
        let error = refusal(of: json, as: CreateTDRequest.self)
        #expect(error?.error == .invalidValue)
        #expect(
            Set(error?.violations.compactMap(\.pointer) ?? []) == [
                "/name", "/nmae", "/labels/a b", "/labels/d", "/spec/maxVcpus", "/spec/xfam", "/spec/speed",
                "/spec/cpuid/0/leaf", "/spec/cpuid/0/eax", "/spec/cpuid/0/ebx", "/spec/cpuid/0/ecx",
                "/spec/cpuid/0/edx", "/spec/cpuid/1",
            ])
    }

    @Test("No more violations are reported than the limit")
    func manyViolations() {
        let entries = [String](repeating: "{}", count: 200).joined(separator: ",")
        let error = refusal(of: creation(#","cpuid":[\#(entries)]"#), as: CreateTDRequest.self)
        #expect(error?.violations.count == RequestLimits.maximumViolations)
        #expect(error?.violations.first?.pointer == "/spec/cpuid/0/leaf")
    }

    @Test("The 257th CPUID setting is one too many")
    func manySettings() {
        let entry = #"{"leaf":"0x1","eax":"0x0","ebx":"0x0","ecx":"0x0","edx":"0x0"}"#
        func body(_ count: Int) -> String {
            creation(#","cpuid":[\#([String](repeating: entry, count: count).joined(separator: ","))]"#)
        }
        #expect(refusal(of: body(256), as: CreateTDRequest.self) == nil)
        #expect(
            refusal(of: body(257), as: CreateTDRequest.self)?.violations == [
                Violation(pointer: "/spec/cpuid", reason: "must be an array of at most 256 objects")
            ])
    }

    @Test("An integer may be written with a fraction of zero, as JSON Schema has it")
    func integralNumbers() throws {
        #expect(try decoded(#"{"spec":{"maxVcpus":4.0}}"#, as: CreateTDRequest.self).spec.parameters.maxVcpus == 4)
    }
}
