import FakeTDX
import TDXCalls
import Testing

private typealias Page = Stage.Page

@Suite("TDH.PHYMEM.PAGE.RECLAIM")
struct PhymemPageReclaimTests {
    @Test("is refused before teardown, and says all the same what the page is and whose")
    func beforeTeardown() throws {
        let stage = try Stage(.runnable)
        let pages: [(UInt64, PageType)] = [
            (Page.guest, .reg), (Page.tdcs[0], .tdcx), (Page.tdvpr, .tdvpr), (Page.septLevel1, .ept),
        ]
        for (address, type) in pages {
            try stage.refuse(.lifecycleStateIncorrect, nil, .phymemPageReclaim, address)
            #expect(stage.registers.rcx == type.rawValue)
            #expect(stage.registers.rdx == Page.tdr)
        }
        try stage.refuse(.lifecycleStateIncorrect, nil, .phymemPageReclaim, Page.tdr)
        #expect(stage.registers.rcx == PageType.tdr.rawValue)
        #expect(stage.registers.rdx == 0)
    }

    @Test("zeroes its outputs for what is no used page")
    func noPage() throws {
        let stage = try Stage(.teardown)
        for (address, completion) in Stage.badPages(.rcx, notOfType: [Page.free]) {
            try stage.refuse(completion, nil, .phymemPageReclaim, address)
            #expect(stage.registers == Registers())
        }
    }

    @Test("takes children in any order, the TDR last, and remembers whose a free page was")
    func order() throws {
        let stage = try Stage(.teardown)
        try stage.refuse(.tdAssociatedPagesExist, nil, .phymemPageReclaim, Page.tdr)
        let children =
            [Page.tdvps[2], Page.guest, Page.tdvpr, Page.septLevel3] + Page.tdcs.prefix(6)
            + [Page.septLevel1, Page.septLevel2] + [0, 1, 3, 4].map { Page.tdvps[$0] }
        for page in children { try stage.accept(.phymemPageReclaim, page) }
        try stage.accept(.phymemPageRDMD, Page.guest)
        #expect(stage.registers.rcx == 0)
        #expect(stage.registers.rdx == Page.tdr)
        try stage.accept(.phymemPageReclaim, Page.tdr)
        try stage.refuse(.pageMetadataIncorrect, .rcx, .phymemPageReclaim, Page.tdr)
        #expect(stage.fake.snapshot().ownedPages == 0)
        #expect(stage.fake.inconsistencies() == [])
    }

    @Test("finds the page or its TD busy")
    func busy() throws {
        let stage = try Stage(.teardown)
        #expect(stage.fake.hold(.page(Page.guest), exclusively: false))
        try stage.refuse(.operandBusy, .rcx, .phymemPageReclaim, Page.guest)
        #expect(stage.fake.release(.page(Page.guest)))
        #expect(stage.fake.hold(.page(Page.tdr)))
        try stage.refuse(.operandBusy, .tdr, .phymemPageReclaim, Page.guest)
        #expect(stage.fake.release(.page(Page.tdr)))
    }
}

@Suite("TDH.PHYMEM.PAGE.RDMD and TDH.PHYMEM.PAGE.WBINVD")
struct PhymemPageTests {
    @Test("RDMD answers for reserved pages, and refuses what has no metadata")
    func reserved() throws {
        let stage = try Stage()
        try stage.accept(.phymemPageRDMD, Page.reservedArea)
        #expect(stage.registers.rcx == PageType.rsvd.rawValue)
        try stage.refuse(.operandAddrRangeError, .rcx, .phymemPageRDMD, Page.outside)
        try stage.refuse(.operandInvalid, .rcx, .phymemPageRDMD, Page.free | 33 << 46)
    }

    @Test("WBINVD takes any KeyID, and only a free page")
    func writeBack() throws {
        let stage = try Stage(.created)
        for keyID: UInt64 in [0, 5, 32, 33, 63] { try stage.accept(.phymemPageWBINVD, Page.free | keyID << 46) }
        try stage.refuse(.pageMetadataIncorrect, .rcx, .phymemPageWBINVD, Page.tdr | 32 << 46)
        try stage.refuse(.operandInvalid, .rcx, .phymemPageWBINVD, Page.free + 8)
        try stage.refuse(.operandInvalid, .rcx, .phymemPageWBINVD, 1 << 52 | Page.free)
    }
}

@Suite("TDH.PHYMEM.CACHE.WB")
struct PhymemCacheWBTests {
    @Test("looks at RCX, the package, the key table, then what there is to do")
    func order() throws {
        let stage = try Stage(.created)
        #expect(stage.fake.hold(.writeBack(package: 0)))
        try stage.refuse(.operandInvalid, .rcx, .phymemCacheWB, 2)
        #expect(stage.fake.hold(.keyTable))
        try stage.refuse(.operandBusy, .wbCache, .phymemCacheWB, 0)
        #expect(stage.fake.release(.writeBack(package: 0)))
        try stage.refuse(.operandBusy, .kot, .phymemCacheWB, 0)
        #expect(stage.fake.release(.keyTable))
        try stage.refuse(.noHKIDReadyToWBCache, nil, .phymemCacheWB, 0)
        try stage.refuse(.wbCacheResumeError, nil, .phymemCacheWB, 1)
    }

    @Test("goes on where an interrupt ended it, on any processor of the package")
    func resume() throws {
        let stage = try Stage(.blocked)
        stage.fake.orderInterrupt(atPoll: 3)
        #expect(try stage.call(.phymemCacheWB, 0, on: 0) == .interruptedResumable)
        try stage.refuse(.wbCacheResumeError, nil, .phymemCacheWB, 1, on: 2)
        try stage.refuse(.wbCacheNotComplete, nil, .mngKeyFreeID, Page.tdr)
        try stage.accept(.phymemCacheWB, 1, on: 1)
        try stage.refuse(.wbCacheResumeError, nil, .phymemCacheWB, 1, on: 0)
    }

    @Test("drops a saved position when it starts again, even with nothing to do")
    func restart() throws {
        let stage = try Stage(.blocked)
        stage.fake.orderInterrupt(atPoll: 1)
        #expect(try stage.call(.phymemCacheWB, 0, on: 2) == .interruptedResumable)
        try stage.accept(.phymemCacheWB, 0, on: 2)
        try stage.accept(.phymemCacheWB, 0, on: 0)
        stage.fake.orderInterrupt(atPoll: 1)
        #expect(try stage.call(.phymemCacheWB, 0, on: 2) == .interruptedResumable)
        try stage.accept(.mngKeyFreeID, Page.tdr)
        #expect(try stage.call(.phymemCacheWB, 0, on: 2) == .noHKIDReadyToWBCache)
        try stage.refuse(.wbCacheResumeError, nil, .phymemCacheWB, 1, on: 2)
    }

    @Test("does not cover a KeyID that was flushed after it started")
    func lateTD() throws {
        let stage = try Stage(.blocked)
        try stage.accept(.mngCreate, Page.free, 34)
        stage.fake.orderInterrupt(atPoll: 1)
        #expect(try stage.call(.phymemCacheWB, 0, on: 0) == .interruptedResumable)
        try stage.accept(.mngVPFlushDone, Page.free)
        try stage.accept(.phymemCacheWB, 1, on: 0)
        try stage.accept(.phymemCacheWB, 0, on: 2)
        try stage.accept(.mngKeyFreeID, Page.tdr)
        try stage.refuse(.wbCacheNotComplete, nil, .mngKeyFreeID, Page.free)
        try stage.accept(.phymemCacheWB, 0, on: 1)
        try stage.accept(.mngKeyFreeID, Page.free)
    }
}
