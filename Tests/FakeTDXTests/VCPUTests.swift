import FakeTDX
import TDXCalls
import Testing

private typealias Page = Stage.Page

@Suite("TDH.VP.CREATE")
struct VPCreateTests {
    @Test("looks at the TD, its state and its operation state before the new page")
    func order() throws {
        let stage = try Stage(.tdcsComplete)
        try stage.refuse(.opStateIncorrect, nil, .vpCreate, Page.outside, Page.tdr)
        try stage.advance(to: .initialized)
        for (address, completion) in Stage.badPages(.rdx, notOfType: [Page.free, Page.tdcs[0]]) {
            try stage.refuse(completion, nil, .vpCreate, Page.outside, address)
        }
        for (address, completion) in Stage.badPages(.rcx, notOfType: [Page.tdcs[0]]) {
            try stage.refuse(completion, nil, .vpCreate, address, Page.tdr)
        }
        #expect(stage.fake.hold(.opState(td: Page.tdr)))
        try stage.refuse(.operandBusy, .opState, .vpCreate, Page.outside, Page.tdr)
        #expect(stage.fake.release(.opState(td: Page.tdr)))
        try stage.advance(to: .runnable)
        try stage.refuse(.opStateIncorrect, nil, .vpCreate, Page.free, Page.tdr)
    }

    @Test("does not count as a vCPU yet, but as a page")
    func effect() throws {
        let stage = try Stage(.vcpuCreated)
        #expect(try stage.field("NUM_VCPUS") == 0)
        #expect(try stage.field("CHLDCNT") == 12)
    }
}

@Suite("TDH.VP.ADDCX")
struct VPAddCXTests {
    @Test("looks at the TDVPR, the TD through it, the vCPU, its count of pages, then the new page")
    func order() throws {
        let stage = try Stage(.vcpuCreated)
        for (address, completion) in Stage.badPages(.rdx, notOfType: [Page.free, Page.tdr]) {
            try stage.refuse(completion, nil, .vpAddCX, Page.outside, address)
        }
        #expect(stage.fake.hold(.page(Page.tdr)))
        try stage.refuse(.operandBusy, .tdr, .vpAddCX, Page.outside, Page.tdvpr)
        #expect(stage.fake.release(.page(Page.tdr)))
        for (address, completion) in Stage.badPages(.rcx, notOfType: [Page.tdvps[0]]) {
            try stage.refuse(completion, nil, .vpAddCX, address, Page.tdvpr)
        }
        for page in Page.tdvps[5..<14] { try stage.accept(.vpAddCX, page, Page.tdvpr) }
        try stage.refuse(.tdcxNumIncorrect, nil, .vpAddCX, Page.outside, Page.tdvpr)
        try stage.advance(to: .vcpuInitialized)
        try stage.refuse(.vcpuStateIncorrect, nil, .vpAddCX, Page.outside, Page.tdvpr)
    }

    @Test("gives the page to the TD, not to the vCPU's root")
    func owner() throws {
        let stage = try Stage(.vcpuCreated)
        try stage.accept(.phymemPageRDMD, Page.tdvps[0])
        #expect(stage.registers.rcx == PageType.tdcx.rawValue)
        #expect(stage.registers.rdx == Page.tdr)
    }
}

@Suite("TDH.VP.INIT")
struct VPInitTests {
    @Test("looks at the pages, the vCPU's state, the limit and the MSR, in this order")
    func order() throws {
        let stage = try Stage(.initialized)
        try stage.accept(.vpCreate, Page.tdvpr, Page.tdr)
        try stage.refuse(.tdcxNumIncorrect, nil, .vpInit, Page.tdvpr)
        for page in Page.tdvps.prefix(5) { try stage.accept(.vpAddCX, page, Page.tdvpr) }
        #expect(stage.fake.hold(.page(Page.tdvpr), exclusively: false))
        try stage.refuse(.operandBusy, .rcx, .vpInit, Page.tdvpr)
        #expect(stage.fake.release(.page(Page.tdvpr)))
        try stage.accept(.vpInit, Page.tdvpr)
        try stage.refuse(.vcpuStateIncorrect, nil, .vpInit, Page.tdvpr)
        try stage.refuse(.operandInvalid, .rax, .vpInit.version(1), Page.tdvpr)
    }

    @Test("loses a vCPU number when IA32_TSC_ADJUST has changed, as module 1.5.01 does")
    func leakedNumber() throws {
        let stage = try Stage(.vcpuCreated)
        stage.fake.setTSCAdjustDiffers(true)
        #expect(
            try stage.call(.vpInit, Page.tdvpr) == Completion(rawValue: Completion.inconsistentMSR.rawValue | 0x3b))
        stage.fake.setTSCAdjustDiffers(false)
        #expect(try stage.field("NUM_VCPUS") == 1)
        try stage.accept(.vpInit, Page.tdvpr)
        #expect(try stage.field("NUM_VCPUS") == 2)
    }

    @Test("refuses one vCPU more than the TD may have, and takes its count back")
    func limit() throws {
        let stage = try Stage()
        stage.parameters.maxVCPUs = 1
        try stage.advance(to: .vcpuInitialized)
        let second = Page.free
        try stage.accept(.vpCreate, second, Page.tdr)
        for page in 1...5 { try stage.accept(.vpAddCX, second + UInt64(page) * 0x1000, second) }
        try stage.refuse(.maxVCPUsExceeded, nil, .vpInit, second)
        #expect(try stage.field("NUM_VCPUS") == 1)
    }

    @Test("ties the vCPU to the processor it runs on")
    func association() throws {
        let stage = try Stage(.vcpuCreated)
        try stage.accept(.vpInit, Page.tdvpr, on: 3)
        #expect(try stage.field("NUM_ASSOC_VCPUS") == 1)
        try stage.refuse(.vcpuNotAssociated, nil, .vpFlush, Page.tdvpr, on: 0)
        try stage.accept(.vpFlush, Page.tdvpr, on: 3)
        #expect(try stage.field("NUM_ASSOC_VCPUS") == 0)
    }
}

@Suite("TDH.VP.FLUSH")
struct VPFlushTests {
    @Test("looks at the lifecycle, the pages and the association; not at FATAL nor the operation state")
    func order() throws {
        let stage = try Stage(.initialized)
        try stage.accept(.vpCreate, Page.tdvpr, Page.tdr)
        try stage.refuse(.tdcxNumIncorrect, nil, .vpFlush, Page.tdvpr)
        for page in Page.tdvps.prefix(5) { try stage.accept(.vpAddCX, page, Page.tdvpr) }
        try stage.refuse(.vcpuNotAssociated, nil, .vpFlush, Page.tdvpr)
        try stage.accept(.vpInit, Page.tdvpr)
        #expect(stage.fake.hold(.opState(td: Page.tdr)))
        #expect(stage.fake.setFatal(td: Page.tdr))
        try stage.accept(.vpFlush, Page.tdvpr)
        #expect(stage.fake.release(.opState(td: Page.tdr)))
        try stage.refuse(.vcpuNotAssociated, nil, .vpFlush, Page.tdvpr)
        try stage.accept(.mngVPFlushDone, Page.tdr)
        try stage.refuse(.tdKeysNotConfigured, nil, .vpFlush, Page.tdvpr)
    }
}
