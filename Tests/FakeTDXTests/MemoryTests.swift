import Digests
import FakeTDX
import TDXCalls
import Testing

private typealias Page = Stage.Page

@Suite("TDH.MEM.SEPT.*")
struct MemSEPTTests {
    @Test("ADD builds from the top down, and tells where a walk stopped")
    func add() throws {
        let stage = try Stage(.initialized)
        try stage.refuse(.eptWalkFailed, .rcx, .memSEPTAdd, 1, Page.tdr, r8: Page.free)
        #expect(stage.registers.rcx == 1 << 63)
        #expect(stage.registers.rdx == 3)
        try stage.refuse(.operandInvalid, .rcx, .memSEPTAdd, 4, Page.tdr, r8: Page.free)
        try stage.refuse(.operandInvalid, .rcx, .memSEPTAdd, 0, Page.tdr, r8: Page.free)
        try stage.refuse(.operandInvalid, .rcx, .memSEPTAdd, 0x1003, Page.tdr, r8: Page.free)
        try stage.refuse(.operandInvalid, .rcx, .memSEPTAdd, 1 << 47 | 3, Page.tdr, r8: Page.free)
        try stage.refuse(.operandInvalid, .rdx, .memSEPTAdd, 3, Page.tdr | 2, r8: Page.free)
        try stage.refuse(.operandInvalid, .r8, .memSEPTAdd, 3, Page.tdr, r8: .max)
        for (address, completion) in Stage.badPages(.r8, notOfType: [Page.tdcs[0]]) {
            try stage.refuse(completion, nil, .memSEPTAdd, 3, Page.tdr, r8: address)
        }
        try stage.accept(.memSEPTAdd, 3, Page.tdr, r8: Page.free)
        try stage.refuse(.eptEntryStateIncorrect, .rcx, .memSEPTAdd, 3, Page.tdr | 1, r8: Page.otherFree)
        #expect(stage.registers.rcx == 7)
        #expect(stage.registers.rdx == 0x8403)
    }

    @Test("ADD version 1 says which pages it took, and leaves an existing table alone where that is fine")
    func addVersion1() throws {
        let stage = try Stage(.initialized)
        try stage.accept(.memSEPTAdd.version(1), 3, Page.tdr, r8: Page.free)
        #expect(stage.registers.r8 == .max)
        try stage.accept(.memSEPTAdd.version(1), 3, Page.tdr | 1, r8: Page.otherFree)
        #expect(stage.registers.r8 == 1 << 63 | Page.otherFree)
        try stage.refuse(.eptEntryStateIncorrect, .rcx, .memSEPTAdd.version(1), 3, Page.tdr, r8: Page.otherFree)
    }

    @Test("REMOVE wants an empty table, and blocking and tracking once the TD can run")
    func remove() throws {
        let stage = try Stage(.memory)
        try stage.refuse(.eptPageNotFree, .rcx, .memSEPTRemove, 1, Page.tdr)
        try stage.accept(.memSEPTAdd, 0x4000_0002, Page.tdr, r8: Page.free)
        try stage.accept(.memSEPTRemove, 0x4000_0002, Page.tdr)
        #expect(stage.registers.rcx == Page.free)
        try stage.accept(.memPageRemove, 0, Page.tdr)
        try stage.advance(to: .runnable)
        try stage.refuse(.gpaRangeNotBlocked, .rcx, .memSEPTRemove, 1, Page.tdr)
        try stage.accept(.memRangeBlock, 1, Page.tdr)
        try stage.refuse(.tlbTrackingNotDone, .rcx, .memSEPTRemove, 1, Page.tdr)
        try stage.accept(.memTrack, Page.tdr)
        try stage.accept(.memSEPTRemove, 1, Page.tdr)
        #expect(stage.registers.rcx == Page.septLevel1)
        #expect(stage.fake.inconsistencies() == [])
    }

