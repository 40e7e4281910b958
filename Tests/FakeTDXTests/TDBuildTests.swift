import FakeTDX
import TDXCalls
import Testing

private typealias Page = Stage.Page

@Suite("TDH.MNG.ADDCX")
struct MngAddCXTests {
    @Test("looks at the TD, then its count of pages, then the new page, and at the operation state last")
    func order() throws {
        let stage = try Stage(.onePackage)
        for (address, completion) in Stage.badPages(.rdx, notOfType: [Page.free]) {
            try stage.refuse(completion, nil, .mngAddCX, Page.outside, address)
        }
        try stage.refuse(.tdKeysNotConfigured, nil, .mngAddCX, Page.outside, Page.tdr)
        try stage.advance(to: .initialized)
        for (address, completion) in Stage.badPages(.rcx, notOfType: [Page.tdcs[0]]) {
            try stage.refuse(completion, nil, .mngAddCX, address, Page.tdr)
        }
        try stage.refuse(.opStateIncorrect, nil, .mngAddCX, Page.free, Page.tdr)
        #expect(stage.fake.setFatal(td: Page.tdr))
        try stage.refuse(.tdFatal, nil, .mngAddCX, Page.free, Page.tdr)
    }

    @Test("finds the TD's own root busy when it is given as the new page")
    func ownRoot() throws {
        try Stage(.keysConfigured).refuse(.operandBusy, .rcx, .mngAddCX, Page.tdr, Page.tdr)
    }

    @Test("takes nine pages, and says so to a tenth before it looks at it")
    func count() throws {
        let stage = try Stage(.tdcsComplete)
        for page in Page.tdcs[6..<9] { try stage.accept(.mngAddCX, page, Page.tdr) }
        try stage.refuse(.tdcxNumIncorrect, nil, .mngAddCX, Page.free + 8, Page.tdr)
    }

    @Test("needs entropy for the sixth page only, which stays free without")
    func entropy() throws {
        let stage = try Stage(.keysConfigured)
        stage.fake.failRandomDraws(.max)
        for page in Page.tdcs.prefix(5) { try stage.accept(.mngAddCX, page, Page.tdr) }
        try stage.refuse(.rndNoEntropy, nil, .mngAddCX, Page.tdcs[5], Page.tdr)
        stage.fake.failRandomDraws(0)
        try stage.accept(.mngAddCX, Page.tdcs[5], Page.tdr)
        stage.fake.failRandomDraws(.max)
        try stage.accept(.mngAddCX, Page.tdcs[6], Page.tdr)
    }
}

@Suite("TDH.MNG.INIT")
struct MngInitTests {
    @Test("looks at the TDR, the TD's state and the address of TD_PARAMS, and answers zero in RCX")
    func order() throws {
        let stage = try Stage(.keysConfigured)
        try stage.refuse(.tdcsNotAllocated, nil, .mngInit, Page.tdr, 8)
        #expect(stage.registers.rcx == 0)
        try stage.advance(to: .tdcsComplete)
        for (address, completion) in Stage.badPages(.rcx, notOfType: [Page.free]) {
            try stage.refuse(completion, nil, .mngInit, address, Page.parameters)
        }
        for address in [Page.parameters + 512, Page.parameters + 1, Page.parameters | 33 << 46, 1 << 52] {
            try stage.refuse(.operandInvalid, .rdx, .mngInit, Page.tdr, address)
        }
        stage.fake.setCPUIDLimited(true)
        try stage.refuse(.limitCPUIDMaxvalSet, nil, .mngInit, Page.outside, 8)
        stage.fake.setCPUIDLimited(false)
        try stage.advance(to: .initialized)
        try stage.refuse(.opStateIncorrect, nil, .mngInit, Page.tdr, 8)
    }

    /// Names a parameter that is wrong, and the operand that is blamed for it.
    struct Bad: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let completion: Completion
        let change: @Sendable (inout TDParams) -> Void

