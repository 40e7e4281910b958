import FakeTDX
import TDXCalls
import Testing
import Threading

/// SplitMix64: the same seed gives the same calls.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var word = state
        word = (word ^ word >> 30) &* 0xbf58_476d_1ce4_e5b9
        word = (word ^ word >> 27) &* 0x94d0_49bb_1331_11eb
        return word ^ word >> 31
    }
}

/// Draws calls that may well succeed: it remembers which pages became TDs and vCPUs, and uses few pages, KeyIDs
/// and guest addresses.
struct CallDrawer {
    static let parameters: [UInt64] = [0x2000_0000, 0x2000_0400, 0x2000_0800]
    private static let pageCount: UInt64 = 512
    private static let base: UInt64 = 0x1_0030_0000
    private static let source: UInt64 = 0x2001_0000

    private static let leaves: [Leaf] = [
        .mngCreate, .mngKeyConfig, .mngKeyConfig, .mngKeyConfig, .mngAddCX, .mngAddCX, .mngAddCX, .mngAddCX,
        .mngInit, .mngInit, .vpCreate, .vpAddCX, .vpAddCX, .vpAddCX, .vpAddCX, .vpInit, .vpFlush, .mngVPFlushDone,
        .mngKeyFreeID, .phymemCacheWB, .phymemCacheWB, .phymemPageReclaim, .phymemPageReclaim, .phymemPageRDMD,
        .phymemPageWBINVD, .mngRD, .vpRD, .vpWR, .mngWR, .memSEPTAdd, .memSEPTAdd, .memPageAdd, .memPageAdd,
        .memPageAug, .memPageAug, .memPageRemove, .memRangeBlock, .memRangeUnblock, .memTrack, .memSEPTRemove,
        .memSEPTRD, .mrExtend, .mrFinalize, .memPageRelocate, .vpEnter, .memPageDemote, .memPagePromote, .memRD,
    ]

    private var generator: SeededGenerator
    private var tds: [UInt64] = []
    private var vcpus: [UInt64] = []

    init(seed: UInt64) { generator = SeededGenerator(seed: seed) }

    private mutating func page() -> UInt64 {
        switch Int.random(in: 0..<60, using: &generator) {
        case 0: 0x3000_0000
        case 1: Self.base + 0x800
        case 2: Self.base | 33 << 46
        default: Self.base + UInt64.random(in: 0..<Self.pageCount, using: &generator) << 12
        }
    }

    private mutating func one(of pages: [UInt64]) -> UInt64 {
        guard Int.random(in: 0..<12, using: &generator) > 0, let page = pages.randomElement(using: &generator) else {
            return page()
        }
        return page
    }

    private mutating func gpa(_ levels: ClosedRange<UInt64>) -> UInt64 {
        let level = UInt64.random(in: levels, using: &generator)
        return UInt64.random(in: 0..<3, using: &generator) << (12 + 9 * level) | level
    }

    mutating func draw() -> (Leaf, Registers, Processor) {
        let leaf = Self.leaves[Int.random(in: Self.leaves.indices, using: &generator)]
        var registers = Registers(rcx: page(), rdx: one(of: tds), r8: page(), r9: Self.source)
        switch leaf {
        case .mngCreate: registers.rdx = UInt64.random(in: 32...36, using: &generator)
        case .mngInit:
            registers.rcx = one(of: tds)
            registers.rdx = Self.parameters[Int.random(in: Self.parameters.indices, using: &generator)]
        case .mngKeyConfig, .mngKeyFreeID, .memTrack: registers.rcx = one(of: tds)
        case .mngVPFlushDone, .mrFinalize:
            // What cannot be taken back is rare, or no TD would live to be built.
            registers.rcx = Int.random(in: 0..<12, using: &generator) == 0 ? one(of: tds) : page()
        case .vpAddCX: registers.rdx = one(of: vcpus)
        case .vpInit, .vpFlush, .vpEnter: registers.rcx = one(of: vcpus)
        case .phymemCacheWB: registers.rcx = UInt64.random(in: 0...2, using: &generator)
        case .mngRD, .vpRD, .mngWR, .vpWR:
            registers.rcx = one(of: leaf == .vpRD || leaf == .vpWR ? vcpus : tds)
            let fields: [UInt64] = [0x8010_0003_0000_0004, 0xa020_0002_0000_0002, 0x2020_0000_0000_000b, 0x11]
            registers.rdx = fields[Int.random(in: fields.indices, using: &generator)]
        case .memSEPTAdd, .memSEPTRemove: registers.rcx = gpa(1...3)
        case .memPageAug, .memPageRemove, .memRangeBlock, .memRangeUnblock, .memSEPTRD, .memPageDemote,
            .memPagePromote:
            registers.rcx = gpa(0...1)
        case .memPageAdd, .mrExtend, .memPageRelocate, .memRD: registers.rcx = gpa(0...0)
        default: break
        }
        return (leaf, registers, Processor(rawValue: UInt32.random(in: 0..<4, using: &generator)))
    }

