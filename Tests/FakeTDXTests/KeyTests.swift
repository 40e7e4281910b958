import FakeTDX
import TDXCalls
import Testing

private typealias Page = Stage.Page

@Suite("TDH.MNG.KEY.CONFIG")
struct MngKeyConfigTests {
    @Test("looks at page, lock, type, FATAL, lifecycle, package, key generation, in this order")
    func order() throws {
        let stage = try Stage(.created)
        for (address, completion) in Stage.badPages(.rcx, notOfType: [Page.free]) {
            try stage.refuse(completion, nil, .mngKeyConfig, address)
        }
        #expect(stage.fake.hold(.page(Page.tdr), exclusively: false))
        try stage.refuse(.operandBusy, .rcx, .mngKeyConfig, Page.tdr)
        #expect(stage.fake.release(.page(Page.tdr)))
        stage.fake.failKeyGenerations(1)
        try stage.refuse(.keyGenerationFailed, nil, .mngKeyConfig, Page.tdr)
        try stage.accept(.mngKeyConfig, Page.tdr)
        try stage.refuse(.keyConfigured, nil, .mngKeyConfig, Page.tdr, on: 1)
        #expect(stage.fake.setFatal(td: Page.tdr))
        try stage.refuse(.tdFatal, nil, .mngKeyConfig, Page.tdr, on: 2)
    }

    @Test("says LIFECYCLE_STATE_INCORRECT, not KEY_CONFIGURED, once every package is done")
    func repeated() throws {
        let stage = try Stage(.keysConfigured)
        for processor: UInt32 in 0..<4 {
            try stage.refuse(.lifecycleStateIncorrect, nil, .mngKeyConfig, Page.tdr, on: processor)
        }
    }
}

@Suite("TDH.MNG.KEY.FREEID")
struct MngKeyFreeIDTests {
    @Test("looks at the lifecycle before the key table, and at the write-backs last")
    func order() throws {
        let stage = try Stage(.runnable)
        #expect(stage.fake.hold(.keyTable))
        try stage.refuse(.lifecycleStateIncorrect, nil, .mngKeyFreeID, Page.tdr)
        #expect(stage.fake.release(.keyTable))
        try stage.advance(to: .blocked)
        #expect(stage.fake.hold(.keyTable, exclusively: false))
        try stage.refuse(.operandBusy, .kot, .mngKeyFreeID, Page.tdr)
        #expect(stage.fake.release(.keyTable))
        try stage.refuse(.wbCacheNotComplete, nil, .mngKeyFreeID, Page.tdr)
        try stage.accept(.phymemCacheWB, 0, on: 3)
        try stage.refuse(.wbCacheNotComplete, nil, .mngKeyFreeID, Page.tdr)
        try stage.accept(.phymemCacheWB, 0, on: 1)
        try stage.accept(.mngKeyFreeID, Page.tdr)
        try stage.refuse(.lifecycleStateIncorrect, nil, .mngKeyFreeID, Page.tdr)
    }

    @Test("frees the KeyID at once, with the old TD's pages still there")
    func reuse() throws {
        let stage = try Stage(.teardown)
        try stage.accept(.mngCreate, Page.free, Stage.keyID)
        #expect(stage.fake.inconsistencies() == [])
    }

    @Test("serves a fatal TD too, as do VP.FLUSH and VPFLUSHDONE")
    func fatal() throws {
        let stage = try Stage(.runnable)
        #expect(stage.fake.setFatal(td: Page.tdr))
        try stage.refuse(.tdFatal, nil, .vpCreate, Page.free, Page.tdr)
        try stage.advance(to: .teardown)
    }
}

@Suite("TDH.MNG.KEY.RECLAIMID")
struct MngKeyReclaimIDTests {
    @Test("succeeds for any operand and does nothing", arguments: [0, Page.tdr, Page.outside, .max])
    func anything(operand: UInt64) throws {
        try Stage(.created).refuse(.success, nil, .mngKeyReclaimID, operand)
    }
}

@Suite("TDH.MNG.VPFLUSHDONE")
struct MngVPFlushDoneTests {
    @Test("takes the key table before it looks at the lifecycle")
    func order() throws {
        let stage = try Stage(.blocked)
        #expect(stage.fake.hold(.keyTable, exclusively: false))
        try stage.refuse(.operandBusy, .kot, .mngVPFlushDone, Page.tdr)
        #expect(stage.fake.release(.keyTable))
        try stage.refuse(.lifecycleStateIncorrect, nil, .mngVPFlushDone, Page.tdr)
        for (address, completion) in Stage.badPages(.rcx, notOfType: [Page.free, Page.tdvpr]) {
            try stage.refuse(completion, nil, .mngVPFlushDone, address)
        }
    }

    @Test("is refused while a vCPU is associated, and changes nothing")
    func associated() throws {
        let stage = try Stage(.vcpuInitialized)
        try stage.refuse(.flushVPNotDone, nil, .mngVPFlushDone, Page.tdr)
        try stage.accept(.vpFlush, Page.tdvpr)
        try stage.accept(.mngVPFlushDone, Page.tdr)
    }

    @Test("works before the keys are there, and ends everything but teardown")
    func early() throws {
        let stage = try Stage(.created)
        try stage.accept(.mngVPFlushDone, Page.tdr)
        try stage.refuse(.lifecycleStateIncorrect, nil, .mngKeyConfig, Page.tdr)
        try stage.refuse(.tdKeysNotConfigured, nil, .mngAddCX, Page.free, Page.tdr)
        try stage.accept(.phymemCacheWB, 0, on: 0)
        try stage.accept(.phymemCacheWB, 0, on: 2)
        try stage.accept(.mngKeyFreeID, Page.tdr)
        try stage.accept(.phymemPageReclaim, Page.tdr)
        #expect(stage.fake.snapshot().ownedPages == 0)
    }
}
