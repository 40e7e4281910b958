import FakeTDX
import TDXCalls
import Testing

private typealias Page = Stage.Page

@Suite("TDH.MNG.RD and TDH.MNG.WR")
struct MngFieldTests {
    private let attributes: UInt64 = 0x1110_0003_0000_0000
    private let rtmr: UInt64 = 0x1310_0003_0000_0040
    private let timeout: UInt64 = 0x9110_0003_0000_0011
    private let vmControls: UInt64 = 0x9110_0003_0000_0012

    @Test("read: TD, state, then the id, then whether it can be read; R8 is zero on every refusal")
    func readOrder() throws {
        let stage = try Stage(.created)
        try stage.refuse(.tdKeysNotConfigured, nil, .mngRD, Page.tdr, attributes, r8: 7)
        #expect(stage.registers.r8 == 0)
        try stage.advance(to: .tdcsComplete)
        try stage.refuse(.opStateIncorrect, nil, .mngRD, Page.tdr, attributes)
        try stage.advance(to: .initialized)
        for id in [attributes | 1 << 24, attributes | 1 << 34, attributes | 1 << 38, attributes | 1 << 47, 0x11] {
            try stage.refuse(.metadataFieldIDIncorrect, nil, .mngRD, Page.tdr, id, r8: 7)
            #expect(stage.registers.r8 == 0)
        }
        try stage.refuse(.metadataFieldNotReadable, nil, .mngRD, Page.tdr, rtmr)
        #expect(stage.fake.hold(.page(Page.tdr)))
        try stage.refuse(.operandBusy, .rcx, .mngRD, Page.tdr, attributes)
    }

    @Test("read: context and element size of the id do not count")
    func looseID() throws {
        let stage = try Stage(.initialized)
        let maxVCPUs: UInt64 = 0x1100_0000_0000_0002
        try stage.accept(.mngRD, Page.tdr, maxVCPUs | 2 << 52)
        #expect(stage.registers.r8 == 4)
    }

    @Test(
        "version 1 names the next field a production host can read, all ones on a refusal, and the first for all ones")
    func walk() throws {
        let stage = try Stage(.initialized)
        #expect(try stage.call(.mngRD.version(1), Page.tdr, .max) == .metadataFirstFieldIDInContext)
        #expect(stage.registers.rdx == 0x8010_0000_0000_0001)
        try stage.accept(.mngRD.version(1), Page.tdr, 0x1110_0003_0000_0016)
        #expect(stage.registers.rdx == 0x9110_0002_0000_0800, "TD_CTLS and CPUID_VALID are for debug TDs")
        try stage.refuse(.metadataFieldNotReadable, nil, .mngRD.version(1), Page.tdr, rtmr)
        #expect(stage.registers.rdx == .max)
        try stage.refuse(.operandInvalid, .rax, .mngRD.version(2), Page.tdr, attributes)
    }

    @Test("write: a mask without writable bits, a bad value, a bit that is read-only")
    func write() throws {
        let stage = try Stage(.initialized)
        try stage.refuse(.metadataFieldNotWritable, nil, .mngWR, Page.tdr, attributes, r8: 1, r9: 1)
        try stage.refuse(.metadataFieldNotWritable, nil, .mngWR, Page.tdr, timeout, r8: 1, r9: 0)
        for value: UInt64 in [9_999, 100_000_001] {
            try stage.refuse(.metadataFieldValueNotValid, nil, .mngWR, Page.tdr, timeout, r8: value, r9: .max)
        }
        try stage.accept(.mngWR, Page.tdr, timeout, r8: 10_000, r9: .max)
        #expect(stage.registers.r8 == 1_000_000, "the old value comes back")
        #expect(try stage.field("HP_LOCK_TIMEOUT") == 10_000)
        try stage.refuse(.metadataFieldValueNotValid, nil, .mngWR, Page.tdr, vmControls, r8: 2, r9: 3)
        try stage.accept(.mngWR, Page.tdr, vmControls, r8: 1, r9: 1)
        #expect(try stage.field("VM_CTLS") == 1)
    }

    @Test("every field of the table is readable exactly where its masks say so", arguments: [false, true])
    func masks(debug: Bool) throws {
        let stage = try Stage(.vcpuInitialized, debug: debug)
        for info in FieldInfo.all where info.context == .td && info.since == "1.5.01" {
            let answer = try stage.call(.mngRD, Page.tdr, info.id.rawValue)
            if info.name.hasPrefix("L2_") {
                #expect(answer == .metadataFieldIDIncorrect, "\(info.name): the TD has no L2 VM")
            } else {
                let mask = debug ? info.debug.readMask : info.production.readMask
                #expect(answer == (mask == 0 ? .metadataFieldNotReadable : .success), "\(info.name)")
            }
        }
    }
}

@Suite("TDH.VP.RD and TDH.VP.WR")
struct VPFieldTests {
    private let rcx: UInt64 = 0x1020_0003_0000_0001
    private let index: UInt64 = 0xa020_0002_0000_0002
    private let descriptor: UInt64 = 0x0024_0003_0000_2016
    private let vector: UInt64 = 0x0024_0001_0000_0002
    private let pinControls: UInt64 = 0x0024_0002_0000_4000

