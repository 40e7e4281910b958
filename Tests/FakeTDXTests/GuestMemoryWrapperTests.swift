import Digests
import FakeTDX
import TDXCalls
import Testing

@Suite("Guest memory through the wrappers")
struct GuestMemoryWrapperTests {
    private let processor = Processor(rawValue: 0)

    @Test("Three pages are linked, added, measured, removed and finalised; MRTD is the hash of what was said")
    func measuredTD() throws {
        let stage = try Stage(.vcpuInitialized)
        let (fake, tdx) = (stage.fake, TDXModule(calls: stage.fake, host: stage.fake))
        let td = TD(tdr: PageAddress(rawValue: Stage.Page.tdr))
        for (level, address) in [
            (SEPTLevel.size512G, Stage.Page.septLevel3), (.size1G, Stage.Page.septLevel2),
            (.size2M, Stage.Page.septLevel1),
        ] {
            switch tdx.tdh_mem_sept_add(
                td, GPA(rawValue: 0), level, HostPage(PageAddress(rawValue: address)), on: processor)
            {
            case .accepted(let page): #expect(page.rawValue == address)
            case .refused(_, let error): throw error
            }
        }
        let source = try fake.allocateMemory(bytes: 4096)
        let content = (0..<4096).map { UInt8(truncatingIfNeeded: $0 / 7) }
        fake.write(content, to: source, at: 0)
        var expected = SHA384()
        for number: UInt64 in 0..<3 {
            let gpa = GPA(rawValue: number << 12)
            let target = HostPage(PageAddress(rawValue: Stage.Page.guest + number << 12))
            switch tdx.tdh_mem_page_add(td, gpa, target, source: source, on: processor) {
            case .accepted: expected.update(header("MEM.PAGE.ADD", gpa.rawValue))
            case .refused(_, let error): throw error
            }
            // The last page stays unmeasured.
            for offset in stride(from: 0, to: number < 2 ? pageSizeBytes : 0, by: measuredChunkBytes) {
                let chunk = GPA(rawValue: gpa.rawValue + UInt64(offset))
                try tdx.tdh_mr_extend(td, chunk, on: processor)
                expected.update(header("MR.EXTEND", chunk.rawValue))
                expected.update(Array(content[offset..<offset + measuredChunkBytes]))
            }
        }
        let removed = try tdx.tdh_mem_page_remove(td, GPA(rawValue: 0x2000), .size4K, on: processor)
        #expect(removed.rawValue == Stage.Page.guest + 0x2000)
        try tdx.tdh_mr_finalize(td, on: processor)
        var mrtd: [UInt8] = []
        for element in 0..<6 {
            let id = try #require(FieldInfo.named("MRTD", in: .td)?.id(element: element))
            let word = try tdx.tdh_mng_rd(td, id, on: processor)
            mrtd += (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64(8 * $0)) }
        }
        #expect(mrtd == expected.digest().bytes)
    }

    @Test("A page at run time is augmented, blocked, tracked and removed; a missing table is named by its level")
    func runTimePages() throws {
        let stage = try Stage(.runnable)
        let tdx = TDXModule(calls: stage.fake, host: stage.fake)
        let td = TD(tdr: PageAddress(rawValue: Stage.Page.tdr))
        let gpa = GPA(rawValue: 0x5000)
        switch tdx.tdh_mem_page_aug(td, gpa, HostPage(PageAddress(rawValue: Stage.Page.free)), on: processor) {
        case .accepted(let page): #expect(page.rawValue == Stage.Page.free)
        case .refused(_, let error): throw error
        }
        #expect(throws: SEAMCALLError.self) { try tdx.tdh_mem_page_remove(td, gpa, .size4K, on: processor) }
        #expect(try tdx.tdh_mem_range_block(td, gpa, .size4K, on: processor) == .success)
        #expect(try tdx.tdh_mem_range_block(td, gpa, .size4K, on: processor).classCode == 0x0b)
        try tdx.tdh_mem_track(td, on: processor)
        #expect(try tdx.tdh_mem_page_remove(td, gpa, .size4K, on: processor).rawValue == Stage.Page.free)
        let far = GPA(rawValue: 1 << 30)
        switch tdx.tdh_mem_page_aug(td, far, HostPage(PageAddress(rawValue: Stage.Page.free)), on: processor) {
        case .accepted: Issue.record("there is no table for it")
        case .refused(_, let error):
            #expect(error.completion == Completion(.eptWalkFailed, operand: .rcx))
            #expect(error.septEntry?.level == 2)
        }
    }

    private func header(_ name: String, _ gpa: UInt64) -> [UInt8] {
        var block = Array(name.utf8)
        block += [UInt8](repeating: 0, count: 16 - block.count)
        block += (0..<8).map { UInt8(truncatingIfNeeded: gpa >> UInt64(8 * $0)) }
        return block + [UInt8](repeating: 0, count: 104)
    }
}