        init(_ name: String, _ operand: OperandID, _ change: @escaping @Sendable (inout TDParams) -> Void) {
            testDescription = name
            completion = Completion(.operandInvalid, operand: operand)
            self.change = change
        }
    }

    /// In the order the module tests them.
    static let bad: [Bad] = [
        Bad("attribute bit 31", .attributes) { $0.attributes = .keyLocker },
        Bad("migratable and debug", .attributes) { $0.attributes = [.migratable, .debug] },
        Bad("XFAM without SSE", .xfam) { $0.xfam = .x87 },
        Bad("half of AVX-512", .xfam) { $0.xfam = XFAM(rawValue: 0x27) },
        Bad("AVX-512 without AVX", .xfam) { $0.xfam = XFAM(rawValue: 0xe3) },
        Bad("half of CET", .xfam) { $0.xfam = XFAM(rawValue: 0x803) },
        Bad("half of AMX", .xfam) { $0.xfam = XFAM(rawValue: 0x2_0003) },
        Bad("no vCPU", .maxVCPUs) { $0.maxVCPUs = 0 },
        Bad("four L2 VMs", .numL2VMs) { $0.numL2VMs = 4 },
        Bad("config flag bit 3", .execControls) { $0.configFlags = ConfigFlags(rawValue: 8) },
        Bad("GPAW with four levels", .eptpControls) { $0.configFlags = .gpaWidth52 },
        Bad("uncached EPT", .eptpControls) { $0.eptpControls = EPTPControls(rawValue: 0x18) },
        Bad("three-level EPT", .eptpControls) { $0.eptpControls = EPTPControls(rawValue: 0x16) },
        Bad("75 MHz", .tscFrequency) { $0.tscFrequency = 3 },
        Bad("10.025 GHz", .tscFrequency) { $0.tscFrequency = 401 },
        Bad("MSR control bit 1", .rdx) { $0.msrConfigControls = 2 },
        Bad("a CPUID bit nobody may set", .cpuidConfig) { $0.cpuid = [CPUIDValues(ebx: 1)] },
        Bad("a foreign signature", .cpuidConfig) { $0.cpuid = [CPUIDValues(eax: 0x806f7)] },
        Bad("a thirteenth CPUID entry", .rdx) { parameters in
            parameters.cpuid = Array(repeating: CPUIDValues(), count: 12) + [CPUIDValues(eax: 1)]
        },
        Bad("capabilities not announced", .ia32ArchCapabilitiesConfig) { $0.ia32ArchCapabilities = 0x10 },
    ]

    @Test("refuses a wrong parameter by name, changes nothing, and can be repeated", arguments: bad)
    func badParameter(_ bad: Bad) throws {
        let stage = try Stage(.tdcsComplete)
        let good = stage.parameters
        bad.change(&stage.parameters)
        try stage.writeParameters()
        try stage.refuse(bad.completion, nil, .mngInit, Page.tdr, Page.parameters)
        stage.parameters = good
        try stage.advance(to: .initialized)
    }

    @Test("of two wrong parameters blames the one it tests first", arguments: zip(bad, bad.dropFirst()))
    func precedence(first: Bad, second: Bad) throws {
        // Two changes of the same member overwrite each other; of those pairs there is nothing to say.
        let stage = try Stage(.tdcsComplete)
        second.change(&stage.parameters)
        let withSecond = stage.parameters
        first.change(&stage.parameters)
        guard stage.parameters != withSecond else { return }
        try stage.writeParameters()
        try stage.refuse(first.completion, nil, .mngInit, Page.tdr, Page.parameters)
    }

    @Test("names the CPUID leaf it refuses in RCX, all ones for a leaf without sub-leaves")
    func refusedCPUID() throws {
        let stage = try Stage(.tdcsComplete)
        stage.parameters.cpuid = [CPUIDValues(), CPUIDValues(), CPUIDValues(ebx: 1)]
        try stage.writeParameters()
        try stage.call(.mngInit, Page.tdr, Page.parameters)
        #expect(stage.registers.rcx == 0x1_0000_0004)
        stage.parameters.cpuid = [CPUIDValues(edx: 1)]
        try stage.writeParameters()
        try stage.call(.mngInit, Page.tdr, Page.parameters)
        #expect(stage.registers.rcx == 0xffff_ffff_0000_0001)
    }

    @Test("refuses unequal HLE and RTM without naming a leaf")
    func transactionalMemory() throws {
        let stage = try Stage(.tdcsComplete)
        stage.parameters.cpuid = Array(repeating: CPUIDValues(), count: 5) + [CPUIDValues(ebx: 1 << 4)]
        try stage.writeParameters()
        try stage.refuse(.operandInvalid, .cpuidConfig, .mngInit, Page.tdr, Page.parameters)
        #expect(stage.registers.rcx == 0)
        stage.parameters.cpuid[5].ebx = 1 << 4 | 1 << 11
        try stage.advance(to: .initialized)
    }

    @Test("gives a migratable TD a lower stepping of the same model, and only that")
    func signature() throws {
        for (eax, isGood): (UInt32, Bool) in [(0x806f7, true), (0x806f0, true), (0x806f9, false), (0x706f8, false)] {
            let stage = try Stage(.tdcsComplete)
            stage.parameters.attributes = .migratable
            stage.parameters.cpuid = [CPUIDValues(eax: eax)]
            try stage.writeParameters()
            let answer = try stage.call(.mngInit, Page.tdr, Page.parameters)
            #expect(answer == (isGood ? .success : Completion(.operandInvalid, operand: .cpuidConfig)))
        }
    }

    @Test("wants the pages its L2 VMs need before it looks any further")
    func l2Pages() throws {
        let stage = try Stage(.tdcsComplete)
        stage.parameters.numL2VMs = 1
        stage.parameters.tscFrequency = 3
        try stage.writeParameters()
        try stage.refuse(.tdcsNotAllocated, nil, .mngInit, Page.tdr, Page.parameters)
        try stage.accept(.mngAddCX, Page.tdcs[6], Page.tdr)
        try stage.refuse(.operandInvalid, .tscFrequency, .mngInit, Page.tdr, Page.parameters)
    }

    @Test("refuses when IA32_TSC_ADJUST has changed since boot, naming the MSR")
    func tscAdjust() throws {
        let stage = try Stage(.tdcsComplete)
        try stage.writeParameters()
        stage.fake.setTSCAdjustDiffers(true)
        try stage.refuse(
            Completion(rawValue: Completion.inconsistentMSR.rawValue | 0x3b), nil, .mngInit, Page.tdr,
            Page.parameters)
    }

    @Test("leaves the TD initialised, in its first epoch, with what it was told")
    func effect() throws {
        let stage = try Stage(.initialized)
        #expect(try stage.field("OP_STATE") == 1)
        #expect(try stage.field("TD_EPOCH") == 1)
        #expect(try stage.field("MAX_VCPUS") == 4)
        #expect(try stage.field("NUM_VCPUS") == 0)
        #expect(try stage.field("TSC_FREQUENCY") == 100)
        #expect(try stage.field("TSC_MULTIPLIER") == 0x1_30c3_0c30_c30c)
        #expect(try stage.field("EPTP") == Page.tdcs[3] | 0x1e)
        #expect(try stage.field("HP_LOCK_TIMEOUT") == 1_000_000)
        #expect(try stage.field("TDCX_PA", element: 5) == Page.tdcs[5] | 33 << 46)
        #expect(try stage.field("CHLDCNT") == 6)
    }
}