    /// Remembers what a call that succeeded made of its page.
    mutating func note(_ leaf: Leaf, _ input: Registers) {
        switch leaf {
        case .mngCreate: tds.append(input.rcx)
        case .vpCreate: vcpus.append(input.rcx)
        case .phymemPageReclaim:
            tds.removeAll { $0 == input.rcx }
            vcpus.removeAll { $0 == input.rcx }
        default: break
        }
    }
}

@Suite("Random calls")
struct PropertyTests {
    /// Without a reserved area, whose thousands of entries every snapshot would go through.
    private static func platform(processors: Int = 4) -> FakePlatform {
        var platform = FakePlatform.oracle(processors: processors, packages: 2)
        platform.tdmrs[0].reserved = []
        return platform
    }

    private static func prepare(_ fake: FakeTDX) throws {
        for (address, maxVCPUs) in zip(CallDrawer.parameters, [0, 1, 4] as [UInt16]) {
            fake.writePhysical(try TDParams(maxVCPUs: maxVCPUs, tscFrequency: 100).encoded(), at: address)
        }
    }

    @Test("keep the page table, the key table and the counts consistent, and hold no lock")
    func consistent() throws {
        let seed = UInt64.random(in: 0..<UInt64.max)
        print("PropertyTests seed \(seed)")
        var successes = 0
        for round: UInt64 in 0..<6 {
            var drawer = CallDrawer(seed: seed &+ round)
            let fake = try FakeTDX(platform: Self.platform())
            try Self.prepare(fake)
            for step in 0..<3000 {
                let (leaf, input, lp) = drawer.draw()
                var registers = input
                if try fake.call(leaf, &registers, on: lp) == .success {
                    successes += 1
                    drawer.note(leaf, input)
                }
                if step % 250 == 0 { #expect(fake.inconsistencies() == [], "seed \(seed), step \(step), \(leaf.name)") }
            }
            #expect(fake.inconsistencies() == [], "seed \(seed)")
            #expect(!fake.snapshot().isAnyLockHeld, "seed \(seed)")
        }
        // Far below what any seed gives: the draw must not degenerate into refusals unnoticed.
        #expect(successes > 500, "the calls were drawn badly: seed \(seed)")
    }

    /// Leaves that may leave a trace when they do not succeed, and why.
    private static let exceptions: [Leaf] = [
        // The association stays; a started write-back may drop an older position; the vCPU ran.
        .vpRD, .vpWR, .phymemCacheWB, .vpEnter,
    ]

    @Test("change nothing when they are refused")
    func refusalsChangeNothing() throws {
        let seed = UInt64.random(in: 0..<UInt64.max)
        print("PropertyTests seed \(seed)")
        var drawer = CallDrawer(seed: seed)
        let fake = try FakeTDX(platform: Self.platform())
        try Self.prepare(fake)
        var before = fake.snapshot()
        for step in 0..<2000 {
            let (leaf, input, lp) = drawer.draw()
            var registers = input
            let completion = try fake.call(leaf, &registers, on: lp)
            if completion == .success { drawer.note(leaf, input) }
            let after = fake.snapshot()
            if completion != .success, !Self.exceptions.contains(leaf) {
                let isUnchanged = before == after
                #expect(isUnchanged, "\(leaf.name) \(completion): seed \(seed), step \(step)")
            }
            before = after
        }
    }

    @Test("from eight threads at once leave everything consistent")
    func threads() throws {
        let seed = UInt64.random(in: 0..<UInt64.max)
        print("PropertyTests seed \(seed)")
        // A processor executes one call at a time, so each thread is a processor of its own.
        let fake = try FakeTDX(platform: Self.platform(processors: 8))
        try Self.prepare(fake)
        let threads = (0..<8).map { number in
            Thread {
                // Half of the threads go the same way, and meet on the same pages.
                var drawer = CallDrawer(seed: seed &+ UInt64(number / 2))
                for _ in 0..<4000 {
                    let (leaf, input, _) = drawer.draw()
                    var registers = input
                    let completion = try? fake.call(leaf, &registers, on: Processor(rawValue: UInt32(number)))
                    if completion == .success { drawer.note(leaf, input) }
                }
            }
        }
        for thread in threads { thread.join() }
        #expect(fake.inconsistencies() == [], "seed \(seed)")
        #expect(!fake.snapshot().isAnyLockHeld, "seed \(seed)")
    }
}