    @Test("RD shows a page's entry whole, and a table's without its address")
    func read() throws {
        let stage = try Stage(.memory)
        try stage.accept(.memSEPTRD, 0, Page.tdr)
        #expect(stage.registers.rcx == 1 << 63 | Page.guest | 0xf7)
        #expect(stage.registers.rdx == 0x400)
        try stage.accept(.memSEPTRD, 1, Page.tdr)
        #expect(stage.registers.rcx == 7)
        #expect(stage.registers.rdx == 0x8401)
    }

    @Test("find the tree busy in the mode that hurts them", arguments: [true, false])
    func tree(exclusively: Bool) throws {
        let stage = try Stage(.memory)
        #expect(stage.fake.hold(.septTree(td: Page.tdr), exclusively: exclusively))
        for leaf in [Leaf.memRangeBlock, .memRangeUnblock] {
            try stage.refuse(.operandBusy, .septTree, leaf, 0, Page.tdr)
        }
        try stage.refuse(.operandBusy, .septTree, .memSEPTRemove, 1, Page.tdr)
        for leaf in [Leaf.memSEPTRD, .memPageRemove] {
            let answer = try stage.call(leaf, 0, Page.tdr)
            #expect(answer == (exclusively ? Completion(.operandBusy, operand: .septTree) : .success))
        }
        try stage.accept(.memPageAdd, 0x1000, Page.tdr, r8: Page.free, r9: Page.source)
    }
}

@Suite("TDH.MEM.PAGE.*")
struct MemPageTests {
    @Test("ADD looks at the TD, RCX, the walk, the entry, the source, and the target last")
    func addOrder() throws {
        let stage = try Stage(.memory)
        let bad = Page.outside
        try stage.refuse(.operandInvalid, .rcx, .memPageAdd, 0x1001, Page.tdr, r8: bad, r9: 8)
        try stage.refuse(.eptWalkFailed, .rcx, .memPageAdd, 1 << 40, Page.tdr, r8: bad, r9: 8)
        try stage.refuse(.eptEntryStateIncorrect, .rcx, .memPageAdd, 0, Page.tdr, r8: bad, r9: 8)
        try stage.refuse(.operandInvalid, .r9, .memPageAdd, 0x1000, Page.tdr, r8: bad, r9: 8)
        try stage.refuse(.operandInvalid, .r9, .memPageAdd, 0x1000, Page.tdr, r8: bad, r9: 33 << 46)
        try stage.refuse(.operandAddrRangeError, .r8, .memPageAdd, 0x1000, Page.tdr, r8: bad, r9: Page.source)
        try stage.refuse(.operandBusy, .r8, .memPageAdd, 0x1000, Page.tdr, r8: Page.tdr, r9: Page.source)
        try stage.accept(.memPageAdd, 0x1000, Page.tdr, r8: Page.free, r9: Page.free)
        try stage.advance(to: .runnable)
        try stage.refuse(.opStateIncorrect, nil, .memPageAdd, 0x2000, Page.tdr, r8: Page.otherFree, r9: Page.source)
    }

    @Test("AUG of 2 MiB wants an aligned, wholly free range, and counts 512 pages")
    func augLarge() throws {
        let stage = try Stage(.runnable)
        let range: UInt64 = 0x1_0040_0000
        try stage.refuse(.operandInvalid, .rcx, .memPageAug, 0x20_0002, Page.tdr, r8: range)
        try stage.refuse(.operandInvalid, .r8, .memPageAug, 0x20_0001, Page.tdr, r8: range + 0x1000)
        try stage.refuse(.operandBusy, .r8, .memPageAug, 0x20_0001, Page.tdr, r8: 0x1_0000_0000)
        try stage.accept(.mngCreate, range + 0x20_1000, 40)
        try stage.refuse(.pageMetadataIncorrect, .r8, .memPageAug, 0x20_0001, Page.tdr, r8: range + 0x20_0000)
        let before = try stage.field("CHLDCNT")
        try stage.accept(.memPageAug, 0x20_0001, Page.tdr, r8: range)
        #expect(try stage.field("CHLDCNT") == before + 512)
        try stage.refuse(.pageMetadataIncorrect, .rcx, .mngCreate, range + 0x2000, 41)
        #expect(stage.fake.inconsistencies() == [])
    }

