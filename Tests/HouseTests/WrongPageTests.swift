import Testing

@Suite("What must not compile")
struct WrongPageTests {
    @Test("The right form of each compiles")
    func rightFormsCompile() throws {
        for (mistake, errors) in zip(mistakes, try SnippetCompiler.errors(in: mistakes.map(\.right))) {
            #expect(errors == [], "\(mistake.testDescription)")
        }
    }

    @Test("A wrong page, a wrong number or a page used twice does not compile", arguments: [typeMistakes, ownership])
    func mistakesDoNotCompile(mistakes: [Mistake]) throws {
        for (mistake, errors) in zip(mistakes, try SnippetCompiler.errors(in: mistakes.map(\.wrong))) {
            let isTheOne = errors.count == 1 && errors[0].contains(mistake.diagnostic)
            #expect(isTheOne, "\(mistake.testDescription): \(errors)")
        }
    }
}

struct Mistake: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let wrong: String
    let right: String
    /// Part of the one error the wrong form must give.
    let diagnostic: String

    init(_ description: String, wrong: String, right: String, _ diagnostic: String) {
        testDescription = description
        self.wrong = wrong
        self.right = right
        self.diagnostic = diagnostic
    }

    /// An argument of one type where another is wanted.
    init(_ description: String, wrong: String, right: String, _ type: String, isNot wanted: String) {
        self.init(
            description, wrong: wrong, right: right,
            "cannot convert value of type '\(type)' to expected argument type '\(wanted)'")
    }
}

private let typeMistakes = kinds + numbers + guestMemory + flight
private let mistakes = typeMistakes + ownership

/// One kind of page or structure in place of another.
private let kinds = [
    Mistake(
        "a TDCX page as the root of a vCPU",
        wrong: "keep(VP(tdvpr: vp.tdcx[0]))", right: "keep(VP(tdvpr: vp.tdvpr))",
        "PageAddress<TDCX>", isNot: "PageAddress<TDVPR>"),
    Mistake(
        "a TDCS page as the root of a TD",
        wrong: "keep(TD(tdr: td.tdcs[0]))", right: "keep(TD(tdr: td.tdr))",
        "PageAddress<TDCS>", isNot: "PageAddress<TDR>"),
    Mistake(
        "a vCPU's page among a TD's, though the module has one type for both",
        wrong: "td.tdcs.append(vp.tdcx[0])", right: "vp.tdcx.append(vp.tdcx[0])",
        "PageAddress<TDCX>", isNot: "PageAddress<TDCS>"),
    Mistake(
        "a vCPU where a TD is wanted",
        wrong: "try tdx.tdh_mng_vpflushdone(vp, on: cpu)", right: "try tdx.tdh_mng_vpflushdone(td, on: cpu)",
        "VP", isNot: "TD"),
    Mistake(
        "a TD where a vCPU is wanted",
        wrong: "try tdx.tdh_vp_flush(td, on: cpu)", right: "try tdx.tdh_vp_flush(vp, on: cpu)",
        "TD", isNot: "VP"),
    Mistake(
        "a TD where a vCPU is to be entered",
        wrong: "keep(try tdx.tdh_vp_enter(td, VPEntry(), on: cpu))",
        right: "keep(try tdx.tdh_vp_enter(vp, VPEntry(), on: cpu))",
        "TD", isNot: "VP"),
    Mistake(
        "a bare register file as what a vCPU is entered with",
        wrong: "keep(try tdx.tdh_vp_enter(vp, Registers(), on: cpu))",
        right: "keep(try tdx.tdh_vp_enter(vp, VPEntry(answer: VPEntry.Answer(Registers(r10: 1))), on: cpu))",
        "Registers", isNot: "VPEntry"),
    Mistake(
        "a page's address where a structure is wanted",
        wrong: "try tdx.tdh_mng_key_freeid(td.tdr, on: cpu)", right: "try tdx.tdh_mng_key_freeid(td, on: cpu)",
        "PageAddress<TDR>", isNot: "TD"),
    Mistake(
        "a page the module holds, given to it once more",
        wrong: "keep(tdx.tdh_mng_addcx(td, td.tdcs[0], on: cpu).isAccepted)",
        right: "keep(tdx.tdh_mng_addcx(td, page, on: cpu).isAccepted)",
        "PageAddress<TDCS>", isNot: "HostPage"),
    Mistake(
        "a page of one kind where any kind must be asked for by name",
        wrong: "try tdx.tdh_phymem_page_reclaim(td.tdr, on: cpu)",
        right: "try tdx.tdh_phymem_page_reclaim(td.tdr.any, on: cpu)",
        "PageAddress<TDR>", isNot: "PageAddress<AnyPage>"),
    Mistake(
        "a page where host memory with parameters is wanted",
        wrong: "try tdx.tdh_mng_init(td, page.address, on: cpu)", right: "try tdx.tdh_mng_init(td, memory, on: cpu)",
        "PageAddress<HostOwned>", isNot: "HostMemory"),
]

