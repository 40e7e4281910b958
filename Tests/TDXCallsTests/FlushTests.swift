import TDXCalls
import Testing

@Suite("TDH.VP.FLUSH")
struct VPFlushTests {
    @Test("It is leaf 18, with the TDVPR in RCX, one call and no cache flush")
    func placesRegisters() throws {
        let port = ScriptedPort()
        try port.tdx.tdh_vp_flush(Sample.vp, on: Sample.processor)
        #expect(port.events == oneCall(rax: 18, [.rcx: 0x1_0010_7000]))
    }

    @Test("A vCPU that is not here is an error of this leaf: whether it counts as done is the caller's policy")
    func notAssociated() {
        let port = ScriptedPort(.vcpuNotAssociated)
        let error = refusal { () throws(SEAMCALLError) in
            try port.tdx.tdh_vp_flush(Sample.vp, on: Sample.processor)
        }
        #expect(error?.completion == .vcpuNotAssociated)
        #expect(error?.processor == Sample.processor)
    }
}

@Suite("TDH.MNG.VPFLUSHDONE")
struct MngVPFlushDoneTests {
    @Test("It is leaf 19, with the TDR in RCX, one call and no cache flush")
    func placesRegisters() throws {
        let port = ScriptedPort()
        try port.tdx.tdh_mng_vpflushdone(Sample.td, on: Sample.processor)
        #expect(port.events == oneCall(rax: 19, [.rcx: 0x1_0010_0000]))
    }

    @Test("A vCPU that is still associated is an error, and the call is not repeated")
    func notDone() {
        let port = ScriptedPort(.flushVPNotDone)
        let error = refusal { () throws(SEAMCALLError) in
            try port.tdx.tdh_mng_vpflushdone(Sample.td, on: Sample.processor)
        }
        #expect(error?.completion == .flushVPNotDone)
        #expect(port.events.count == 1)
    }
}
