import TDXCalls
import Testing

private struct Leaves: Decodable {
    struct Row: Decodable {
        let name: String
        let number: UInt16
        let versionMin: UInt8
        let versionMax: UInt8
        let group: String
        let inputs: [Operand]
        let outputs: [Operand]
        let lifecycleStates: [String]?
        let opStates: OpStates?
        let locks: String?
        let implemented: Bool
        let linuxWrapper: String?
        let note: String?
    }

    struct Operand: Decodable {
        let register: String
        let name: String
        let meaning: String?
    }

    /// A list of states, or the words `not checked`.
    struct OpStates: Decodable {
        let values: [UInt8]?

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            values = try? container.decode([UInt8].self)  // The other form is text, and means the same as none.
        }
    }

    let leaves: [Row]
}

@Suite("The leaf table")
struct LeafTableTests {
    private let reference: [Leaves.Row]

    init() throws { reference = try Reference.load("tdx-leaves.json", as: Leaves.self).leaves }

    @Test("It has every row of the reference, column by column, and no other")
    func wholeTable() throws {
        #expect(reference.count == 69)
        #expect(LeafInfo.all.count == reference.count)
        for row in reference {
            let info = try #require(Leaf(row.number).info, "\(row.name)")
            #expect(info.name == row.name)
            #expect(info.number == row.number)
            #expect(Leaf(row.number).name == row.name)
            #expect(LeafInfo.named(row.name)?.number == row.number)
            #expect(info.versions == row.versionMin...row.versionMax, "\(row.name)")
            #expect(info.group == row.group, "\(row.name)")
            #expect(info.wrapper == row.linuxWrapper, "\(row.name)")
            #expect(info.isImplemented == row.implemented, "\(row.name)")
            #expect(info.lifecycleStates == row.lifecycleStates, "\(row.name)")
            #expect(info.opStates == row.opStates?.values, "\(row.name)")
            #expect(info.locks == row.locks, "\(row.name)")
            #expect(info.note == row.note, "\(row.name)")
            #expect(info.inputs.map(\.register) == row.inputs.map(\.register), "\(row.name)")
            #expect(info.inputs.map(\.name) == row.inputs.map(\.name), "\(row.name)")
            #expect(info.inputs.map(\.meaning) == row.inputs.map { $0.meaning ?? "" }, "\(row.name)")
            #expect(info.outputs.map(\.register) == row.outputs.map(\.register), "\(row.name)")
            #expect(info.outputs.map(\.name) == row.outputs.map(\.name), "\(row.name)")
            #expect(info.outputs.map(\.meaning) == row.outputs.map { $0.meaning ?? "" }, "\(row.name)")
        }
    }

    @Test("Every constant is the number of the specification's name for it")
    func constants() {
        let constants: [(Leaf, String)] = [
            (.vpEnter, "VP.ENTER"), (.mngAddCX, "MNG.ADDCX"), (.memPageAdd, "MEM.PAGE.ADD"),
            (.memSEPTAdd, "MEM.SEPT.ADD"), (.vpAddCX, "VP.ADDCX"), (.memPageRelocate, "MEM.PAGE.RELOCATE"),
            (.memPageAug, "MEM.PAGE.AUG"), (.memRangeBlock, "MEM.RANGE.BLOCK"), (.mngKeyConfig, "MNG.KEY.CONFIG"),
            (.mngCreate, "MNG.CREATE"), (.vpCreate, "VP.CREATE"), (.mngRD, "MNG.RD"), (.memRD, "MEM.RD"),
            (.mngWR, "MNG.WR"), (.memWR, "MEM.WR"), (.memPageDemote, "MEM.PAGE.DEMOTE"), (.mrExtend, "MR.EXTEND"),
            (.mrFinalize, "MR.FINALIZE"), (.vpFlush, "VP.FLUSH"), (.mngVPFlushDone, "MNG.VPFLUSHDONE"),
            (.mngKeyFreeID, "MNG.KEY.FREEID"), (.mngInit, "MNG.INIT"), (.vpInit, "VP.INIT"),
            (.memPagePromote, "MEM.PAGE.PROMOTE"), (.phymemPageRDMD, "PHYMEM.PAGE.RDMD"),
            (.memSEPTRD, "MEM.SEPT.RD"), (.vpRD, "VP.RD"), (.mngKeyReclaimID, "MNG.KEY.RECLAIMID"),
            (.phymemPageReclaim, "PHYMEM.PAGE.RECLAIM"), (.memPageRemove, "MEM.PAGE.REMOVE"),
            (.memSEPTRemove, "MEM.SEPT.REMOVE"), (.sysKeyConfig, "SYS.KEY.CONFIG"), (.sysInfo, "SYS.INFO"),
            (.sysInit, "SYS.INIT"), (.sysRD, "SYS.RD"), (.sysLPInit, "SYS.LP.INIT"),
            (.sysTDMRInit, "SYS.TDMR.INIT"), (.sysRDAll, "SYS.RDALL"), (.memTrack, "MEM.TRACK"),
            (.memRangeUnblock, "MEM.RANGE.UNBLOCK"), (.phymemCacheWB, "PHYMEM.CACHE.WB"),
            (.phymemPageWBINVD, "PHYMEM.PAGE.WBINVD"), (.vpWR, "VP.WR"), (.sysLPShutdown, "SYS.LP.SHUTDOWN"),
            (.sysConfig, "SYS.CONFIG"), (.sysShutdown, "SYS.SHUTDOWN"), (.sysUpdate, "SYS.UPDATE"),
        ]
        for (leaf, name) in constants {
            #expect(leaf.name == "TDH." + name)
            #expect(leaf.version == 0)
        }
    }

    @Test("RAX is the number in bits 15:0 and the version in bits 23:16")
    func rax() {
        #expect(Leaf(22, version: 1).rawValue == 0x1_0016)
        #expect(Leaf.vpInit.version(1) == Leaf(22, version: 1))
        #expect(Leaf.vpInit.version(1).version(0) == .vpInit)
        #expect(Leaf(rawValue: 0x1_0016).number == 22)
        #expect(Leaf(rawValue: 0x1_0016).version == 1)
        #expect(Leaf(rawValue: 0x1_0016).reserved == 0)
        #expect(Leaf(rawValue: 0xab00_0016).reserved == 0xab)
        #expect(Leaf(rawValue: 0x1_0016).name == "TDH.VP.INIT")
    }

    @Test("A leaf nobody has heard of is a value with a name")
    func unknownLeaf() {
        #expect(Leaf(200).info == nil)
        #expect(Leaf(200).name == "leaf 0xc8")
        #expect(Leaf(42).info?.isImplemented == false, "named, and not dispatched")
        #expect(Leaf(0xffff).name == "leaf 0xffff")
    }

    @Test("Register lists leave out RAX and XMM and keep the table's order")
    func registerLists() {
        #expect(Leaf.mngAddCX.info?.inputRegisters == [.rcx, .rdx])
        #expect(Leaf.vpWR.info?.inputRegisters == [.rcx, .rdx, .r8, .r9])
        #expect(Leaf.phymemPageReclaim.info?.outputRegisters.prefix(3) == [.rcx, .rdx, .r8])
        #expect(Leaf.vpEnter.info?.outputRegisters.contains(.r15) == true)
        #expect(Leaf.vpEnter.info?.outputRegisters.count == 13)
    }
}
