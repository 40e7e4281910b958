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

/// What the dispatcher must know of a leaf number.
struct LeafTraits: OptionSet {
    let rawValue: UInt8

    static let isDispatched = LeafTraits(rawValue: 1)
    static let takesVersions = LeafTraits(rawValue: 2)
    static let worksBeforeReady = LeafTraits(rawValue: 4)
}

/// The entries by number, where a call finds its own without counting references.
@safe final class LeafEntries: @unchecked Sendable {
    private struct Row {
        var traits: LeafTraits = []
        var function: LeafEntry.Function = { _ throws(Refusal) in throw Refusal(.operandInvalid, .rax) }
    }

    private let end: Int
    // SAFETY of all uses: `end` rows, initialised in init, never changed, and kept for the process's life.
    private let rows: UnsafeMutablePointer<Row>

    init(_ entries: some Sequence<(Leaf, LeafEntry)>, end: Int) {
        self.end = end
        unsafe rows = .allocate(capacity: end)
        unsafe rows.initialize(repeating: Row(), count: end)
        for (leaf, entry) in entries {
            precondition(Int(leaf.number) < end, "a leaf number beyond the table")
            var traits = LeafTraits.isDispatched
            if entry.takesVersions { traits.insert(.takesVersions) }
            if entry.worksBeforeReady { traits.insert(.worksBeforeReady) }
            unsafe rows[Int(leaf.number)] = Row(traits: traits, function: entry.function)
        }
    }

    func traits(_ number: Int) -> LeafTraits {
        // SAFETY: inside the rows.
        number < end ? unsafe rows[number].traits : []
    }

    func run(_ number: Int, _ call: inout Call) throws(Refusal) -> Completion {
        precondition(number < end, "the dispatcher lets no such leaf through")
        // SAFETY: inside the rows.
        return unsafe try rows[number].function(&call)
    }
}

enum LeafTable {
    /// One past the highest leaf number that is dispatched.
    static let numbersEnd = 64

    /// By leaf number; without traits where the module, as far as it is modelled, dispatches nothing.
    static func entries(of profile: FakeProfile) -> LeafEntries { profile == .release1501 ? of1501 : ofLater }

    private static let of1501 = LeafEntries(common, end: numbersEnd)
    private static let ofLater = LeafEntries(common + laterLeaves, end: numbersEnd)

    private static let common = Array(
        [tdLeaves, vcpuLeaves, physicalLeaves, memoryLeaves, systemLeaves].joined())

    static func numbers(of profile: FakeProfile) -> Set<UInt16> {
        let entries = entries(of: profile)
        return Set((0..<numbersEnd).filter { entries.traits($0).contains(.isDispatched) }.map { UInt16($0) })
    }

    /// What takes the place of an entry of 1.5.01.
    private static let laterLeaves: [(Leaf, LeafEntry)] = [
        (.vpInit, LeafEntry(takesVersions: true) { call throws(Refusal) in try call.vpInitLater() })
    ]

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