/// Numbers that look alike.
private let numbers = [
    Mistake(
        "a bare number as a page",
        wrong: "try tdx.tdh_phymem_page_reclaim(td.tdr.rawValue, on: cpu)",
        right: "try tdx.tdh_phymem_page_reclaim(PageAddress(rawValue: td.tdr.rawValue), on: cpu)",
        "UInt64", isNot: "PageAddress<AnyPage>"),
    Mistake(
        "a bare number as a field",
        wrong: "keep(try tdx.tdh_mng_rd(td, 0x9010_0002_0000_0001, on: cpu))",
        right: "keep(try tdx.tdh_mng_rd(td, FieldID(rawValue: 0x9010_0002_0000_0001), on: cpu))",
        "Int", isNot: "FieldID"),
    Mistake(
        "a KeyID where a page is wanted",
        wrong: "try tdx.tdh_phymem_page_wbinvd_hkid(keyID.number, keyID.number, on: cpu)",
        right: "try tdx.tdh_phymem_page_wbinvd_hkid(keyID.number, td.tdr.any, on: cpu)",
        "KeyID", isNot: "PageAddress<AnyPage>"),
    Mistake(
        "a KeyID where a field is wanted",
        wrong: "keep(try tdx.tdh_vp_rd(vp, keyID.number, on: cpu))",
        right: "keep(try tdx.tdh_vp_rd(vp, field, on: cpu))",
        "KeyID", isNot: "FieldID"),
    Mistake(
        "a package where a processor is wanted",
        wrong: "try tdx.tdh_phymem_cache_wb(resume: false, on: package)",
        right: "try tdx.tdh_phymem_cache_wb(resume: false, on: cpu)",
        "Package", isNot: "Processor"),
    Mistake(
        "a number where the flag to resume is wanted",
        wrong: "try tdx.tdh_phymem_cache_wb(resume: UInt64(1), on: cpu)",
        right: "try tdx.tdh_phymem_cache_wb(resume: true, on: cpu)",
        "type 'UInt64' cannot be used as a boolean"),
]

/// What the memory leaves take side by side.
private let guestMemory = [
    Mistake(
        "a level where a guest address is wanted",
        wrong: "keep(try tdx.tdh_mem_range_block(td, SEPTLevel.size2M, .size2M, on: cpu))",
        right: "keep(try tdx.tdh_mem_range_block(td, GPA(rawValue: 0), .size2M, on: cpu))",
        "SEPTLevel", isNot: "GPA"),
    Mistake(
        "a host page's address where a guest address is wanted",
        wrong: "try tdx.tdh_mr_extend(td, page.address, on: cpu)",
        right: "try tdx.tdh_mr_extend(td, GPA(rawValue: 0x100), on: cpu)",
        "PageAddress<HostOwned>", isNot: "GPA"),
    Mistake(
        "the memory that is read where the page that is given away is wanted",
        wrong: "keep(tdx.tdh_mem_page_add(td, GPA(rawValue: 0), memory, source: memory, on: cpu).isAccepted)",
        right: "keep(tdx.tdh_mem_page_add(td, GPA(rawValue: 0), page, source: memory, on: cpu).isAccepted)",
        "HostMemory", isNot: "HostPage"),
]

/// What is in flight is neither copied nor forgotten.
private let flight = [
    Mistake(
        "a copy of a host page", wrong: "keep(page)", right: "keep(page.address)",
        "global function 'keep' requires that 'HostPage' conform to 'Copyable'"),
    Mistake(
        "a donation of which nobody asks what became",
        wrong: "tdx.tdh_vp_create(td, page, on: cpu)", right: "_ = tdx.tdh_vp_create(td, page, on: cpu)",
        "is unused"),
]

/// Pages and KeyIDs in flight, which move. The compiler looks at this only where all types are right.
private let ownership = [
    Mistake(
        "a host page given away twice",
        wrong: "keep(tdx.tdh_vp_create(td, page, on: cpu).isAccepted)\n"
            + "keep(tdx.tdh_vp_addcx(vp, page, on: cpu).isAccepted)",
        right: "keep(tdx.tdh_vp_create(td, page, on: cpu).isAccepted)",
        "'page' consumed more than once"),
    Mistake(
        "a host page looked at after it was given away",
        wrong: "keep(tdx.tdh_vp_create(td, page, on: cpu).isAccepted)\nkeep(page.address)",
        right: "keep(page.address)\nkeep(tdx.tdh_vp_create(td, page, on: cpu).isAccepted)",
        "'page' used after consume"),
    Mistake(
        "a KeyID given to two TDs",
        wrong: """
            _ = tdx.tdh_mng_create(page, keyID, on: cpu)
            _ = tdx.tdh_mng_create(HostPage(PageAddress(rawValue: 0x1000)), keyID, on: cpu)
            """,
        right: "_ = tdx.tdh_mng_create(page, keyID, on: cpu)",
        "'keyID' consumed more than once"),
]
