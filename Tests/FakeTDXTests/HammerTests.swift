import FakeTDX
import FoundationEssentials
import Synchronization
import TDXCalls
import Testing
import Threading

/// Draws calls on a few TDs, vCPUs, KeyIDs and guest addresses that all threads share, so that they meet: most are the
/// next of some TD's life, the rest anything.
private struct HammerDrawer {
    private static let tds: [UInt64] = (0..<4).map { 0x1_0030_0000 + $0 << 12 }
    private static let vcpus: [UInt64] = (0..<8).map { 0x1_0031_0000 + $0 << 12 }
    private static let firstPage: UInt64 = 0x1_0040_0000
    private static let pageCount: UInt64 = 400
    private static let source: UInt64 = 0x2001_0000
    private static let keyIDs: ClosedRange<UInt64> = 32...37
    private static let gpas: UInt64 = 4

    /// Every number that could be a leaf, but for the end of the module.
    private static let numbers: [UInt16] = (0...60).filter { $0 != Leaf.sysShutdown.number }

    /// A life as a host would issue it; what is repeated needs several tries, or several pages.
    private static let life: [Leaf] =
        [.mngCreate, .mngKeyConfig, .mngKeyConfig, .mngKeyConfig] + Array(repeating: .mngAddCX, count: 7) + [
            .mngInit, .vpCreate,
        ] + Array(repeating: .vpAddCX, count: 6) + [
            .vpInit
        ] + Array(repeating: .memSEPTAdd, count: 9) + [
            .memPageAdd, .memPageAdd, .memPageAdd, .mrExtend, .mrExtend, .mrExtend, .memPageAug,
            .memPageAug, .memRangeBlock, .memRangeUnblock, .mrFinalize, .vpEnter, .memPageAug, .memRangeBlock,
            .memTrack, .memPageRemove, .memPageRelocate, .memSEPTRemove, .vpRD, .vpEnter, .vpFlush, .vpFlush,
            .vpFlush, .mngVPFlushDone, .phymemCacheWB, .phymemCacheWB, .mngKeyFreeID,
        ] + Array(repeating: .phymemPageReclaim, count: 30)

    private var generator: SeededGenerator
    private var step = 0
    private var td = 0

    init(seed: UInt64) { generator = SeededGenerator(seed: seed) }

    private mutating func number(_ range: Range<UInt64>) -> UInt64 { UInt64.random(in: range, using: &generator) }

    private mutating func page() -> UInt64 { Self.firstPage + number(0..<Self.pageCount) << 12 }

    private mutating func vcpu() -> UInt64 { Self.vcpus[2 * td + Int(number(0..<2))] }

    private mutating func gpa(_ levels: Range<UInt64>) -> UInt64 {
        let level = number(levels)
        // Most of them below the same tables, which are then there more often.
        let index = level > 0 && number(0..<4) > 0 ? 0 : number(0..<Self.gpas)
        return index << (12 + 9 * level) | level
    }

    private mutating func nextLeaf() -> Leaf {
        if number(0..<4) == 0 {
            let version: UInt8 = number(0..<8) == 0 ? 1 : 0
            return Leaf(Self.numbers[Int(number(0..<UInt64(Self.numbers.count)))], version: version)
        }
        step += 1
        if step >= Self.life.count {
            step = 0
            td = Int(number(0..<UInt64(Self.tds.count)))
        }
        return Self.life[step]
    }

    mutating func draw() -> (Leaf, Registers) {
        let leaf = nextLeaf()
        var registers = Registers(rcx: page(), rdx: Self.tds[td], r8: page(), r9: Self.source, r10: .max, r11: .max)
        switch leaf.number {
        case Leaf.mngCreate.number:
            registers.rcx = Self.tds[td]
            registers.rdx = UInt64.random(in: Self.keyIDs, using: &generator)
        case Leaf.mngInit.number:
            registers.rcx = Self.tds[td]
            registers.rdx = CallDrawer.parameters[Int(number(0..<3))]
        case Leaf.mngKeyConfig.number, Leaf.mngKeyFreeID.number, Leaf.memTrack.number, Leaf.mngVPFlushDone.number,
            Leaf.mrFinalize.number, Leaf.mngRD.number, Leaf.mngWR.number:
            registers.rcx = Self.tds[td]
            registers.rdx = 0x8010_0003_0000_0004
        case Leaf.vpCreate.number: registers.rcx = vcpu()
        case Leaf.vpAddCX.number: registers.rdx = vcpu()
        case Leaf.vpInit.number, Leaf.vpFlush.number, Leaf.vpEnter.number: registers.rcx = vcpu()
        case Leaf.vpRD.number, Leaf.vpWR.number:
            registers.rcx = vcpu()
            registers.rdx = 0x2020_0000_0000_000b
        case Leaf.phymemCacheWB.number: registers.rcx = number(0..<2)
        case Leaf.phymemPageReclaim.number, Leaf.phymemPageRDMD.number:
            let all = [page(), page(), vcpu(), Self.tds[td]]
            registers.rcx = all[Int(number(0..<4))]
        case Leaf.memSEPTAdd.number, Leaf.memSEPTRemove.number: registers.rcx = gpa(1..<4)
        case Leaf.memPageAdd.number, Leaf.memPageRelocate.number: registers.rcx = gpa(0..<1)
        case Leaf.mrExtend.number, Leaf.memRD.number, Leaf.memWR.number: registers.rcx = number(0..<16) << 8
        case Leaf.memPageAug.number, Leaf.memPageRemove.number, Leaf.memRangeBlock.number,
            Leaf.memRangeUnblock.number, Leaf.memSEPTRD.number, Leaf.memPageDemote.number,
            Leaf.memPagePromote.number:
            registers.rcx = gpa(0..<3)
        default: break
        }
        return (leaf, registers)
    }
}

