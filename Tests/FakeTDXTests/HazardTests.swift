import FakeTDX
import TDXCalls
import Testing
import Threading

/// Every rule: what breaks it, and the same done as it should be.
@Suite("Hazards")
struct HazardTests {
    private typealias Page = Stage.Page

    /// What is known of the last hazard, to be compared at once.
    private struct Seen: Equatable {
        let rule: HazardRule
        let page: UInt64?
        let keyID: UInt16?
        let earlier: String?
        let later: String

        init(
            _ rule: HazardRule, page: UInt64? = nil, keyID: UInt16? = nil, earlier: String? = nil, later: String
        ) {
            self.rule = rule
            self.page = page
            self.keyID = keyID
            self.earlier = earlier
            self.later = later
        }

        init(_ hazard: FakeHazard) {
            self.init(
                hazard.rule, page: hazard.page, keyID: hazard.keyID?.rawValue, earlier: hazard.earlier?.name,
                later: hazard.later.name)
        }
    }

    private static func seen(_ fake: FakeTDX) -> [Seen] { fake.hazards.map { Seen($0) } }

    private static let globalKeyID: UInt64 = 32
    private static let keyIDShift: UInt64 = 46

    /// A page from the host's allocator, flushed.
    private static func flushedPage(_ fake: FakeTDX) throws -> PageAddress<HostOwned> {
        let page = try fake.allocatePage()
        fake.flush(page)
        return page
    }