    @Test("look at TDVPR, TDR, TD, pages, the vCPU's state and association before the field")
    func order() throws {
        let stage = try Stage(.initialized)
        try stage.accept(.vpCreate, Page.tdvpr, Page.tdr)
        try stage.refuse(.tdcxNumIncorrect, nil, .vpRD, Page.tdvpr, 0x11)
        for page in Page.tdvps.prefix(5) { try stage.accept(.vpAddCX, page, Page.tdvpr) }
        try stage.refuse(.vcpuStateIncorrect, nil, .vpRD, Page.tdvpr, 0x11)
        try stage.refuse(.vcpuStateIncorrect, nil, .vpWR, Page.tdvpr, 0x11)
        try stage.accept(.vpInit, Page.tdvpr)
        try stage.refuse(.vcpuAssociated, nil, .vpRD, Page.tdvpr, 0x11, on: 1)
        try stage.refuse(.metadataFieldIDIncorrect, nil, .vpRD, Page.tdvpr, 0x11)
        #expect(stage.fake.hold(.page(Page.tdr)))
        try stage.refuse(.operandBusy, .tdr, .vpRD, Page.tdvpr, index)
        try stage.refuse(.operandBusy, .tdr, .vpWR, Page.tdvpr, index)
    }

    @Test("associate the vCPU, also when the field is then refused")
    func association() throws {
        let stage = try Stage(.vcpuInitialized)
        try stage.accept(.vpFlush, Page.tdvpr)
        #expect(try stage.call(.vpRD, Page.tdvpr, rcx, on: 2) == .metadataFieldNotReadable)
        #expect(try stage.field("NUM_ASSOC_VCPUS") == 1)
        try stage.refuse(.flushVPNotDone, nil, .mngVPFlushDone, Page.tdr)
        try stage.accept(.vpFlush, Page.tdvpr, on: 2)
        #expect(try stage.call(.vpWR, Page.tdvpr, rcx, r8: 1, r9: 1, on: 3) == .metadataFieldNotWritable)
        try stage.accept(.vpFlush, Page.tdvpr, on: 3)
    }

    @Test("write what a host writes to a vCPU for posted interrupts, and read it back")
    func postedInterrupts() throws {
        let stage = try Stage(.vcpuInitialized)
        try stage.accept(.vpWR, Page.tdvpr, vector, r8: 0xf2, r9: .max)
        try stage.accept(.vpWR, Page.tdvpr, descriptor, r8: 0x1234_5640, r9: .max)
        try stage.accept(.vpWR, Page.tdvpr, pinControls, r8: 0x80, r9: 0x80)
        try stage.accept(.vpRD, Page.tdvpr, vector)
        #expect(stage.registers.r8 == 0xf2)
        try stage.accept(.vpRD, Page.tdvpr, descriptor)
        #expect(stage.registers.r8 == 0x1234_5640)
        try stage.accept(.vpRD, Page.tdvpr, pinControls)
        #expect(stage.registers.r8 == 0x80)
    }

    @Test("refuse a posted-interrupt descriptor that is misaligned or private")
    func badDescriptor() throws {
        let stage = try Stage(.vcpuInitialized)
        for address: UInt64 in [0x1234_5641, 33 << 46 | 0x1000] {
            try stage.refuse(
                .metadataFieldValueNotValid, nil, .vpWR, Page.tdvpr, descriptor, r8: address, r9: .max)
        }
    }

    @Test("show the guest's registers of a debug TD, and let them be written under a mask")
    func guestRegisters() throws {
        let stage = try Stage(.vcpuInitialized, debug: true)
        try stage.accept(.vpRD, Page.tdvpr, rcx)
        #expect(stage.registers.r8 == 0x1234)
        try stage.accept(.vpWR, Page.tdvpr, rcx, r8: 0xab, r9: 0xff)
        #expect(stage.registers.r8 == 0x1234)
        try stage.accept(.vpRD, Page.tdvpr, rcx)
        #expect(stage.registers.r8 == 0x12ab)
    }

    @Test("keep large arrays too: each element of XBUFF by itself")
    func sparseField() throws {
        let stage = try Stage(.vcpuInitialized, debug: true)
        let buffer: UInt64 = 0x1220_0003_0000_0000
        try stage.accept(.vpWR, Page.tdvpr, buffer + 1535, r8: 5, r9: .max)
        try stage.accept(.vpRD, Page.tdvpr, buffer + 1535)
        #expect(stage.registers.r8 == 5)
        try stage.accept(.vpRD, Page.tdvpr, buffer + 1534)
        #expect(stage.registers.r8 == 0)
        try stage.refuse(.metadataFieldIDIncorrect, nil, .vpRD, Page.tdvpr, buffer + 1536)
    }

    @Test("every field of the table is readable exactly where its masks say so", arguments: [false, true])
    func masks(debug: Bool) throws {
        let stage = try Stage(.vcpuInitialized, debug: debug)
        for info in FieldInfo.all where info.context == .vp && info.since == "1.5.01" && !info.isL2VMCS {
            let answer = try stage.call(.vpRD, Page.tdvpr, info.id.rawValue)
            let belongsToL2 = info.name.hasPrefix("L2_") && Int(String(info.name.suffix(1))) != nil
            if belongsToL2 {
                #expect(answer == .metadataFieldIDIncorrect, "\(info.name): the TD has no L2 VM")
            } else {
                let mask = debug ? info.debug.readMask : info.production.readMask
                #expect(answer == (mask == 0 ? .metadataFieldNotReadable : .success), "\(info.name)")
            }
        }
    }
}
