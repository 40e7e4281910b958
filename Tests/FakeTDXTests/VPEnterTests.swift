import FakeTDX
import TDXCalls
import Testing

private typealias Page = Stage.Page

@Suite("TDH.VP.ENTER")
struct VPEnterTests {
    private let lp = Processor(rawValue: 0)

    private func enter(_ stage: Stage, r10: UInt64 = 0, r11: UInt64 = 0) throws -> FakeEntry {
        var registers = Registers(rcx: Page.tdvpr, r10: r10, r11: r11)
        return try stage.fake.enter(&registers, on: lp)
    }

    private func exit(_ stage: Stage, _ exit: TDExit) throws -> (FakeEntry, Registers) {
        var registers = Registers()
        let entry = try stage.fake.exit(with: exit, &registers, on: lp)
        return (entry, registers)
    }

    @Test("is refused before the TD can run, for other pages, elsewhere while associated, and once disabled")
    func refusals() throws {
        let stage = try Stage(.memory)
        try stage.refuse(.opStateIncorrect, nil, .vpEnter, Page.tdvpr)
        try stage.refuse(.pageMetadataIncorrect, .rcx, .vpEnter, Page.tdr)
        try stage.refuse(.operandInvalid, .rcx, .vpEnter, 1 << 54 | Page.tdvpr)
        try stage.advance(to: .runnable)
        try stage.refuse(.vcpuAssociated, nil, .vpEnter, Page.tdvpr, on: 1)
        #expect(stage.fake.hold(.epoch(td: Page.tdr)))
        try stage.refuse(.operandBusy, .tdEpoch, .vpEnter, Page.tdvpr)
        #expect(stage.fake.release(.epoch(td: Page.tdr)))
        #expect(try enter(stage) != .answered(.success))
        #expect(try exit(stage, TDExit(reason: 2)).0 == .answered(Completion(rawValue: 0x4000_0001_0000_0002)))
        try stage.refuse(.vcpuStateIncorrect, nil, .vpEnter, Page.tdvpr)
        try stage.accept(.vpFlush, Page.tdvpr)
    }

    @Test("finds the registers of VP.INIT in the guest, and gives the host an interrupt if nothing else happens")
    func first() throws {
        let stage = try Stage(.runnable)
        #expect(
            try enter(stage) == .inside(["rcx": 0x1234, "r8": 0x1234, "rbx": 48, "rdx": 0x806f8]))
        _ = try exit(stage, .interrupt)
        #expect(try stage.call(.vpEnter, Page.tdvpr) == Completion(rawValue: 1))
        #expect(stage.registers.r9 == 0x8000_0020)
        #expect(!stage.fake.snapshot().isAnyLockHeld)
    }

    @Test("leaves with the exits that were queued, in their order")
    func queue() throws {
        let stage = try Stage(.runnable)
        try stage.fake.queueExit(TDExit(reason: 10, rax: 0), on: lp)
        try stage.fake.queueExit(
            TDExit(reason: 48, qualification: 0x181, guestPhysicalAddress: 0x5000), on: lp)
        #expect(try stage.call(.vpEnter, Page.tdvpr) == Completion(rawValue: 48))
        #expect(stage.registers.rcx == 1)
        #expect(stage.registers.r8 == 0x5000)
        #expect(try stage.call(.vpEnter, Page.tdvpr) == Completion(rawValue: 1))
    }

    @Test("shows the host what a TDVMCALL exposes, and the guest what the host answers there")
    func vmCall() throws {
        let stage = try Stage(.runnable)
        _ = try enter(stage)
        let call = TDExit(reason: 77, rax: 0, registers: [.rcx: 0xc00, .r10: 1, .r11: 2, .r12: 3])
        let (entry, registers) = try exit(stage, call)
        #expect(entry == .answered(Completion(rawValue: 77)))
        #expect(registers.r11 == 2)
        #expect(registers.r12 == 0, "not exposed")
        guard case .inside(let guest) = try enter(stage, r10: 5, r11: 6) else {
            Issue.record("the vCPU did not go in again")
            return
        }
        #expect(guest["r10"] == 5)
        #expect(guest["r12"] == 3)
    }

    @Test("keeps TDR and TDVPR shared while the vCPU is inside")
    func locks() throws {
        let stage = try Stage(.runnable)
        _ = try enter(stage)
        try stage.refuse(.operandBusy, .rcx, .mngVPFlushDone, Page.tdr, on: 1)
        try stage.refuse(.operandBusy, .rcx, .vpFlush, Page.tdvpr, on: 1)
        try stage.accept(.mngRD, Page.tdr, 0x1110_0003_0000_0000, on: 1)
        try stage.accept(.memPageAug, 0x2000, Page.tdr, r8: Page.free, on: 1)
        _ = try exit(stage, .interrupt)
        try stage.accept(.vpFlush, Page.tdvpr)
    }

    @Test("an augmented page faults in the guest until it accepts it, zeroed")
    func accept() throws {
        let stage = try Stage(.runnable)
        stage.fake.writePhysical([1, 2, 3], at: Page.free)
        try stage.accept(.memPageAug, 0x2000, Page.tdr, r8: Page.free)
        _ = try enter(stage)
        let access = TDExit(reason: 48, qualification: 0x181, guestPhysicalAddress: 0x2000)
        guard case .inside = try exit(stage, access).0 else {
            Issue.record("a pending page is the guest's business")
            return
        }
        let call = TDExit(reason: 77, rax: 6, registers: [.rcx: 0x2000])
        guard case .inside(let accepted) = try exit(stage, call).0 else {
            Issue.record("ACCEPT left the guest")
            return
        }
        #expect(accepted["rax"] == nil)
        guard case .inside(let again) = try exit(stage, call).0 else { return }
        #expect(again["rax"] == Completion.pageAlreadyAccepted.rawValue)
        _ = try exit(stage, .interrupt)
        #expect(stage.fake.readPhysical(at: Page.free, count: 3) == [0, 0, 0])
        try stage.accept(.memSEPTRD, 0x2000, Page.tdr)
        #expect(stage.registers.rdx == 0x400)
    }

    @Test("with SEPT_VE_DISABLE the host hears of a pending page instead")
    func septVEDisable() throws {
        let stage = try Stage()
        stage.parameters.attributes = .septVEDisable
        try stage.advance(to: .runnable)
        try stage.accept(.memPageAug, 0x2000, Page.tdr, r8: Page.free)
        _ = try enter(stage)
        let access = TDExit(reason: 48, qualification: 1, guestPhysicalAddress: 0x2000)
        #expect(try exit(stage, access).0 == .answered(Completion(rawValue: 48)))
    }

    @Test("an exit where nobody is inside is the port's failure, not the module's answer")
    func nobodyInside() throws {
        let stage = try Stage(.runnable)
        #expect(throws: PortError.self) { try exit(stage, .interrupt) }
    }
}
