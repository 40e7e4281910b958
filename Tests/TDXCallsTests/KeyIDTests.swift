import TDXCalls
import Testing

@Suite("TDH.MNG.KEY.CONFIG")
struct MngKeyConfigTests {
    @Test("It is leaf 8, with the TDR in RCX, one call and no flush")
    func placesRegisters() throws {
        let port = ScriptedPort()
        let completion = try port.tdx.tdh_mng_key_config(Sample.td, on: Sample.processor)
        #expect(completion == .success)
        #expect(port.events == oneCall(rax: 8, [.rcx: 0x1_0010_0000]))
    }

    @Test("A package that was done already is information and not an error")
    func alreadyConfigured() throws {
        let port = ScriptedPort(.keyConfigured)
        #expect(try port.tdx.tdh_mng_key_config(Sample.td, on: Sample.processor) == .keyConfigured)
        #expect(port.events.count == 1)
    }

    @Test("A failed key generation is thrown at once: only missing entropy is repeated")
    func keyGenerationFailed() {
        let port = ScriptedPort(.keyGenerationFailed)
        let error = refusal { () throws(SEAMCALLError) in
            try port.tdx.tdh_mng_key_config(Sample.td, on: Sample.processor)
        }
        #expect(error?.completion == .keyGenerationFailed)
        #expect(error?.leaf == .mngKeyConfig)
        #expect(error?.processor == Sample.processor)
        #expect(port.events.count == 1)
    }
}

@Suite("TDH.MNG.KEY.FREEID")
struct MngKeyFreeIDTests {
    @Test("It is leaf 20, with the TDR in RCX, one call and no flush")
    func placesRegisters() throws {
        let port = ScriptedPort()
        try port.tdx.tdh_mng_key_freeid(Sample.td, on: Sample.processor)
        #expect(port.events == oneCall(rax: 20, [.rcx: 0x1_0010_0000]))
    }

    @Test("A refusal is thrown with its completion, and the call is not repeated")
    func refusedIsThrown() {
        let port = ScriptedPort(.wbCacheNotComplete)
        let error = refusal { () throws(SEAMCALLError) in
            try port.tdx.tdh_mng_key_freeid(Sample.td, on: Sample.processor)
        }
        #expect(error?.cause == .refused(Completion(rawValue: 0x8000_0817_0000_0000)))
        #expect(error?.leaf == .mngKeyFreeID)
        #expect(port.events.count == 1)
    }
}
