internal import TDXCalls

/// How the module executes one leaf number.
struct LeafEntry: Sendable {
    typealias Function = @Sendable (inout Call) throws(Refusal) -> Completion

    /// Whether the leaf looks at its version itself, instead of the dispatcher refusing any but 0.
    let takesVersions: Bool
    /// Whether it works before the module is READY.
    let worksBeforeReady: Bool
    let function: Function

    init(takesVersions: Bool = false, worksBeforeReady: Bool = false, _ function: @escaping Function) {
        self.takesVersions = takesVersions
        self.worksBeforeReady = worksBeforeReady
        self.function = function
    }
}

enum LeafTable {
    /// One past the highest leaf number that is dispatched.
    static let numbersEnd = 64

    /// By leaf number; nil where module 1.5.01, as far as it is modelled, dispatches nothing.
    static let entries: [LeafEntry?] = {
        var table = [LeafEntry?](repeating: nil, count: numbersEnd)
        for (leaf, entry) in [tdLeaves, vcpuLeaves, physicalLeaves, memoryLeaves, systemLeaves].joined() {
            table[Int(leaf.number)] = entry
        }
        return table
    }()

    static let numbers = Set(entries.indices.filter { entries[$0] != nil }.map { UInt16($0) })

    private static let tdLeaves: [(Leaf, LeafEntry)] = [
        (.mngCreate, LeafEntry { call throws(Refusal) in try call.mngCreate() }),
        (.mngKeyConfig, LeafEntry { call throws(Refusal) in try call.mngKeyConfig() }),
        (.mngKeyFreeID, LeafEntry { call throws(Refusal) in try call.mngKeyFreeID() }),
        (.mngKeyReclaimID, LeafEntry { call throws(Refusal) in try call.mngKeyReclaimID() }),
        (.mngAddCX, LeafEntry { call throws(Refusal) in try call.mngAddCX() }),
        (.mngInit, LeafEntry { call throws(Refusal) in try call.mngInit() }),
        (.mngRD, LeafEntry(takesVersions: true) { call throws(Refusal) in try call.mngRD() }),
        (.mngWR, LeafEntry { call throws(Refusal) in try call.mngWR() }),
        (.mrExtend, LeafEntry { call throws(Refusal) in try call.mrExtend() }),
        (.mrFinalize, LeafEntry { call throws(Refusal) in try call.mrFinalize() }),
        (.mngVPFlushDone, LeafEntry { call throws(Refusal) in try call.mngVPFlushDone() }),
    ]

    private static let vcpuLeaves: [(Leaf, LeafEntry)] = [
        (.vpEnter, LeafEntry { call throws(Refusal) in try call.vpEnter() }),
        (.vpCreate, LeafEntry { call throws(Refusal) in try call.vpCreate() }),
        (.vpAddCX, LeafEntry { call throws(Refusal) in try call.vpAddCX() }),
        (.vpInit, LeafEntry { call throws(Refusal) in try call.vpInit() }),
        (.vpRD, LeafEntry(takesVersions: true) { call throws(Refusal) in try call.vpRD() }),
        (.vpWR, LeafEntry { call throws(Refusal) in try call.vpWR() }),
        (.vpFlush, LeafEntry { call throws(Refusal) in try call.vpFlush() }),
    ]

    private static let physicalLeaves: [(Leaf, LeafEntry)] = [
        (.phymemPageReclaim, LeafEntry { call throws(Refusal) in try call.phymemPageReclaim() }),
        (.phymemPageRDMD, LeafEntry { call throws(Refusal) in try call.phymemPageRDMD() }),
        (.phymemPageWBINVD, LeafEntry { call throws(Refusal) in try call.phymemPageWBINVD() }),
        (.phymemCacheWB, LeafEntry { call throws(Refusal) in try call.phymemCacheWB() }),
    ]

    private static let memoryLeaves: [(Leaf, LeafEntry)] = [
        (.memPageAdd, LeafEntry { call throws(Refusal) in try call.memPageAdd() }),
        (.memSEPTAdd, LeafEntry(takesVersions: true) { call throws(Refusal) in try call.memSEPTAdd() }),
        (.memPageRelocate, LeafEntry { call throws(Refusal) in try call.memPageRelocate() }),
        (.memPageAug, LeafEntry { call throws(Refusal) in try call.memPageAug() }),
        (.memRangeBlock, LeafEntry { call throws(Refusal) in try call.memRangeBlock() }),
        (.memRD, LeafEntry { call throws(Refusal) in try call.memRD() }),
        (.memWR, LeafEntry { call throws(Refusal) in try call.memWR() }),
        (.memPageDemote, LeafEntry { call throws(Refusal) in try call.memPageDemote() }),
        (.memPagePromote, LeafEntry(takesVersions: true) { call throws(Refusal) in try call.memPagePromote() }),
        (.memSEPTRD, LeafEntry { call throws(Refusal) in try call.memSEPTRD() }),
        (.memPageRemove, LeafEntry { call throws(Refusal) in try call.memPageRemove() }),
        (.memSEPTRemove, LeafEntry(takesVersions: true) { call throws(Refusal) in try call.memSEPTRemove() }),
        (.memTrack, LeafEntry { call throws(Refusal) in try call.memTrack() }),
        (.memRangeUnblock, LeafEntry { call throws(Refusal) in try call.memRangeUnblock() }),
    ]

    private static let systemLeaves: [(Leaf, LeafEntry)] = [
        (.sysInit, LeafEntry(worksBeforeReady: true) { call throws(Refusal) in try call.sysInit() }),
        (.sysLPInit, LeafEntry(worksBeforeReady: true) { call throws(Refusal) in try call.sysLPInit() }),
        (.sysConfig, LeafEntry(worksBeforeReady: true) { call throws(Refusal) in try call.sysConfig() }),
        (.sysKeyConfig, LeafEntry(worksBeforeReady: true) { call throws(Refusal) in try call.sysKeyConfig() }),
        (.sysTDMRInit, LeafEntry { call throws(Refusal) in try call.sysTDMRInit() }),
        (.sysInfo, LeafEntry(worksBeforeReady: true) { call throws(Refusal) in try call.sysInfo() }),
        (.sysRD, LeafEntry(worksBeforeReady: true) { call throws(Refusal) in try call.sysRD() }),
        (.sysRDAll, LeafEntry(worksBeforeReady: true) { call throws(Refusal) in try call.sysRDAll() }),
        (.sysLPShutdown, LeafEntry(worksBeforeReady: true) { call throws(Refusal) in try call.sysLPShutdown() }),
        (.sysShutdown, LeafEntry { call throws(Refusal) in try call.sysShutdown() }),
    ]
}
