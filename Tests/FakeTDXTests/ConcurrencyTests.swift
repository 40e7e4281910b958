import FakeTDX
import Synchronization
import TDXCalls
import Testing
import Threading

@Suite("Many threads on one fake")
struct ConcurrencyTests {
    /// Repeats what found a lock taken; nothing in the module waits, so the host has to.
    private static func call(
        _ fake: FakeTDX, _ leaf: Leaf, _ registers: Registers, on lp: Processor
    ) throws(PortError) -> (Completion, Registers) {
        while true {
            var attempt = registers
            let completion = try fake.call(leaf, &attempt, on: lp)
            if case .operandBusy = completion { continue }
            return (completion, attempt)
        }
    }

    private struct Unexpected: Error {
        let leaf: Leaf
        let completion: Completion
    }

    private static func succeed(
        _ fake: FakeTDX, _ leaf: Leaf, _ registers: Registers, on lp: Processor
    ) throws {
        let (completion, _) = try call(fake, leaf, registers, on: lp)
        guard completion == .success else { throw Unexpected(leaf: leaf, completion: completion) }
    }

    /// One TD's life with two vCPUs on pages of its own.
    private static func life(_ fake: FakeTDX, base: UInt64, keyID: UInt64, parameters: UInt64, lp: Processor) throws {
        let other = Processor(rawValue: lp.rawValue ^ 2)
        try succeed(fake, .mngCreate, Registers(rcx: base, rdx: keyID), on: lp)
        for processor in [lp, other] { try succeed(fake, .mngKeyConfig, Registers(rcx: base), on: processor) }
        for page: UInt64 in 1...6 {
            try succeed(fake, .mngAddCX, Registers(rcx: base + page << 12, rdx: base), on: lp)
        }
        try succeed(fake, .mngInit, Registers(rcx: base, rdx: parameters), on: lp)
        for (vcpu, processor) in [(base + 0x10000, lp), (base + 0x20000, other)] {
            try succeed(fake, .vpCreate, Registers(rcx: vcpu, rdx: base), on: processor)
            for page: UInt64 in 1...5 {
                try succeed(fake, .vpAddCX, Registers(rcx: vcpu + page << 12, rdx: vcpu), on: processor)
            }
            try succeed(fake, .vpInit, Registers(rcx: vcpu), on: processor)
            try succeed(fake, .vpFlush, Registers(rcx: vcpu), on: processor)
        }
        try succeed(fake, .mngVPFlushDone, Registers(rcx: base), on: lp)
        for processor in [lp, other] {
            let (completion, _) = try call(fake, .phymemCacheWB, Registers(), on: processor)
            guard completion == .success else { throw Unexpected(leaf: .phymemCacheWB, completion: completion) }
        }
        try succeed(fake, .mngKeyFreeID, Registers(rcx: base), on: lp)
        let children = (1...6).map { base + $0 << 12 } + (0...5).map { base + 0x10000 + $0 << 12 }
        for page in children + (0...5).map({ base + 0x20000 + $0 << 12 }) {
            try succeed(fake, .phymemPageReclaim, Registers(rcx: page), on: lp)
        }
        try succeed(fake, .phymemPageReclaim, Registers(rcx: base), on: lp)
    }

    @Test("eight threads build and tear down TDs side by side; nothing is left, no lock is held")
    func lives() throws {
        let fake = try FakeTDX()
        let parameters: UInt64 = 0x2000_0000
        fake.writePhysical(try TDParams(maxVCPUs: 2, tscFrequency: 100).encoded(), at: parameters)
        let failures = Locked<[String]>([])
        let threads = (0..<8).map { number in
            Thread {
                for _ in 0..<12 {
                    do {
                        try Self.life(
                            fake, base: 0x1_0100_0000 + UInt64(number) << 20, keyID: 33 + UInt64(number),
                            parameters: parameters, lp: Processor(rawValue: UInt32(number % 4)))
                    } catch {
                        failures.withLock { $0.append("\(error)") }
                        return
                    }
                }
            }
        }
        for thread in threads { thread.join() }
        #expect(failures.withLock { $0 } == [])
        let snapshot = fake.snapshot()
        #expect(snapshot.ownedPages == 0)
        #expect(!snapshot.isAnyLockHeld)
        #expect(fake.inconsistencies() == [])
    }

    @Test("contention is real: two threads on one TD find each other's locks, and never both win a page")
    func contention() throws {
        let stage = try Stage(.memory)
        let fake = stage.fake
        let busy = Atomic<Int>(0)
        let won = Atomic<Int>(0)
        let pages = 400
        let threads = (0..<4).map { number in
            Thread {
                for page in 0..<pages {
                    let address = 0x1_0200_0000 + UInt64(page) << 12
                    var registers = Registers(
                        rcx: UInt64(page + 1) << 12, rdx: Stage.Page.tdr, r8: address, r9: Stage.Page.source)
                    // What the port says of a processor that exists is not in question here.
                    let completion = try? fake.call(.memPageAug, &registers, on: Processor(rawValue: UInt32(number)))
                    switch completion {
                    case .success?: won.wrappingAdd(1, ordering: .relaxed)
                    case .operandBusy?: busy.wrappingAdd(1, ordering: .relaxed)
                    default: break
                    }
                }
            }
        }
        for thread in threads { thread.join() }
        let owned = fake.snapshot().ownedPages
        #expect(won.load(ordering: .relaxed) == owned - 1 - 6 - 6 - 3 - 1)
        #expect(won.load(ordering: .relaxed) <= pages)
        #expect(fake.inconsistencies() == [])
        #expect(!fake.snapshot().isAnyLockHeld)
    }

    @Test("field reads of one vCPU from several processors associate it with exactly one")
    func association() throws {
        for _ in 0..<50 {
            let stage = try Stage(.vcpuInitialized)
            try stage.accept(.vpFlush, Stage.Page.tdvpr)
            let fake = stage.fake
            let won = Atomic<Int>(0)
            let threads = (0..<4).map { number in
                Thread {
                    var registers = Registers(rcx: Stage.Page.tdvpr, rdx: 0xa020_0002_0000_0002)
                    let completion = try? fake.call(.vpRD, &registers, on: Processor(rawValue: UInt32(number)))
                    if completion == .success { won.wrappingAdd(1, ordering: .relaxed) }
                }
            }
            for thread in threads { thread.join() }
            #expect(won.load(ordering: .relaxed) == 1)
            #expect(fake.inconsistencies() == [])
        }
    }
}