    @Test("REMOVE wants the page blocked and tracked once the TD can run, and counts it off")
    func remove() throws {
        let stage = try Stage(.runnable)
        try stage.refuse(.gpaRangeNotBlocked, .rcx, .memPageRemove, 0, Page.tdr)
        try stage.accept(.memRangeBlock, 0, Page.tdr)
        try stage.refuse(.tlbTrackingNotDone, .rcx, .memPageRemove, 0, Page.tdr)
        try stage.accept(.memTrack, Page.tdr)
        #expect(stage.fake.hold(.page(Page.guest), exclusively: false))
        try stage.refuse(.operandBusy, .rcx, .memPageRemove, 0, Page.tdr)
        #expect(stage.fake.release(.page(Page.guest)))
        let before = try stage.field("CHLDCNT")
        try stage.accept(.memPageRemove, 0, Page.tdr)
        #expect(stage.registers.rcx == Page.guest)
        #expect(try stage.field("CHLDCNT") == before - 1)
    }

    @Test("RELOCATE moves the content to the new page and gives the old one back")
    func relocate() throws {
        let stage = try Stage(.memory, debug: true)
        try stage.accept(.memPageRelocate, 0, Page.tdr, r8: Page.free)
        #expect(stage.registers.rcx == Page.guest)
        try stage.accept(.memRD, 8, Page.tdr)
        #expect(stage.registers.r8 == 0x0f0e_0d0c_0b0a_0908)
        try stage.accept(.phymemPageRDMD, Page.guest)
        #expect(stage.registers.rcx == 0)
        #expect(stage.fake.inconsistencies() == [])
    }

    @Test("DEMOTE splits a large page, PROMOTE joins it again")
    func demoteAndPromote() throws {
        let stage = try Stage(.memory)
        let range: UInt64 = 0x1_0040_0000
        try stage.accept(.memPageAug, 0x20_0001, Page.tdr, r8: range)
        try stage.accept(.memPageDemote, 0x20_0001, Page.tdr, r8: Page.free)
        try stage.accept(.memSEPTRD, 0x20_3000, Page.tdr)
        #expect(stage.registers.rcx == 1 << 63 | range + 0x3000 | 0xf0)
        #expect(stage.fake.inconsistencies() == [])
        try stage.accept(.memPagePromote, 0x20_0001, Page.tdr)
        #expect(stage.registers.rcx == Page.free)
        try stage.accept(.memSEPTRD, 0x20_0001, Page.tdr)
        #expect(stage.registers.rcx == 1 << 63 | range | 0xf0)
        #expect(stage.fake.inconsistencies() == [])
        try stage.accept(.memPageDemote, 0x20_0001, Page.tdr, r8: Page.free)
        try stage.accept(.memPageRemove, 0x20_3000, Page.tdr)
        try stage.refuse(.eptInvalidPromoteConditions, .rcx, .memPagePromote, 0x20_0001, Page.tdr)
    }

    /// A TD whose 2 MiB from 0x20_0000 on are 512 pages that lie side by side, and where they lie.
    private static func filled() throws -> (Stage, range: UInt64) {
        let stage = try Stage(.memory)
        let range: UInt64 = 0x1_0040_0000
        try stage.accept(.memSEPTAdd, 0x20_0001, Page.tdr, r8: Page.free)
        for page: UInt64 in 0..<512 {
            try stage.accept(
                .memPageAdd, 0x20_0000 + page * 0x1000, Page.tdr, r8: range + page * 0x1000, r9: Page.source)
        }
        return (stage, range)
    }

    @Test("PROMOTE joins 512 mapped pages that lie side by side")
    func promote() throws {
        let (stage, range) = try Self.filled()
        try stage.accept(.memPagePromote, 0x20_0001, Page.tdr)
        #expect(stage.registers.rcx == Page.free)
        try stage.accept(.phymemPageRDMD, range + 0x5000)
        #expect(stage.registers.r8 == 1)
        #expect(stage.fake.inconsistencies() == [])
    }