    @Test("A page that is given without a flush is reported, with who handed it out and who took it")
    func notFlushed() throws {
        let stage = try Stage()
        let page = try stage.fake.allocatePage()
        try stage.accept(.mngCreate, page.rawValue, 33, on: 1)
        #expect(
            Self.seen(stage.fake) == [
                Seen(.pageNotFlushed, page: page.rawValue, earlier: "host.allocate", later: "TDH.MNG.CREATE")
            ])
        let hazard = try #require(stage.fake.hazards.first)
        #expect(hazard.number == 1 && hazard.later.processor == Processor(rawValue: 1))
        #expect(hazard.earlier?.processor == nil && hazard.later.sequence == 2)
        #expect(stage.fake.hazardCount(.pageNotFlushed) == 1 && stage.fake.hazardCount() == 1)
    }

    @Test("A flush before a write to the page does not count; one after it does")
    func flushedTooEarly() throws {
        let stage = try Stage()
        let page = try Self.flushedPage(stage.fake)
        stage.fake.writePhysical([1], at: page.rawValue + 7)
        try stage.accept(.mngCreate, page.rawValue, 33)
        #expect(Self.seen(stage.fake).map(\.rule) == [.pageNotFlushed])
        let other = try stage.fake.allocatePage()
        stage.fake.writePhysical([1], at: other.rawValue)
        stage.fake.flush(other)
        try stage.accept(.mngCreate, other.rawValue, 34)
        #expect(stage.fake.hazardCount() == 1)
    }

    @Test("Every leaf that takes a page looks at it")
    func everyTaker() throws {
        let stage = try Stage(.tdcsComplete)
        let fake = stage.fake
        func given(_ leaf: Leaf, _ rcx: UInt64?, _ rdx: UInt64, r8: Bool = false) throws {
            let page = try fake.allocatePage().rawValue
            try stage.accept(leaf, rcx ?? page, rdx, r8: r8 ? page : 0, r9: Page.source)
            let last = try #require(fake.hazards.last)
            #expect(last.rule == .pageNotFlushed && last.page == page && last.later.name == leaf.name)
        }
        try given(.mngAddCX, nil, Page.tdr)
        try stage.advance(to: .memory)
        try given(.memPageAdd, 0x1000, Page.tdr, r8: true)
        try given(.memPageAug, 0x2000, Page.tdr, r8: true)
        try given(.memPageRelocate, 0, Page.tdr, r8: true)
        try given(.memSEPTAdd, 0x20_0000 | 1, Page.tdr, r8: true)
        try given(.vpCreate, nil, Page.tdr)
        let vcpu = try #require(fake.hazards.last?.page)
        try given(.vpAddCX, nil, vcpu)
        #expect(fake.hazardCount() == 7)
    }

    @Test("A large page is looked at page by page")
    func largePage() throws {
        let stage = try Stage(.memory)
        try stage.accept(.memSEPTAdd, 0x4000_0000 | 2, Page.tdr, r8: Page.free)
        let base: UInt64 = 0x1_0200_0000
        stage.fake.writePhysical([1], at: base + 0x3_0000)
        try stage.accept(.memPageAug, 0x4000_0000 | 1, Page.tdr, r8: base)
        #expect(
            Self.seen(stage.fake) == [
                Seen(.pageNotFlushed, page: base + 0x3_0000, earlier: "host.write", later: "TDH.MEM.PAGE.AUG")
            ])
    }

    @Test("A page taken from a living TD must be written back under its KeyID before it is used again")
    func notWrittenBack() throws {
        let stage = try Stage(.memory)
        let fake = stage.fake
        let page = try Self.flushedPage(fake)
        for action in 0..<3 {
            try stage.accept(.memPageAug, 0x8000, Page.tdr, r8: page.rawValue)
            try stage.accept(.memPageRemove, 0x8000, Page.tdr)
            switch action {
            case 0:
                // Used again at once.
                try stage.accept(.memPageAug, 0x9000, Page.tdr, r8: page.rawValue)
                #expect(
                    Self.seen(fake).last
                        == Seen(
                            .pageNotWrittenBack, page: page.rawValue, keyID: 33, earlier: "TDH.MEM.PAGE.REMOVE",
                            later: "TDH.MEM.PAGE.AUG"))
                try stage.accept(.memPageRemove, 0x9000, Page.tdr)
                try stage.accept(.phymemPageWBINVD, page.rawValue | 33 << Self.keyIDShift)
            case 1:
                // Cleared before its lines are out: they would overwrite it.
                fake.clear(page)
                #expect(Self.seen(fake).last?.rule == .pageNotWrittenBack)
                #expect(Self.seen(fake).last?.later == "host.clear")
            default:
                try stage.accept(.phymemPageWBINVD, page.rawValue | 33 << Self.keyIDShift)
                fake.clear(page)
                fake.free(page)
            }
        }
        #expect(fake.hazardCount() == 2)
    }

    @Test("The table that PROMOTE gives back must be written back under the TD's KeyID before it is used")
    func promotedTable() throws {
        for keyID: UInt64? in [nil, 32, 33] {
            let stage = try Stage(.memory)
            let fake = stage.fake
            let table = try Self.flushedPage(fake)
            let first: UInt64 = 0x1_0040_0000
            try stage.accept(.memSEPTAdd, 0x20_0001, Page.tdr, r8: table.rawValue)
            for page: UInt64 in 0..<512 {
                try stage.accept(
                    .memPageAdd, 0x20_0000 + page << 12, Page.tdr, r8: first + page << 12, r9: Page.source)
            }
            try stage.accept(.memPagePromote, 0x20_0001, Page.tdr)
            #expect(stage.registers.rcx == table.rawValue && fake.hazardCount() == 0)
            if let keyID { try stage.accept(.phymemPageWBINVD, table.rawValue | keyID << Self.keyIDShift) }
            fake.clear(table)
            fake.free(table)
            let missing = Seen(
                .pageNotWrittenBack, page: table.rawValue, keyID: 33, earlier: "TDH.MEM.PAGE.PROMOTE",
                later: "host.clear")
            let wrong = Seen(
                .writtenBackUnderWrongKeyID, page: table.rawValue, keyID: 32, earlier: "TDH.MEM.PAGE.PROMOTE",
                later: "TDH.PHYMEM.PAGE.WBINVD")
            #expect(Self.seen(fake) == (keyID == nil ? [missing] : keyID == 32 ? [wrong, missing] : []))
        }
    }

    @Test("A write-back of every package covers a TD's pages, and not its TDR")
    func tdrNotWrittenBack() throws {
        for isWrittenBack in [false, true] {
            let stage = try Stage()
            let fake = stage.fake
            let page = try Self.flushedPage(fake)
            try stage.accept(.mngCreate, page.rawValue, 33)
            try stage.accept(.mngVPFlushDone, page.rawValue)
            for processor: UInt32 in [0, 2] { try stage.accept(.phymemCacheWB, on: processor) }
            try stage.accept(.mngKeyFreeID, page.rawValue)
            try stage.accept(.phymemPageReclaim, page.rawValue)
            if isWrittenBack {
                try stage.accept(.phymemPageWBINVD, page.rawValue | Self.globalKeyID << Self.keyIDShift)
            }
            fake.clear(page)
            fake.free(page)
            let missing = Seen(
                .tdrNotWrittenBack, page: page.rawValue, keyID: 32, earlier: "TDH.PHYMEM.PAGE.RECLAIM",
                later: "host.clear")
            #expect(Self.seen(fake) == (isWrittenBack ? [] : [missing]))
        }
    }

    @Test("A page of a TD whose KeyID was flushed and written back is clean")
    func coveredByCacheWB() throws {
        let stage = try Stage(.teardown)
        for page in [Page.guest, Page.septLevel1, Page.tdvps[0], Page.tdcs[0]] {
            try stage.accept(.phymemPageReclaim, page)
            stage.fake.clear(PageAddress(rawValue: page))
        }
        #expect(stage.fake.hazards == [])
    }

    @Test("PAGE.WBINVD under another KeyID leaves the lines where they are, and is reported")
    func writtenBackUnderWrongKeyID() throws {
        let stage = try Stage(.memory)
        try stage.accept(.memPageRemove, 0, Page.tdr)
        try stage.accept(.phymemPageWBINVD, Page.guest | 34 << Self.keyIDShift)
        #expect(
            Self.seen(stage.fake) == [
                Seen(
                    .writtenBackUnderWrongKeyID, page: Page.guest, keyID: 34, earlier: "TDH.MEM.PAGE.REMOVE",
                    later: "TDH.PHYMEM.PAGE.WBINVD")
            ])
        try stage.accept(.memPageAug, 0x9000, Page.tdr, r8: Page.guest)
        #expect(Self.seen(stage.fake).last?.rule == .pageNotWrittenBack)
    }

    @Test("A page that was private goes back to the host's allocator cleared, or is reported")
    func notCleared() throws {
        for isCleared in [false, true] {
            let stage = try Stage(.memory)
            let page = try Self.flushedPage(stage.fake)
            try stage.accept(.memPageAug, 0x8000, Page.tdr, r8: page.rawValue)
            try stage.accept(.memPageRemove, 0x8000, Page.tdr)
            try stage.accept(.phymemPageWBINVD, page.rawValue | 33 << Self.keyIDShift)
            if isCleared { stage.fake.clear(page) }
            stage.fake.free(page)
            let missing = Seen(
                .pageNotCleared, page: page.rawValue, earlier: "TDH.MEM.PAGE.REMOVE", later: "host.free")
            #expect(Self.seen(stage.fake) == (isCleared ? [] : [missing]))
        }
    }

    @Test("A page that the host freed is not to be given; one that the module owns is not to be freed or written")
    func ownership() throws {
        let stage = try Stage()
        let fake = stage.fake
        let page = try Self.flushedPage(fake)
        let other = try Self.flushedPage(fake)
        fake.free(page)
        try stage.accept(.mngCreate, page.rawValue, 33)
        #expect(
            Self.seen(fake) == [
                Seen(.pageUsedAfterFree, page: page.rawValue, earlier: "host.free", later: "TDH.MNG.CREATE")
            ])
        try stage.accept(.mngCreate, other.rawValue, 34)
        fake.writePhysical([0], at: other.rawValue + 0x800)
        fake.clear(other)
        fake.free(other)
        #expect(
            Self.seen(fake).dropFirst() == [
                Seen(
                    .privateMemoryWritten, page: other.rawValue, keyID: 32, earlier: "TDH.MNG.CREATE",
                    later: "host.write"),
                Seen(
                    .privateMemoryWritten, page: other.rawValue, keyID: 32, earlier: "host.write", later: "host.clear"),
                Seen(
                    .pageFreedWhileOwned, page: other.rawValue, keyID: 32, earlier: "host.write", later: "host.free"),
            ])
    }

    @Test("Memory is read under the KeyID it was written under")
    func wrongKeyID() throws {
        let stage = try Stage(.memory)
        let fake = stage.fake
        // A shared KeyID that the host did not write under.
        try stage.accept(.memPageAdd, 0x1000, Page.tdr, r8: Page.free, r9: Page.source | 5 << Self.keyIDShift)
        #expect(
            Self.seen(fake) == [Seen(.wrongKeyID, page: Page.source, keyID: 5, later: "TDH.MEM.PAGE.ADD")])
        // A private page as the source, and one that was private.
        try stage.accept(.memPageAdd, 0x2000, Page.tdr, r8: Page.otherFree, r9: Page.guest)
        #expect(
            Self.seen(fake).last
                == Seen(
                    .wrongKeyID, page: Page.guest, keyID: 0, earlier: "TDH.MEM.PAGE.ADD", later: "TDH.MEM.PAGE.ADD"))
        _ = fake.readPhysical(at: Page.guest + 0x10, count: 4)
        #expect(Self.seen(fake).last?.later == "host.read")
        #expect(fake.hazardCount(.wrongKeyID) == 3 && fake.hazardCount() == 3)
    }

    @Test("TD_PARAMS under a shared KeyID are not what the host wrote")
    func wrongKeyIDOfParameters() throws {
        let stage = try Stage(.tdcsComplete)
        try stage.writeParameters()
        try stage.accept(.mngInit, Page.tdr, Page.parameters | 1 << Self.keyIDShift)
        #expect(
            Self.seen(stage.fake) == [Seen(.wrongKeyID, page: Page.parameters, keyID: 1, later: "TDH.MNG.INIT")])
    }

    @Test("A KeyID is named again, or handed back, only when the module has freed it")
    func keyIDReused() throws {
        let stage = try Stage(.blocked)
        try stage.accept(.phymemCacheWB, on: 0)
        _ = try stage.call(.mngCreate, Page.free, 33)
        #expect(
            Self.seen(stage.fake) == [
                Seen(.keyIDReused, keyID: 33, earlier: "TDH.MNG.VPFLUSHDONE", later: "TDH.MNG.CREATE")
            ])
        let fake = stage.fake
        _ = try fake.allocateKeyID()
        fake.freeKeyID(KeyID(rawValue: 33))
        #expect(
            Self.seen(fake).last
                == Seen(.keyIDFreedInUse, keyID: 33, earlier: "TDH.MNG.VPFLUSHDONE", later: "host.freeKeyID"))
        try stage.accept(.phymemCacheWB, on: 2)
        try stage.accept(.mngKeyFreeID, Page.tdr)
        _ = try fake.allocateKeyID()
        fake.freeKeyID(KeyID(rawValue: 33))
        try stage.accept(.mngCreate, Page.free, 33)
        #expect(fake.hazardCount() == 2)
    }

    @Test("A TD that is used with its key on one package of two is reported; one without any key is just refused")
    func keyPartlyConfigured() throws {
        let stage = try Stage(.created)
        _ = try stage.call(.mngAddCX, Page.tdcs[0], Page.tdr)
        #expect(stage.fake.hazards == [])
        try stage.advance(to: .onePackage)
        _ = try stage.call(.mngAddCX, Page.tdcs[0], Page.tdr)
        #expect(
            Self.seen(stage.fake) == [
                Seen(
                    .keyPartlyConfigured, page: Page.tdr, keyID: 33, earlier: "TDH.MNG.KEY.CONFIG",
                    later: "TDH.MNG.ADDCX")
            ])
    }

    @Test("VPFLUSHDONE with a vCPU still somewhere names what put it there")
    func vpFlushSkipped() throws {
        let stage = try Stage(.vcpuInitialized)
        _ = try stage.call(.mngVPFlushDone, Page.tdr, on: 1)
        #expect(
            Self.seen(stage.fake) == [
                Seen(.vpFlushSkipped, page: Page.tdr, keyID: 33, earlier: "TDH.VP.INIT", later: "TDH.MNG.VPFLUSHDONE")
            ])
        try stage.accept(.vpFlush, Page.tdvpr)
        _ = try stage.call(.vpRD, Page.tdvpr, 0xa020_0002_0000_0002, on: 3)
        _ = try stage.call(.mngVPFlushDone, Page.tdr)
        #expect(Self.seen(stage.fake).last?.earlier == "TDH.VP.RD")
        try stage.accept(.vpFlush, Page.tdvpr, on: 3)
        try stage.accept(.mngVPFlushDone, Page.tdr)
        #expect(stage.fake.hazardCount() == 2)
    }

    @Test("What the host does not hold it can neither flush nor clear nor free")
    func notHandedOut() throws {
        let fake = try FakeTDX()
        let page = try fake.allocatePage()
        fake.free(page)
        fake.free(page)
        fake.flush(PageAddress(rawValue: 0x3000_0000))
        fake.freeKeyID(KeyID(rawValue: 40))
        #expect(
            Self.seen(fake) == [
                Seen(.notHandedOut, page: page.rawValue, later: "host.free"),
                Seen(.notHandedOut, page: 0x3000_0000, later: "host.flush"),
                Seen(.notHandedOut, keyID: 40, later: "host.freeKeyID"),
            ])
    }

    @Test("All are counted and told, and only the first are kept")
    func bounded() throws {
        let told = Locked(0)
        let fake = try FakeTDX { _ in told.withLock { $0 += 1 } }
        let wanted = FakeTDX.hazardsKept + 10
        for _ in 0..<wanted { fake.flush(PageAddress(rawValue: 0x3000_0000)) }
        #expect(fake.hazards.count == FakeTDX.hazardsKept)
        #expect(fake.hazards.map(\.number) == (1...UInt64(FakeTDX.hazardsKept)).map { $0 })
        #expect(fake.hazardCount() == UInt64(wanted) && told.withLock { $0 } == wanted)
    }

    @Test("Each rule says what is wrong and what obliges the host")
    func texts() {
        for rule in HazardRule.allCases { #expect(rule.explanation.count > 20 && rule.source.count > 10, "\(rule)") }
        #expect(Set(HazardRule.allCases.map(\.explanation)).count == HazardRule.allCases.count)
    }
}
