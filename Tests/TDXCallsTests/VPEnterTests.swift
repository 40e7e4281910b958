import TDXCalls
import Testing

@Suite("TDH.VP.ENTER")
struct VPEnterTests {
    private let tdvpr: UInt64 = 0x1_0010_7000

    private func enter(_ port: ScriptedPort, _ entry: VPEntry = VPEntry()) throws(SEAMCALLError) -> VPExit {
        try port.tdx.tdh_vp_enter(Sample.vp, entry, on: Sample.processor)
    }

    @Test("It is leaf 0, with the TDVPR and the flags in RCX, and the answer in the registers of its name")
    func placesRegisters() throws {
        let port = ScriptedPort(Completion(rawValue: 1))
        var registers = Registers(rcx: 1, rdx: 2, r8: 8, r9: 9, r10: 10, r11: 11)
        for (register, value) in [
            (Register.rbx, 3), (.rbp, 5), (.rsi, 6), (.rdi, 7), (.r12, 12), (.r13, 13), (.r14, 14), (.r15, 15),
        ] as [(Register, UInt64)] {
            registers[register] = value
        }
        _ = try enter(port, VPEntry(flags: [.recoveryHandled, .resumeL1], answer: VPEntry.Answer(registers)))
        #expect(
            port.events
                == oneCall(
                    rax: 0,
                    [
                        .rcx: tdvpr | 3 << 52, .rdx: 2, .rbx: 3, .rbp: 5, .rsi: 6, .rdi: 7, .r8: 8, .r9: 9, .r10: 10,
                        .r11: 11, .r12: 12, .r13: 13, .r14: 14, .r15: 15,
                    ]))
    }

    @Test("A flag without a name does not reach the address")
    func unnamedFlags() throws {
        let port = ScriptedPort(Completion(rawValue: 1))
        _ = try enter(port, VPEntry(flags: VPEntry.Flags(rawValue: .max)))
        #expect(port.events == oneCall(rax: 0, [.rcx: tdvpr | 3 << 52]))
    }

    @Test("An interrupt and an EPT violation have their registers by name; there is no call then")
    func exits() throws {
        let interrupt = try enter(ScriptedPort(Completion(rawValue: 1), [.rcx: 0, .r9: 0x8000_0020]))
        #expect(interrupt.reason == 1 && interrupt.interruptionInformation == 0x8000_0020)
        #expect(interrupt.guestPhysicalAddress == nil && interrupt.vmCall == nil)
        let violation = try enter(
            ScriptedPort(Completion(rawValue: 48), [.rcx: 2, .rdx: 1, .r8: 0x5000]))
        #expect(violation.reason == 48 && violation.guestPhysicalAddress == 0x5000)
        #expect(violation.qualification == 2 && violation.extendedQualification == 1 && violation.vmCall == nil)
    }

    @Test("A TDVMCALL shows the registers its mask exposes, and no other")
    func vmCall() throws {
        let exit = try enter(
            ScriptedPort(Completion(rawValue: 77), [.rcx: 0xc00, .rdx: 9, .r10: 1, .r11: 2, .r12: 3]))
        let call = try #require(exit.vmCall)
        #expect(call.exposed == 0xc00)
        #expect(call[.r10] == 1 && call[.r11] == 2)
        #expect(call[.r12] == nil && call[.rdx] == nil && call[.rcx] == nil)
        #expect(exit.qualification == nil && exit.interruptionInformation == nil)
    }

    @Test("A refusal throws, and so does an exit that the vCPU does not survive")
    func refusals() {
        let lost = Completion(rawValue: Completion.nonRecoverableVCPU.rawValue | 2)
        for answer in [Completion(.operandBusy, operand: .tdEpoch), .vcpuAssociated, lost] {
            let error = refusal { () throws(SEAMCALLError) in _ = try enter(ScriptedPort(answer)) }
            #expect(error?.completion == answer && error?.leaf == .vpEnter)
        }
    }
}
