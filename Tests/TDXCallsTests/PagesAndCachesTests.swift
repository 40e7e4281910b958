import TDXCalls
import Testing

@Suite("TDH.PHYMEM.PAGE.RECLAIM")
struct PhymemPageReclaimTests {
    @Test("It is leaf 28, with the page in RCX; type, owner and size come back named")
    func placesRegisters() throws {
        let port = ScriptedPort(.success, [.rcx: 5, .rdx: 0x1_0010_0000, .r8: 0])
        let metadata = try port.tdx.tdh_phymem_page_reclaim(Sample.anyPage, on: Sample.processor)
        #expect(metadata.type == .tdcx)
        #expect(metadata.owner == Sample.td.tdr)
        #expect(metadata.size == .size4K)
        #expect(port.events == oneCall(rax: 28, [.rcx: Sample.pageAddress]))
    }

    @Test("A refusal still says what the page is and whose")
    func metadataSurvivesRefusal() {
        let error = reclaimRefusal(.lifecycleStateIncorrect, [.rcx: 6, .rdx: 0x1_0010_0000, .r8: 0])
        #expect(error?.completion == .lifecycleStateIncorrect)
        #expect(error?.pageMetadata?.type == .tdvpr)
        #expect(error?.pageMetadata?.owner == Sample.td.tdr)
        #expect(error?.pageMetadata?.size == .size4K)
    }

    @Test("A refusal before the PAMT was looked at gives zeroes, as the module does")
    func metadataZeroed() {
        let error = reclaimRefusal(Completion(.operandBusy, operand: .rcx), [.rcx: 0, .rdx: 0, .r8: 0])
        #expect(error?.pageMetadata?.type == .nda)
        #expect(error?.pageMetadata?.owner.rawValue == 0)
    }

    @Test("A call the leaf never saw has no metadata: the registers hold what went in")
    func leafNotReached() {
        #expect(reclaimRefusal(.sysNotReady, [:])?.pageMetadata == nil)
        #expect(reclaimRefusal(.sysShutdown, [:])?.pageMetadata == nil)
        #expect(reclaimRefusal(Completion(.operandInvalid, operand: .rax), [:])?.pageMetadata == nil)
        #expect(reclaimRefusal(Completion(rawValue: 0x8000_ff00_ffff_0000), [:])?.pageMetadata == nil)
        let port = ScriptedPort([.failure(PortError(.notExecuted, "no device"))])
        let error = refusal { () throws(SEAMCALLError) in
            try port.tdx.tdh_phymem_page_reclaim(Sample.anyPage, on: Sample.processor)
        }
        #expect(error?.registers.rcx == Sample.pageAddress)
        #expect(error?.pageMetadata == nil)
    }

    @Test("Page types and sizes of a newer module survive as values")
    func unknownTypesSurvive() throws {
        let port = ScriptedPort(.success, [.rcx: 9, .rdx: 0, .r8: 7])
        let metadata = try port.tdx.tdh_phymem_page_reclaim(Sample.anyPage, on: Sample.processor)
        #expect(metadata.type == PageType(rawValue: 9))
        #expect(metadata.type.name == "9")
        #expect(metadata.size == PageSize(rawValue: 7))
        #expect(metadata.size.name == "7")
    }

    @Test("Every known page type and size has the specification's name")
    func names() {
        let types: [(PageType, UInt64, String)] = [
            (.nda, 0, "NDA"), (.rsvd, 1, "RSVD"), (.reg, 3, "REG"), (.tdr, 4, "TDR"), (.tdcx, 5, "TDCX"),
            (.tdvpr, 6, "TDVPR"), (.ept, 8, "EPT"),
        ]
        for (type, value, name) in types {
            #expect(type.rawValue == value)
            #expect(type.name == name)
        }
        let sizes: [(PageSize, UInt64, String)] = [(.size4K, 0, "4K"), (.size2M, 1, "2M"), (.size1G, 2, "1G")]
        for (size, value, name) in sizes {
            #expect(size.rawValue == value)
            #expect(size.name == name)
        }
    }

