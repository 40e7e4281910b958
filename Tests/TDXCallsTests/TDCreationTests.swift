import TDXCalls
import Testing

@Suite("TDH.MNG.CREATE")
struct MngCreateTests {
    @Test("It is leaf 9, with the page flushed first, its address in RCX and the KeyID in RDX")
    func placesRegisters() {
        let port = ScriptedPort()
        switch port.tdx.tdh_mng_create(Sample.page, Sample.keyID, on: Sample.processor) {
        case .accepted(let td):
            #expect(td == TD(tdr: PageAddress(rawValue: Sample.pageAddress), tdcs: []))
        case .refused(_, _, let error):
            Issue.record("refused: \(error)")
        }
        #expect(port.events == flushThenCall(rax: 9, [.rcx: Sample.pageAddress, .rdx: 33]))
    }

    @Test("A refusal gives back the page and the KeyID, with the error")
    func refusalGivesBack() {
        let answer = Completion(.operandBusy, operand: .kot)
        let port = ScriptedPort(answer)
        switch port.tdx.tdh_mng_create(Sample.page, Sample.keyID, on: Sample.processor) {
        case .accepted(let td):
            Issue.record("accepted: \(td)")
        case .refused(let page, let keyID, let error):
            let (address, number) = (page.address.rawValue, keyID.number)
            #expect(address == Sample.pageAddress)
            #expect(number == KeyID(rawValue: 33))
            #expect(error.completion == answer)
            #expect(error.completion?.operand == .kot)
            #expect(error.leaf == .mngCreate)
        }
        #expect(port.events.count == 2)
    }

    @Test("A failure of the port gives back the page and the KeyID too, and says that the outcome is unknown")
    func portFailureGivesBack() {
        let failure = PortError(.outcomeUnknown, "the connection closed before the answer")
        let port = ScriptedPort([.failure(failure)])
        switch port.tdx.tdh_mng_create(Sample.page, Sample.keyID, on: Sample.processor) {
        case .accepted(let td):
            Issue.record("accepted: \(td)")
        case .refused(let page, let keyID, let error):
            let (address, number) = (page.address.rawValue, keyID.number.rawValue)
            #expect(address == Sample.pageAddress)
            #expect(number == 33)
            #expect(error.cause == .port(failure))
            #expect(error.completion == nil)
        }
    }

    @Test("Missing entropy repeats the call and not the flush")
    func entropyFlushesOnce() {
        let port = ScriptedPort([.module(.rndNoEntropy, [:]), .module(.success, [:])])
        if case .refused(_, _, let error) = port.tdx.tdh_mng_create(Sample.page, Sample.keyID, on: Sample.processor) {
            Issue.record("refused: \(error)")
        }
        let call = oneCall(rax: 9, [.rcx: Sample.pageAddress, .rdx: 33])
        #expect(port.events == [.flush(Sample.pageAddress)] + call + call)
    }
}

@Suite("TDH.MNG.ADDCX")
struct MngAddCXTests {
    @Test("It is leaf 1, with the page flushed first, its address in RCX and the TDR in RDX")
    func placesRegisters() {
        let port = ScriptedPort()
        switch port.tdx.tdh_mng_addcx(Sample.td, Sample.page, on: Sample.processor) {
        case .accepted(let page): #expect(page == PageAddress<TDCS>(rawValue: Sample.pageAddress))
        case .refused(_, let error): Issue.record("refused: \(error)")
        }
        #expect(port.events == flushThenCall(rax: 1, [.rcx: Sample.pageAddress, .rdx: 0x1_0010_0000]))
    }

    @Test("A refusal gives back the page with the error")
    func refusalGivesBack() {
        let port = ScriptedPort(.tdcxNumIncorrect)
        expectRefused(
            port.tdx.tdh_mng_addcx(Sample.td, Sample.page, on: Sample.processor), by: .mngAddCX, .tdcxNumIncorrect)
        #expect(port.events.count == 2)
    }
}

@Suite("TDH.MNG.INIT")
struct MngInitTests {
    let parameters = HostMemory(address: 0x2000_0000, sizeBytes: 1024)

    @Test("It is leaf 21, with the TDR in RCX, TD_PARAMS in RDX and no flush")
    func placesRegisters() throws {
        let port = ScriptedPort()
        try port.tdx.tdh_mng_init(Sample.td, parameters, on: Sample.processor)
        #expect(port.events == oneCall(rax: 21, [.rcx: 0x1_0010_0000, .rdx: 0x2000_0000]))
    }

    @Test("A refused CPUID setting is named by leaf and sub-leaf")
    func refusedCPUID() {
        let error = initRefusal(Completion(.operandInvalid, operand: .cpuidConfig), rcx: 0x2_0000_0004)
        #expect(error?.refusedCPUID?.leaf == 4)
        #expect(error?.refusedCPUID?.subleaf == 2)
        #expect(error?.refusedCPUID?.rawValue == 0x2_0000_0004)
        #expect(error?.completion?.operand?.name == "CPUID_CONFIG")
    }

    @Test("A refused CPUID setting of a leaf without sub-leaves has none")
    func refusedCPUIDWithoutSubleaf() {
        let error = initRefusal(Completion(.operandInvalid, operand: .cpuidConfig), rcx: 0xffff_ffff_8000_0008)
        #expect(error?.refusedCPUID?.leaf == 0x8000_0008)
        #expect(error?.refusedCPUID?.subleaf == nil)
    }

    @Test("CPUID settings that contradict each other name none: RCX is zero")
    func contradictingCPUID() {
        #expect(initRefusal(Completion(.operandInvalid, operand: .cpuidConfig), rcx: 0)?.refusedCPUID == nil)
    }

    @Test("Another refusal says nothing of CPUID, though RCX still holds the TDR")
    func otherRefusal() {
        let error = initRefusal(Completion(.operandInvalid, operand: .attributes), rcx: 0x1_0010_0000)
        #expect(error?.refusedCPUID == nil)
        #expect(error?.completion?.operand == .attributes)
        #expect(error?.registers.rcx == 0x1_0010_0000)
    }

    private func initRefusal(_ completion: Completion, rcx: UInt64) -> SEAMCALLError? {
        let port = ScriptedPort(completion, [.rcx: rcx])
        return refusal { () throws(SEAMCALLError) in
            try port.tdx.tdh_mng_init(Sample.td, parameters, on: Sample.processor)
        }
    }
}

/// The donation was refused by `leaf` with `completion`, and the sample page came back.
func expectRefused<Kind>(
    _ donation: consuming Donation<Kind>, by leaf: Leaf, _ completion: Completion,
    sourceLocation: SourceLocation = #_sourceLocation
) {
    switch consume donation {
    case .accepted(let page):
        Issue.record("accepted: \(page)", sourceLocation: sourceLocation)
    case .refused(let page, let error):
        let address = page.address.rawValue
        #expect(address == Sample.pageAddress, sourceLocation: sourceLocation)
        #expect(error.completion == completion, sourceLocation: sourceLocation)
        #expect(error.leaf == leaf, sourceLocation: sourceLocation)
        #expect(error.processor == Sample.processor, sourceLocation: sourceLocation)
    }
}
