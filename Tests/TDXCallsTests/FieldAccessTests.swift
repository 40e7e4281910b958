import TDXCalls
import Testing

@Suite("TDH.MNG.RD and TDH.MNG.WR")
struct MngFieldTests {
    let field = FieldID(rawValue: 0x9110_0003_0000_0011)

    @Test("The read is leaf 11, with the TDR in RCX and the field in RDX; the value is R8")
    func read() throws {
        let port = ScriptedPort(.success, [.rdx: 1, .r8: 0xfeed])
        #expect(try port.tdx.tdh_mng_rd(Sample.td, field, on: Sample.processor) == 0xfeed)
        #expect(port.events == oneCall(rax: 11, [.rcx: 0x1_0010_0000, .rdx: 0x9110_0003_0000_0011]))
    }

    @Test("The write is leaf 13, with the value in R8 and the mask in R9; the old value is R8")
    func write() throws {
        let port = ScriptedPort(.success, [.r8: 0x0f42_40])
        let old = try port.tdx.tdh_mng_wr(Sample.td, field, 0x2710, mask: 0xffff, on: Sample.processor)
        #expect(old == 1_000_000)
        #expect(
            port.events
                == oneCall(
                    rax: 13, [.rcx: 0x1_0010_0000, .rdx: 0x9110_0003_0000_0011, .r8: 0x2710, .r9: 0xffff]))
    }

    @Test("A refusal is thrown and no value returned")
    func refused() {
        let port = ScriptedPort(.metadataFieldNotReadable, [.r8: 0])
        let error = refusal { () throws(SEAMCALLError) in
            _ = try port.tdx.tdh_mng_rd(Sample.td, field, on: Sample.processor)
        }
        #expect(error?.completion == .metadataFieldNotReadable)
        #expect(error?.registers.rdx == field.rawValue)
    }
}

@Suite("TDH.VP.RD and TDH.VP.WR")
struct VPFieldTests {
    let field = FieldID(rawValue: 0x2020_0000_0000_000b)

    @Test("The read is leaf 26, with the TDVPR in RCX and the field in RDX; the value is R8")
    func read() throws {
        let port = ScriptedPort(.success, [.r8: 1])
        #expect(try port.tdx.tdh_vp_rd(Sample.vp, field, on: Sample.processor) == 1)
        #expect(port.events == oneCall(rax: 26, [.rcx: 0x1_0010_7000, .rdx: 0x2020_0000_0000_000b]))
    }

    @Test("The write is leaf 43, with the value in R8 and the mask in R9; the old value is R8")
    func write() throws {
        let port = ScriptedPort(.success, [.r8: 0])
        #expect(try port.tdx.tdh_vp_wr(Sample.vp, field, 1, mask: 0xff, on: Sample.processor) == 0)
        #expect(
            port.events
                == oneCall(rax: 43, [.rcx: 0x1_0010_7000, .rdx: 0x2020_0000_0000_000b, .r8: 1, .r9: 0xff]))
    }

    @Test("A vCPU that sits on another processor is refused, with the processor that asked")
    func associatedElsewhere() {
        let port = ScriptedPort(.vcpuAssociated)
        let error = refusal { () throws(SEAMCALLError) in
            _ = try port.tdx.tdh_vp_wr(Sample.vp, field, 1, mask: 1, on: Sample.processor)
        }
        #expect(error?.completion == .vcpuAssociated)
        #expect(error?.processor == Sample.processor)
        #expect(error?.leaf == .vpWR)
    }
}

@Suite("TDH.SYS.RD")
struct SysRDTests {
    @Test("It is leaf 34, with RCX zero and the field in RDX; the value is R8")
    func read() throws {
        let port = ScriptedPort(.success, [.rdx: .max, .r8: 0x8086])
        let vendor = FieldID(rawValue: 0x0800_0002_0000_0000)
        #expect(try port.tdx.tdh_sys_rd(vendor, on: Sample.processor) == 0x8086)
        #expect(port.events == oneCall(rax: 34, [.rdx: 0x0800_0002_0000_0000]))
    }
}