    private func reclaimRefusal(_ completion: Completion, _ outputs: [Register: UInt64]) -> SEAMCALLError? {
        let port = ScriptedPort(completion, outputs)
        return refusal { () throws(SEAMCALLError) in
            try port.tdx.tdh_phymem_page_reclaim(Sample.anyPage, on: Sample.processor)
        }
    }
}

@Suite("TDH.PHYMEM.CACHE.WB")
struct PhymemCacheWBTests {
    @Test("It is leaf 40, with 0 in RCX to start and 1 to resume", arguments: [(false, UInt64(0)), (true, 1)])
    func placesRegisters(resume: Bool, rcx: UInt64) throws {
        let port = ScriptedPort()
        #expect(try port.tdx.tdh_phymem_cache_wb(resume: resume, on: Sample.processor) == .success)
        #expect(port.events == oneCall(rax: 40, [.rcx: rcx]))
    }

    @Test("No KeyID to write back is information and not an error")
    func nothingFlushed() throws {
        let port = ScriptedPort(.noHKIDReadyToWBCache)
        #expect(try port.tdx.tdh_phymem_cache_wb(resume: false, on: Sample.processor) == .noHKIDReadyToWBCache)
    }

    @Test("An interruption is thrown: going on is the caller's decision")
    func interrupted() {
        let port = ScriptedPort(.interruptedResumable)
        let error = refusal { () throws(SEAMCALLError) in
            try port.tdx.tdh_phymem_cache_wb(resume: false, on: Sample.processor)
        }
        #expect(error?.completion == .interruptedResumable)
        #expect(error?.completion?.outcome == .recoverable)
        #expect(port.events.count == 1)
    }
}

@Suite("TDH.PHYMEM.PAGE.WBINVD")
struct PhymemPageWBINVDTests {
    @Test("For a TDR it is leaf 41, with the module's own KeyID in the top bits of RCX")
    func tdr() throws {
        let port = ScriptedPort()
        try port.tdx.tdh_phymem_page_wbinvd_tdr(Sample.td, on: Sample.processor)
        #expect(port.events == oneCall(rax: 41, [.rcx: 0x1_0010_0000 | 32 << 46]))
    }

    @Test("For another page it carries the KeyID it is given")
    func anyPage() throws {
        let port = ScriptedPort()
        try port.tdx.tdh_phymem_page_wbinvd_hkid(KeyID(rawValue: 63), Sample.anyPage, on: Sample.processor)
        #expect(port.events == oneCall(rax: 41, [.rcx: 0x000f_c001_0010_8000]))
    }

    @Test("A page the module still holds is refused")
    func notFree() {
        let answer = Completion(.pageMetadataIncorrect, operand: .rcx)
        let port = ScriptedPort(answer)
        let error = refusal { () throws(SEAMCALLError) in
            try port.tdx.tdh_phymem_page_wbinvd_tdr(Sample.td, on: Sample.processor)
        }
        #expect(error?.completion == answer)
        #expect(error?.pageMetadata == nil, "this leaf reports none")
    }
}

@Suite("TDH.PHYMEM.PAGE.RDMD")
struct PhymemPageRDMDTests {
    @Test("It is leaf 24, with the page in RCX; type, owner and size come back named")
    func placesRegisters() throws {
        let port = ScriptedPort(.success, [.rcx: 3, .rdx: 0x1_0010_0000, .r8: 1, .r9: 2])
        let metadata = try port.tdx.tdh_phymem_page_rdmd(Sample.anyPage, on: Sample.processor)
        #expect(metadata.type == .reg)
        #expect(metadata.owner == Sample.td.tdr)
        #expect(metadata.size == .size2M)
        #expect(port.events == oneCall(rax: 24, [.rcx: Sample.pageAddress]))
    }
}