@Suite("Eight threads at once")
struct HammerTests {
    private static let threadCount = 8
    private static let secondsDefault = 3
    /// What a busy machine may take longer until a life was lived to its end.
    private static let patience: Duration = .seconds(60)
    private static let wanted: [Leaf] =
        [.mngCreate, .mngInit, .vpInit, .memPageAdd, .mrExtend, .mngVPFlushDone, .mngKeyFreeID]

    /// `TDXD_HAMMER_SECONDS` says how long, `TDXD_HAMMER_SEED` repeats what each thread draws; how they meet is never
    /// the same twice.
    @Test("issue all leaves on the same TDs, vCPUs and pages, and leave the page table and the key table consistent")
    func hammer() throws {
        let environment = ProcessInfo.processInfo.environment
        let seconds = environment["TDXD_HAMMER_SECONDS"].flatMap { Int($0) } ?? Self.secondsDefault
        let seed = environment["TDXD_HAMMER_SEED"].flatMap { UInt64($0) } ?? UInt64.random(in: 0..<UInt64.max)
        print("seed \(seed), \(seconds) s on \(Self.threadCount) threads")
        var platform = FakePlatform.oracle(processors: Self.threadCount, packages: 2)
        platform.tdmrs[0].reserved = []
        let fake = try FakeTDX(platform: platform)
        for (address, attributes) in zip(CallDrawer.parameters, [TDAttributes(), .debug, .septVEDisable]) {
            var parameters = TDParams(maxVCPUs: 4, tscFrequency: 100)
            parameters.attributes = attributes
            fake.writePhysical(try parameters.encoded(), at: address)
        }
        let accepted = (0..<64).map { _ in Locked(0) }
        let calls = Atomic<Int>(0)
        let busy = Atomic<Int>(0)
        let end = MonotonicTime.now.advanced(by: .seconds(seconds))
        let latest = end.advanced(by: Self.patience)
        let isLived: @Sendable () -> Bool = {
            Self.wanted.allSatisfy { leaf in accepted[Int(leaf.number)].withLock { $0 > 0 } }
        }
        let threads = (0..<Self.threadCount).map { number in
            Thread {
                var drawer = HammerDrawer(seed: seed &+ UInt64(number))
                let processor = Processor(rawValue: UInt32(number))
                repeat {
                    for _ in 0..<500 {
                        var (leaf, registers) = drawer.draw()
                        // The processor is one of the platform's.
                        let completion = try? fake.call(leaf, &registers, on: processor)
                        if completion == .success { accepted[Int(leaf.number)].withLock { $0 += 1 } }
                        if case .operandBusy? = completion { busy.wrappingAdd(1, ordering: .relaxed) }
                    }
                    calls.wrappingAdd(500, ordering: .relaxed)
                } while MonotonicTime.now < end || (MonotonicTime.now < latest && !isLived())
            }
        }
        for thread in threads { thread.join() }
        #expect(fake.inconsistencies() == [], "seed \(seed)")
        #expect(!fake.snapshot().isAnyLockHeld, "seed \(seed)")
        let done = accepted.map { $0.withLock { $0 } }
        print(
            "\(calls.load(ordering: .relaxed)) calls, \(done.reduce(0, +)) accepted, "
                + "\(busy.load(ordering: .relaxed)) found a lock taken")
        // A life was lived to its end, under the others' blows.
        for leaf in Self.wanted {
            #expect(done[Int(leaf.number)] > 0, "no \(leaf.name) succeeded: seed \(seed)")
        }
    }
}
