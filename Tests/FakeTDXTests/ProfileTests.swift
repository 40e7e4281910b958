import FakeTDX
import TDXCalls
import Testing

@Suite("Profiles: which release the fake plays")
struct ProfileTests {
    private typealias Page = Stage.Page

    private func field(_ name: String, _ stage: Stage) throws -> UInt64 {
        let id = try #require(FieldInfo.named(name, in: .sys)?.id.rawValue)
        try stage.accept(.sysRD, 0, id)
        return stage.registers.r8
    }

    @Test("1.5.01 is held against recordings and takes no x2APIC id; the later one is not, and does")
    func whatTheySay() throws {
        let old = try Stage()
        #expect(old.fake.profile == .release1501 && old.fake.profile.isHeldAgainstRecordings)
        #expect(!old.fake.module.hasVPInitX2APICID && old.fake.module.features0 >> 20 & 1 == 0)
        #expect(try field("TDX_FEATURES0", old) == 0xf0fbf)
        let absent = try #require(FieldInfo.named("MAX_VCPUS_PER_TD", in: .sys)?.id.rawValue)
        #expect(try old.call(.sysRD, 0, absent) == .metadataFieldIDIncorrect)

        let new = try Stage(profile: .later)
        #expect(!new.fake.profile.isHeldAgainstRecordings && new.fake.module.hasVPInitX2APICID)
        #expect(new.fake.module.updateVersion == 6 && new.fake.module.buildNumber == 744)
        #expect(try field("TDX_FEATURES0", new) == 0xf0fbf | 1 << 20 | 1 << 23 | 1 << 27)
        #expect(try field("MAX_VCPUS_PER_TD", new) == 576)
        #expect(try field("CONFIG_FLAGS_FIXED0", new) == 0xf)
        #expect(FakeProfile(rawValue: "1.5-later") == .later)
    }

    @Test("MNG.INIT of the later one takes no more vCPUs than the module says, and MAXPA_VIRT")
    func parameters() throws {
        let stage = try Stage(.tdcsComplete, profile: .later)
        stage.parameters.maxVCPUs = 577
        try stage.writeParameters()
        try stage.refuse(.operandInvalid, .maxVCPUs, .mngInit, Page.tdr, Page.parameters)
        stage.parameters.maxVCPUs = 576
        stage.parameters.configFlags = ConfigFlags(rawValue: 1 << 3)
        try stage.writeParameters()
        try stage.accept(.mngInit, Page.tdr, Page.parameters)
    }

    @Test("VP.INIT version 1 refuses an id of more than 32 bits, and one that another vCPU of the TD has")
    func ids() throws {
        let stage = try Stage(.vcpuCreated, profile: .later)
        let version1 = Leaf.vpInit.version(1)
        try stage.refuse(.operandInvalid, .r8, version1, Page.tdvpr, 0, r8: 1 << 32)
        try stage.refuse(.operandInvalid, .rax, .vpInit.version(2), Page.tdvpr)
        try stage.accept(version1, Page.tdvpr, 7, r8: 5)
        let other: UInt64 = 0x1_0020_0000
        try stage.accept(.vpCreate, other, Page.tdr)
        for page: UInt64 in 1...5 { try stage.accept(.vpAddCX, other + page << 12, other) }
        try stage.refuse(Completion(rawValue: Completion.x2apicIDNotUnique.rawValue | 5), nil, version1, other, r8: 5)
        try stage.accept(version1, other, 7, r8: 6)
        #expect(try stage.field("NUM_VCPUS") == 2)
        #expect(
            try stage.call(version1, other, 7, r8: 9)
                == Completion(rawValue: Completion.vcpuStateIncorrect.rawValue | 2))
    }

    @Test("A changed IA32_TSC_ADJUST costs no vCPU number there, and version 1 holds the TDR exclusively")
    func locksAndCounts() throws {
        let stage = try Stage(.vcpuCreated, profile: .later)
        stage.fake.setTSCAdjustDiffers(true)
        try stage.refuse(Completion(rawValue: Completion.inconsistentMSR.rawValue | 0x3b), nil, .vpInit, Page.tdvpr)
        stage.fake.setTSCAdjustDiffers(false)
        #expect(try stage.field("NUM_VCPUS") == 0)
        #expect(stage.fake.hold(.page(Page.tdr), exclusively: false))
        try stage.refuse(.operandBusy, .tdr, .vpInit.version(1), Page.tdvpr)
        try stage.accept(.vpInit, Page.tdvpr)
        #expect(stage.fake.release(.page(Page.tdr)))
    }

    @Test("1.5.01 refuses version 1 of VP.INIT by its version")
    func noVersion1() throws {
        let stage = try Stage(.vcpuCreated)
        try stage.refuse(.operandInvalid, .rax, .vpInit.version(1), Page.tdvpr)
    }
}
