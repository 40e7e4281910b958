import TDXCalls
import Testing

@Suite("TDH.VP.CREATE")
struct VPCreateTests {
    @Test("It is leaf 10, with the page flushed first, its address in RCX and the TDR in RDX")
    func placesRegisters() {
        let port = ScriptedPort()
        switch port.tdx.tdh_vp_create(Sample.td, Sample.page, on: Sample.processor) {
        case .accepted(let page): #expect(page == PageAddress<TDVPR>(rawValue: Sample.pageAddress))
        case .refused(_, let error): Issue.record("refused: \(error)")
        }
        #expect(port.events == flushThenCall(rax: 10, [.rcx: Sample.pageAddress, .rdx: 0x1_0010_0000]))
    }

    @Test("A refusal gives back the page with the error")
    func refusalGivesBack() {
        let port = ScriptedPort(.opStateIncorrect)
        expectRefused(
            port.tdx.tdh_vp_create(Sample.td, Sample.page, on: Sample.processor), by: .vpCreate, .opStateIncorrect)
        #expect(port.events.count == 2)
    }
}

@Suite("TDH.VP.ADDCX")
struct VPAddCXTests {
    @Test("It is leaf 4, with the page flushed first, its address in RCX and the TDVPR in RDX")
    func placesRegisters() {
        let port = ScriptedPort()
        switch port.tdx.tdh_vp_addcx(Sample.vp, Sample.page, on: Sample.processor) {
        case .accepted(let page): #expect(page == PageAddress<TDCX>(rawValue: Sample.pageAddress))
        case .refused(_, let error): Issue.record("refused: \(error)")
        }
        #expect(port.events == flushThenCall(rax: 4, [.rcx: Sample.pageAddress, .rdx: 0x1_0010_7000]))
    }

    @Test("A refusal gives back the page with the error")
    func refusalGivesBack() {
        let answer = Completion(.operandBusy, operand: .tdr)
        let port = ScriptedPort(answer)
        expectRefused(port.tdx.tdh_vp_addcx(Sample.vp, Sample.page, on: Sample.processor), by: .vpAddCX, answer)
        #expect(port.events.count == 2)
    }
}

@Suite("TDH.VP.INIT")
struct VPInitTests {
    @Test("It is leaf 22, with the TDVPR in RCX, the guest's RCX in RDX and no flush")
    func placesRegisters() throws {
        let port = ScriptedPort()
        try port.tdx.tdh_vp_init(Sample.vp, initialRCX: 0xffee_ddcc_bbaa_9988, on: Sample.processor)
        #expect(port.events == oneCall(rax: 22, [.rcx: 0x1_0010_7000, .rdx: 0xffee_ddcc_bbaa_9988]))
    }

    @Test("With an x2APIC id it is version 1, with the id in R8")
    func versionOne() throws {
        let port = ScriptedPort()
        try port.tdx.tdh_vp_init(Sample.vp, initialRCX: 7, x2apicID: 0xffff_fffe, on: Sample.processor)
        #expect(port.events == oneCall(rax: 0x1_0016, [.rcx: 0x1_0010_7000, .rdx: 7, .r8: 0xffff_fffe]))
    }

    @Test("A module that does not know version 1 is quoted, and version 0 is not tried behind the caller's back")
    func versionOneRefused() {
        let answer = Completion(.operandInvalid, operand: .rax)
        let port = ScriptedPort(answer)
        let error = refusal { () throws(SEAMCALLError) in
            try port.tdx.tdh_vp_init(Sample.vp, initialRCX: 7, x2apicID: 1, on: Sample.processor)
        }
        #expect(error?.completion == answer)
        #expect(error?.leaf == Leaf(22, version: 1))
        #expect(port.events.count == 1)
    }

    @Test("An MSR that differs from boot is named by its index")
    func inconsistentMSR() {
        let port = ScriptedPort(Completion(rawValue: 0xc000_0920_0000_003b))
        let error = refusal { () throws(SEAMCALLError) in
            try port.tdx.tdh_vp_init(Sample.vp, initialRCX: 0, on: Sample.processor)
        }
        #expect(error?.completion?.code == Completion.inconsistentMSR.rawValue)
        #expect(error?.completion?.info?.details == .msrIndex)
        #expect(error?.completion?.details == 0x3b)
        #expect(error?.completion?.operand == nil)
    }
}
