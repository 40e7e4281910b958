import TDXCalls
import Testing

@Suite("Guest memory and measurement")
struct GuestMemoryTests {
    private static let gpa = GPA(rawValue: 0x4020_0000)
    private static let tdr: UInt64 = 0x1_0010_0000
    private static let source = HostMemory(address: 0x2000_0000, sizeBytes: 8192)

    @Test("TDH.MEM.SEPT.ADD is leaf 3: address and level in RCX, the TDR in RDX, the flushed page in R8")
    func septAdd() {
        let port = ScriptedPort()
        switch port.tdx.tdh_mem_sept_add(Sample.td, Self.gpa, .size1G, Sample.page, on: Sample.processor) {
        case .accepted(let page): #expect(page == PageAddress<SEPT>(rawValue: Sample.pageAddress))
        case .refused(_, let error): Issue.record("refused: \(error)")
        }
        #expect(port.events == flushThenCall(rax: 3, [.rcx: 0x4020_0002, .rdx: Self.tdr, .r8: Sample.pageAddress]))
        let refusing = ScriptedPort(.eptWalkFailed)
        expectRefused(
            refusing.tdx.tdh_mem_sept_add(Sample.td, Self.gpa, .size1G, Sample.page, on: Sample.processor),
            by: .memSEPTAdd, .eptWalkFailed)
    }

    @Test("TDH.MEM.PAGE.ADD is leaf 2, with the source in R9, which is not flushed")
    func pageAdd() {
        let port = ScriptedPort()
        switch port.tdx.tdh_mem_page_add(
            Sample.td, Self.gpa, Sample.page, source: Self.source, offset: 4096, on: Sample.processor)
        {
        case .accepted(let page): #expect(page == PageAddress<GuestPage>(rawValue: Sample.pageAddress))
        case .refused(_, let error): Issue.record("refused: \(error)")
        }
        #expect(
            port.events
                == flushThenCall(
                    rax: 2, [.rcx: 0x4020_0000, .rdx: Self.tdr, .r8: Sample.pageAddress, .r9: 0x2000_1000]))
    }

    @Test("A refused page comes back with the entry that stood in the way")
    func pageAddRefused() {
        let port = ScriptedPort(
            Completion(.eptEntryStateIncorrect, operand: .rcx), [.rcx: 0x8000_0001_0000_00f7, .rdx: 0x400])
        switch port.tdx.tdh_mem_page_add(
            Sample.td, Self.gpa, Sample.page, source: Self.source, on: Sample.processor)
        {
        case .accepted(let page): Issue.record("accepted: \(page)")
        case .refused(let page, let error):
            let address = page.address.rawValue
            #expect(address == Sample.pageAddress)
            #expect(error.septEntry?.state == 4 && error.septEntry?.level == 0)
        }
    }

    @Test("TDH.MEM.PAGE.AUG is leaf 6; the page's size is the level, and all of a large page is flushed")
    func pageAug() {
        let small = ScriptedPort()
        switch small.tdx.tdh_mem_page_aug(Sample.td, Self.gpa, Sample.page, on: Sample.processor) {
        case .accepted(let page): #expect(page.rawValue == Sample.pageAddress)
        case .refused(_, let error): Issue.record("refused: \(error)")
        }
        #expect(small.events == flushThenCall(rax: 6, [.rcx: 0x4020_0000, .rdx: Self.tdr, .r8: Sample.pageAddress]))

        let base: UInt64 = 0x1_0020_0000
        let large = ScriptedPort([.module(.success, [:]), .module(.pageMetadataIncorrect, [:])])
        switch large.tdx.tdh_mem_page_aug(
            Sample.td, Self.gpa, HostLargePage(PageAddress(rawValue: base)), on: Sample.processor)
        {
        case .accepted(let page): #expect(page.rawValue == base)
        case .refused(_, let error): Issue.record("refused: \(error)")
        }
        let flushes = (0..<512).map { ScriptedPort.Event.flush(base + UInt64($0) * 4096) }
        #expect(large.events == flushes + oneCall(rax: 6, [.rcx: 0x4020_0001, .rdx: Self.tdr, .r8: base]))
        switch large.tdx.tdh_mem_page_aug(
            Sample.td, Self.gpa, HostLargePage(PageAddress(rawValue: base)), on: Sample.processor)
        {
        case .accepted(let page): Issue.record("accepted: \(page)")
        case .refused(let page, let error):
            let address = page.address.rawValue
            #expect(address == base && error.completion == .pageMetadataIncorrect)
        }
    }

    @Test("TDH.MEM.RANGE.BLOCK is leaf 7, and returns that the range was blocked already")
    func rangeBlock() throws {
        let already = Completion(.gpaRangeAlreadyBlocked, operand: .rcx)
        let port = ScriptedPort(already)
        #expect(
            try port.tdx.tdh_mem_range_block(Sample.td, Self.gpa, .size2M, on: Sample.processor) == already)
        #expect(port.events == oneCall(rax: 7, [.rcx: 0x4020_0001, .rdx: Self.tdr]))
    }

    @Test("TDH.MEM.TRACK is leaf 38, the TDR in RCX")
    func track() throws {
        let port = ScriptedPort()
        try port.tdx.tdh_mem_track(Sample.td, on: Sample.processor)
        #expect(port.events == oneCall(rax: 38, [.rcx: Self.tdr]))
        let busy = ScriptedPort(.previousTLBEpochBusy)
        #expect(
            refusal { () throws(SEAMCALLError) in try busy.tdx.tdh_mem_track(Sample.td, on: Sample.processor) }?
                .completion == .previousTLBEpochBusy)
    }

    @Test("TDH.MEM.PAGE.REMOVE is leaf 29, and its result is the page that RCX answers")
    func pageRemove() throws {
        let port = ScriptedPort(.success, [.rcx: 0x1_0030_0000])
        let page = try port.tdx.tdh_mem_page_remove(Sample.td, Self.gpa, .size4K, on: Sample.processor)
        #expect(page == PageAddress<HostOwned>(rawValue: 0x1_0030_0000))
        #expect(port.events == oneCall(rax: 29, [.rcx: 0x4020_0000, .rdx: Self.tdr]))
    }

    @Test("TDH.MR.EXTEND is leaf 16 with the chunk's address in RCX; TDH.MR.FINALIZE leaf 17 with the TDR")
    func measurement() throws {
        let extend = ScriptedPort()
        try extend.tdx.tdh_mr_extend(Sample.td, GPA(rawValue: 0x1300), on: Sample.processor)
        #expect(extend.events == oneCall(rax: 16, [.rcx: 0x1300, .rdx: Self.tdr]))
        let finalize = ScriptedPort()
        try finalize.tdx.tdh_mr_finalize(Sample.td, on: Sample.processor)
        #expect(finalize.events == oneCall(rax: 17, [.rcx: Self.tdr]))
        let early = ScriptedPort(.noVCPUs)
        #expect(
            refusal { () throws(SEAMCALLError) in try early.tdx.tdh_mr_finalize(Sample.td, on: Sample.processor) }?
                .completion == .noVCPUs)
    }

    @Test("A level says how much of the guest is below one of its entries")
    func levels() {
        #expect([SEPTLevel.size4K, .size2M, .size1G].map(\.sizeBytes) == [4096, 2 << 20, 1 << 30])
        #expect(SEPTLevel.size512G < .size256T && SEPTLevel.size512G.sizeBytes == 1 << 39)
    }
}