    @Test("PROMOTE of a blocked range leaves a page that is not blocked")
    func promoteBlocked() throws {
        let (stage, _) = try Self.filled()
        try stage.accept(.memRangeBlock, 0x20_0001, Page.tdr)
        try stage.accept(.memPagePromote, 0x20_0001, Page.tdr)
        try stage.accept(.memSEPTRD, 0x20_0001, Page.tdr)
        #expect(stage.registers.rdx == 0x0401)
        try stage.refuse(.eptEntryStateIncorrect, .rcx, .memRangeUnblock, 0x20_0001, Page.tdr)
    }

    @Test("PROMOTE wants the range blocked and tracked once the TD is finalised, and looks at the table last")
    func promoteFinalized() throws {
        let stage = try Stage(.runnable)
        try stage.refuse(.gpaRangeNotBlocked, .rcx, .memPagePromote, 1, Page.tdr)
        try stage.accept(.memRangeBlock, 1, Page.tdr)
        try stage.refuse(.tlbTrackingNotDone, .rcx, .memPagePromote, 1, Page.tdr)
        try stage.accept(.memTrack, Page.tdr)
        try stage.refuse(.eptInvalidPromoteConditions, .rcx, .memPagePromote, 1, Page.tdr)
        try stage.accept(.memRangeUnblock, 1, Page.tdr)
    }
}

@Suite("TDH.MEM.RANGE.*, TDH.MEM.TRACK")
struct MemRangeTests {
    @Test("BLOCK twice says so without being an error; UNBLOCK wants tracking and blames the tree")
    func blockAndUnblock() throws {
        let stage = try Stage(.runnable)
        try stage.refuse(.eptEntryStateIncorrect, .rcx, .memRangeUnblock, 0, Page.tdr)
        try stage.accept(.memRangeBlock, 0, Page.tdr)
        try stage.refuse(.gpaRangeAlreadyBlocked, .rcx, .memRangeBlock, 0, Page.tdr)
        try stage.refuse(.tlbTrackingNotDone, .septTree, .memRangeUnblock, 0, Page.tdr)
        try stage.accept(.phymemPageRDMD, Page.guest)
        #expect(stage.registers.r9 == 1, "the epoch it was blocked in")
        try stage.accept(.memTrack, Page.tdr)
        try stage.accept(.memRangeUnblock, 0, Page.tdr)
    }

    @Test("a blocked 2 MiB range stops every walk below it")
    func blockedTable() throws {
        let stage = try Stage(.runnable)
        try stage.accept(.memRangeBlock, 1, Page.tdr)
        try stage.refuse(.eptWalkFailed, .rcx, .memRangeBlock, 0, Page.tdr)
        #expect(stage.registers.rdx == 0x8101)
    }

    @Test("TRACK waits for a vCPU that entered in the epoch before, and removal for it to leave")
    func track() throws {
        let stage = try Stage(.runnable)
        var registers = Registers(rcx: Page.tdvpr)
        let processor = Processor(rawValue: 0)
        #expect(try stage.fake.enter(&registers, on: processor) != .answered(.success))
        try stage.accept(.memRangeBlock, 0, Page.tdr, on: 1)
        try stage.accept(.memTrack, Page.tdr, on: 1)
        try stage.refuse(.previousTLBEpochBusy, nil, .memTrack, Page.tdr, on: 1)
        try stage.refuse(.tlbTrackingNotDone, .rcx, .memPageRemove, 0, Page.tdr, on: 1)
        #expect(
            try stage.fake.exit(with: .interrupt, &registers, on: processor)
                == .answered(Completion(rawValue: 1)))
        try stage.accept(.memPageRemove, 0, Page.tdr, on: 1)
        #expect(stage.fake.hold(.epoch(td: Page.tdr), exclusively: false))
        try stage.refuse(.operandBusy, .tdEpoch, .memTrack, Page.tdr)
    }
}

