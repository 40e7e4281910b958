import FakeTDX
import TDXCalls
import Testing

@Suite("TDH.SYS.*")
struct SystemTests {
    private let list: UInt64 = 0x1_0000
    private let information: UInt64 = 0x1_1000

    /// A module that is loaded and nothing else, with registers kept from call to call.
    private final class Machine {
        let fake: FakeTDX
        var registers = Registers()

        init(platform: FakePlatform = .oracle) throws { fake = try FakeTDX(platform: platform, start: .loaded) }

        func call(
            _ leaf: Leaf, _ rcx: UInt64 = 0, _ rdx: UInt64 = 0, r8: UInt64 = 0, r9: UInt64 = 0, on lp: UInt32 = 0
        ) throws -> Completion {
            registers = Registers(rcx: rcx, rdx: rdx, r8: r8, r9: r9)
            return try fake.call(leaf, &registers, on: Processor(rawValue: lp))
        }

        func write(_ words: [UInt64], at address: UInt64) {
            fake.writePhysical(
                words.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64(8 * $0)) } },
                at: address)
        }
    }

    private func initialized() throws -> Machine {
        let machine = try Machine()
        #expect(try machine.call(.sysInit) == .success)
        for lp: UInt32 in 0..<4 { #expect(try machine.call(.sysLPInit, on: lp) == .success) }
        machine.write([information], at: list)
        machine.write(tdmr, at: information)
        return machine
    }

    /// TDMR_INFO of the oracle's first TDMR.
    private let tdmr: [UInt64] = [
        0x1_0000_0000, 0x4000_0000, 0x4040_2000, 0x1000, 0x4040_0000, 0x2000, 0x4000_0000, 0x40_0000, 0x3f00_0000,
        0x100_0000,
    ]

    @Test("bring the module up in their order only, to a state in which a TD can be created")
    func bringUp() throws {
        let machine = try Machine()
        #expect(try machine.call(.mngCreate, 0x1_0010_0000, 33) == .sysNotReady)
        #expect(try machine.call(.sysTDMRInit, 0x1_0000_0000) == .sysNotReady)
        #expect(try machine.call(.sysLPInit) == .sysLPInitNotPending)
        #expect(try machine.call(.sysConfig) == .sysConfigNotPending)
        #expect(try machine.call(.sysKeyConfig) == .sysKeyConfigNotPending)
        #expect(try machine.call(.sysInit, 1) == Completion(.operandInvalid, operand: .rcx))
        #expect(try machine.call(.sysInit) == .success)
        #expect(try machine.call(.sysInit) == .sysInitNotPending)
        for lp: UInt32 in 0..<3 { #expect(try machine.call(.sysLPInit, on: lp) == .success) }
        #expect(try machine.call(.sysLPInit, on: 0) == .sysLPInitDone)
        machine.write([information], at: list)
        machine.write(tdmr, at: information)
        #expect(try machine.call(.sysConfig, list, 1, r8: 32) == .sysConfigNotPending, "one processor is missing")
        #expect(try machine.call(.sysLPInit, on: 3) == .success)
        #expect(try machine.call(.sysConfig, list, 1, r8: 32) == .success)
        #expect(try machine.call(.sysKeyConfig, on: 0) == .success)
        #expect(try machine.call(.sysKeyConfig, on: 1) == .keyConfigured)
        #expect(try machine.call(.sysKeyConfig, on: 2) == .success)
        #expect(
            try machine.call(.mngCreate, 0x1_0010_0000, 33) == Completion(.operandAddrRangeError, operand: .rcx))
        for step in 1...256 {
            #expect(try machine.call(.sysTDMRInit, 0x1_0000_0000) == .success)
            #expect(machine.registers.rdx == (step < 256 ? 0x1_0000_0000 : 0x1_4000_0000))
        }
        #expect(try machine.call(.sysTDMRInit, 0x1_0000_0000) == .tdmrAlreadyInitialized)
        #expect(try machine.call(.mngCreate, 0x1_0010_0000, 33) == .success)
        #expect(try machine.call(.mngCreate, 0x1_0020_0000, 32) == .hkidNotFree)
    }

    @Test("start READY where bringing up leads: the same state, apart from the second TDMR")
    func readyStart() throws {
        let machine = try initialized()
        #expect(try machine.call(.sysConfig, list, 1, r8: 32) == .success)
        for lp: UInt32 in [0, 2] { #expect(try machine.call(.sysKeyConfig, on: lp) == .success) }
        while try machine.call(.sysTDMRInit, 0x1_0000_0000) == .success {}
        var platform = FakePlatform.oracle
        platform.tdmrs.removeLast()
        let isSame = try machine.fake.snapshot() == FakeTDX(platform: platform).snapshot()
        #expect(isSame)
    }

    /// A word of TDMR_INFO changed, and what SYS.CONFIG says to it.
    static let badTDMRs: [(word: Int, value: UInt64, Completion)] = [
        (0, 0x1_0010_0000, .invalidTDMR), (1, 0, .invalidTDMR), (1, 0x4010_0000, .invalidTDMR),
        (0, 0x4001_0000_0000, .invalidTDMR), (0, 0xffff_ffff_c000_0000, .invalidTDMR),
        (6, 0x4000_0800, .invalidPAMT), (7, 0x3f_f000, .invalidPAMT),
        (5, 0x1000, Completion(rawValue: Completion.invalidPAMT.rawValue | 0x100)),
        (3, 0, Completion(rawValue: Completion.invalidPAMT.rawValue | 0x200)),
        (6, 0x11_0000_0000, .pamtOutsideCMRs), (6, 0x1_1000_0000, .pamtOverlap), (4, 0x4000_0000, .pamtOverlap),
        (8, 0x800, .invalidReservedInTDMR), (8, 0x3ff0_0000, .invalidReservedInTDMR),
        (0, 0x10_0000_0000, .tdmrOutsideCMRs),
    ]

    @Test("CONFIG refuses a TDMR that cannot be, by kind and level", arguments: badTDMRs)
    func badTDMR(word: Int, value: UInt64, completion: Completion) throws {
        let machine = try initialized()
        var words = tdmr
        words[word] = value
        machine.write(words, at: information)
        #expect(try machine.call(.sysConfig, list, 1, r8: 32) == completion)
        machine.write(tdmr, at: information)
        #expect(try machine.call(.sysConfig, list, 1, r8: 32) == .success)
    }

    @Test("CONFIG looks at the list's address, its length and the KeyID, and costs the host a KeyID when it then fails")
    func configOrder() throws {
        let machine = try initialized()
        let invalid = { (operand: OperandID) in Completion(.operandInvalid, operand: operand) }
        #expect(try machine.call(.sysConfig, list + 8, 0, r8: 0) == invalid(.rcx))
        #expect(try machine.call(.sysConfig, list, 0, r8: 0) == invalid(.rdx))
        #expect(try machine.call(.sysConfig, list, 65, r8: 0) == invalid(.rdx))
        #expect(try machine.call(.sysConfig, list, 1, r8: 31) == invalid(.r8))
        machine.write([information | 33 << 46], at: list)
        #expect(
            try machine.call(.sysConfig, list, 1, r8: 40)
                == Completion(.operandInvalid, operand: OperandID(rawValue: 96)))
        machine.write([information], at: list)
        #expect(try machine.call(.sysConfig, list, 1, r8: 32) == .success)
        for lp: UInt32 in [0, 2] { #expect(try machine.call(.sysKeyConfig, on: lp) == .success) }
        while try machine.call(.sysTDMRInit, 0x1_0000_0000) == .success {}
        #expect(try machine.call(.mngCreate, 0x1_0010_0000, 40) == .hkidNotFree)
    }

    @Test("find the module's lock busy without naming an operand")
    func busy() throws {
        let machine = try Machine()
        #expect(machine.fake.hold(.system, exclusively: false))
        #expect(try machine.call(.sysInit) == .sysBusy)
        #expect(machine.fake.release(.system))
        #expect(try machine.call(.sysInit) == .success)
        #expect(machine.fake.hold(.system, exclusively: false))
        #expect(try machine.call(.sysLPInit) == .success, "this leaf shares the lock")
    }

    @Test("INFO answers lengths, zero on a refusal, and the same values as RD")
    func info() throws {
        let fake = try FakeTDX()
        var registers = Registers(rcx: 0x2000_0000, rdx: 1023, r8: 0x2000_1000, r9: 32)
        let lp = Processor(rawValue: 0)
        #expect(try fake.call(.sysInfo, &registers, on: lp) == Completion(.operandInvalid, operand: .rdx))
        #expect(registers.rdx == 0)
        registers = Registers(rcx: 0x2000_0000, rdx: 2000, r8: 0x2000_1000, r9: 100)
        #expect(try fake.call(.sysInfo, &registers, on: lp) == .success)
        #expect(registers.rdx == 1024)
        #expect(registers.r9 == 32)
        let attributes = fake.readPhysical(at: 0x2000_0040, count: 8)
        #expect(attributes == [1, 0, 0, 0x70, 0, 0, 0, 0x80])
    }

    @Test("RD walks all fields and ends with all ones; RDALL lists what it reads")
    func walk() throws {
        let fake = try FakeTDX()
        let lp = Processor(rawValue: 0)
        var registers = Registers(rdx: .max)
        #expect(try fake.call(.sysRD, &registers, on: lp) == .metadataFirstFieldIDInContext)
        var count = 0
        while registers.rdx != .max, count < 1000 {
            registers.r8 = 0
            let answer = try fake.call(.sysRD, &registers, on: lp)
            if case .metadataFieldSkip = answer { break }
            #expect(answer == .success)
            count += 1
        }
        #expect(count > 60)
        registers = Registers(rdx: 0x2000_0000, r8: .max)
        #expect(try fake.call(.sysRDAll, &registers, on: lp) == .success)
        let header = fake.readPhysical(at: 0x2000_0000, count: 24)
        #expect(Array(header[8..<16]) == [0, 0, 0, 0, 2, 0, 0, 0], "NUM_PKGS comes first")
        #expect(header[16] == 2)
    }

    @Test("SHUTDOWN leaves nothing that works but SYS.LP.SHUTDOWN")
    func shutdown() throws {
        let fake = try FakeTDX()
        let lp = Processor(rawValue: 0)
        var registers = Registers(rcx: 1)
        #expect(try fake.call(.sysShutdown, &registers, on: lp) == Completion(.operandInvalid, operand: .rcx))
        registers = Registers()
        #expect(try fake.call(.sysShutdown, &registers, on: lp) == .success)
        #expect(try fake.call(.sysRD, &registers, on: lp) == .sysShutdown)
        #expect(try fake.call(.phymemPageRDMD, &registers, on: lp) == .sysShutdown)
        #expect(try fake.call(.sysLPShutdown, &registers, on: lp) == .success)
    }

    @Test(
        "the dispatcher refuses reserved bits, versions and unknown leaves alike",
        arguments: [0x100_0009, 1 << 63 | 9, .max, 0x1_0009, 0x1_0016, 0x2_000b, 0x2_001a, 42, 46, 63, 200, 0xffff])
    func dispatcher(rax: UInt64) throws {
        let stage = try Stage(.created)
        try stage.refuse(.operandInvalid, .rax, Leaf(rawValue: rax), Stage.Page.free, 34)
    }
}
