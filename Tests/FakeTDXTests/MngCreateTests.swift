import FakeTDX
import TDXCalls
import Testing

private typealias Page = Stage.Page

@Suite("TDH.MNG.CREATE")
struct MngCreateTests {
    @Test("looks at the KeyID's form, then the page, then the key table, then the KeyID's state, then entropy")
    func order() throws {
        let stage = try Stage()
        try stage.refuse(.operandInvalid, .rdx, .mngCreate, Page.outside, 31)
        try stage.refuse(.operandInvalid, .rdx, .mngCreate, Page.outside, 0x1_0021)
        #expect(stage.fake.hold(.keyTable, exclusively: false))
        try stage.refuse(.operandAddrRangeError, .rcx, .mngCreate, Page.outside, 32)
        try stage.refuse(.operandBusy, .kot, .mngCreate, Page.free, 32)
        #expect(stage.fake.release(.keyTable))
        stage.fake.failRandomDraws(.max)
        try stage.refuse(.hkidNotFree, nil, .mngCreate, Page.free, 32)
        try stage.refuse(.rndNoEntropy, nil, .mngCreate, Page.free, 33)
        stage.fake.failRandomDraws(0)
        try stage.accept(.mngCreate, Page.free, 33)
    }

    @Test("refuses every KeyID that is not a private one", arguments: [0, 1, 31, 64, 0xffff, 0x1_0021, 1 << 63])
    func keyIDs(keyID: UInt64) throws {
        try Stage().refuse(.operandInvalid, .rdx, .mngCreate, Page.free, keyID)
    }

    @Test("refuses pages that are none, are no one's to give, or in use")
    func pages() throws {
        let stage = try Stage(.runnable)
        let used = [Page.tdr, Page.tdcs[0], Page.tdvpr, Page.septLevel1, Page.guest]
        for (address, completion) in Stage.badPages(.rcx, notOfType: used) {
            try stage.refuse(completion, nil, .mngCreate, address, 34)
        }
    }

    @Test("makes the page a TDR that owns nothing, and assigns the KeyID")
    func effect() throws {
        let stage = try Stage(.created)
        try stage.accept(.phymemPageRDMD, Page.tdr)
        #expect(stage.registers.rcx == PageType.tdr.rawValue)
        #expect(stage.registers.rdx == 0)
        try stage.refuse(.hkidNotFree, nil, .mngCreate, Page.free, Stage.keyID)
        #expect(stage.fake.inconsistencies() == [])
    }

    @Test("takes a transient shortage of entropy in its stride, for the module tries again itself")
    func entropyRetry() throws {
        let stage = try Stage()
        stage.fake.failRandomDraws(FakeTDX.randomDrawAttempts - 1)
        try stage.accept(.mngCreate, Page.free, 33)
    }
}