@Suite("TDH.MR.EXTEND, TDH.MR.FINALIZE and the measurement")
struct MeasurementTests {
    @Test("EXTEND looks at alignment, privacy and the mapping")
    func extendOrder() throws {
        let stage = try Stage(.memory)
        try stage.refuse(.operandInvalid, .rcx, .mrExtend, 0x80, Page.tdr)
        try stage.refuse(.operandInvalid, .rcx, .mrExtend, 1 << 47, Page.tdr)
        try stage.refuse(.eptEntryNotPresent, .rcx, .mrExtend, 0x1000, Page.tdr)
        try stage.accept(.memPageAug, 0x1000, Page.tdr, r8: Page.free)
        try stage.refuse(.eptEntryNotPresent, .rcx, .mrExtend, 0x1000, Page.tdr)
        try stage.advance(to: .runnable)
        try stage.refuse(.opStateIncorrect, nil, .mrExtend, 0, Page.tdr)
    }

    @Test("FINALIZE wants an initialised vCPU, not just a created one")
    func noVCPU() throws {
        let stage = try Stage(.vcpuCreated)
        try stage.refuse(.noVCPUs, nil, .mrFinalize, Page.tdr)
        try stage.advance(to: .vcpuInitialized)
        try stage.accept(.mrFinalize, Page.tdr)
        try stage.refuse(.opStateIncorrect, nil, .mrFinalize, Page.tdr)
    }

    private func mrtd(_ stage: Stage) throws -> [UInt8] {
        var bytes: [UInt8] = []
        for element in 0..<6 {
            let word = try stage.field("MRTD", element: element)
            bytes += (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64(8 * $0)) }
        }
        return bytes
    }

    private func header(_ name: String, _ gpa: UInt64) -> [UInt8] {
        var block = Array(name.utf8)
        block += [UInt8](repeating: 0, count: 16 - block.count)
        block += (0..<8).map { UInt8(truncatingIfNeeded: gpa >> UInt64(8 * $0)) }
        return block + [UInt8](repeating: 0, count: 104)
    }

    @Test("is zero before FINALIZE, and then the hash of what was added and extended, in order")
    func value() throws {
        let stage = try Stage(.memory)
        #expect(try mrtd(stage) == [UInt8](repeating: 0, count: 48))
        var expected = header("MEM.PAGE.ADD", 0)
        let content = (0..<256).map { UInt8($0) }
        for offset: UInt64 in [0x300, 0, 0] {
            try stage.accept(.mrExtend, offset, Page.tdr)
            expected += header("MR.EXTEND", offset) + content
        }
        try stage.refuse(.operandInvalid, .rcx, .mrExtend, 0x80, Page.tdr)
        try stage.accept(.memPageRemove, 0, Page.tdr)
        try stage.advance(to: .runnable)
        #expect(try mrtd(stage) == SHA384.digest(of: expected).bytes)
    }
}

@Suite("TDH.MEM.RD and TDH.MEM.WR")
struct MemDebugTests {
    @Test("serve debug TDs only, eight bytes at a time")
    func debug() throws {
        try Stage(.memory).refuse(.tdNonDebug, nil, .memRD, 0, Page.tdr)
        let stage = try Stage(.memory, debug: true)
        try stage.refuse(.operandInvalid, .rcx, .memRD, 4, Page.tdr)
        try stage.refuse(.eptEntryNotPresent, .rcx, .memWR, 0x1000, Page.tdr, r8: 1)
        try stage.accept(.memWR, 8, Page.tdr, r8: 0x1122_3344_5566_7788)
        #expect(stage.registers.r8 == 0x0f0e_0d0c_0b0a_0908)
        try stage.accept(.memRD, 8, Page.tdr)
        #expect(stage.registers.r8 == 0x1122_3344_5566_7788)
        try stage.accept(.memRD, 0, Page.tdr)
        #expect(stage.registers.r8 == 0x0706_0504_0302_0100)
    }
}
