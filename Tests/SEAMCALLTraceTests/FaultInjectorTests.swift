import FakeTDX
import SEAMCALLTrace
import TDXCalls
import Testing
import Threading

@Suite("Fault injector")
struct FaultInjectorTests {
    private let lp = Processor(rawValue: 0)
    private let tdr: UInt64 = 0x1_0010_0000

    private func create(_ port: some SEAMCALLPort, _ page: UInt64, _ keyID: UInt64) throws(PortError) -> Completion {
        var registers = Registers(rcx: page, rdx: keyID)
        return try port.call(.mngCreate, &registers, on: lp)
    }

    private func type(_ fake: FakeTDX, _ page: UInt64) throws -> UInt64 {
        var registers = Registers(rcx: page)
        _ = try fake.call(.phymemPageRDMD, &registers, on: lp)
        return registers.rcx
    }

    @Test("answers instead of the module: nothing happens there, and the registers stay")
    func answer() throws {
        let fake = try FakeTDX()
        let port = FaultInjector(fake)
        let id = try #require(port.add(FaultRule(leaf: .mngCreate, .answer(.rndNoEntropy))))
        #expect(try create(port, tdr, 33) == .rndNoEntropy)
        #expect(try type(fake, tdr) == 0)
        #expect(try create(port, tdr, 33) == .success, "only the first call was meant")
        #expect(port.timesFired(id) == 1)
    }

    @Test("answers after the module: it happened all the same")
    func answerAfterwards() throws {
        let fake = try FakeTDX()
        let port = FaultInjector(fake)
        _ = port.add(FaultRule(.answerAfterwards(Completion(.operandBusy, operand: .rcx))))
        #expect(try create(port, tdr, 33) == Completion(.operandBusy, operand: .rcx))
        #expect(try type(fake, tdr) == PageType.tdr.rawValue)
    }

    @Test("fails before or after the call, as a broken port would")
    func portFailures() throws {
        let fake = try FakeTDX()
        let port = FaultInjector(fake)
        _ = port.add(FaultRule(.failBefore(PortError(.notExecuted, "gone"))))
        _ = port.add(FaultRule(occurrences: 2...2, .failAfter(PortError(.outcomeUnknown, "lost"))))
        #expect(throws: PortError(.notExecuted, "gone")) { try create(port, tdr, 33) }
        #expect(try type(fake, tdr) == 0)
        #expect(throws: PortError(.outcomeUnknown, "lost")) { try create(port, tdr, 33) }
        #expect(try type(fake, tdr) == PageType.tdr.rawValue)
    }

    @Test("picks calls by leaf, occurrence, processor and page; each rule counts for itself")
    func selection() throws {
        let fake = try FakeTDX()
        let port = FaultInjector(fake)
        _ = port.add(FaultRule(leaf: .mngCreate, occurrences: 2...3, .answer(.rndNoEntropy)))
        let elsewhere = try #require(
            port.add(FaultRule(processor: Processor(rawValue: 1), occurrences: 1...100, .answer(.sysBusy))))
        let other = try #require(
            port.add(FaultRule(pages: [tdr + 0x2000], occurrences: 1...100, .answer(.tdFatal))))
        #expect(try create(port, tdr, 33) == .success)
        #expect(try create(port, tdr + 0x1000, 34) == .rndNoEntropy)
        #expect(try create(port, tdr + 0x2000, 34) == .rndNoEntropy, "the first rule in turn acts")
        #expect(try create(port, tdr + 0x2000, 34) == .tdFatal)
        #expect(try create(port, tdr + 0x1000, 34) == .success)
        #expect(port.timesFired(elsewhere) == 0)
        #expect(port.timesFired(other) == 1)
        port.remove(other)
        #expect(port.timesFired(other) == nil)
        #expect(try create(port, tdr + 0x2000, 35) == .success)
    }

    @Test("delays a call, which is then made")
    func delay() throws {
        let fake = try FakeTDX()
        let port = FaultInjector(fake)
        _ = port.add(FaultRule(.delay(.milliseconds(20))))
        let start = MonotonicTime.now
        #expect(try create(port, tdr, 33) == .success)
        #expect(MonotonicTime.now.duration(since: start) >= .milliseconds(20))
    }

    @Test("lets the wrappers' one retry for entropy be seen: nine failures are forgiven, ten are not")
    func entropyRetry() throws {
        for (failures, isForgiven) in [(9, true), (10, false)] {
            let fake = try FakeTDX()
            let port = FaultInjector(fake)
            _ = port.add(FaultRule(leaf: .mngCreate, occurrences: 1...failures, .answer(.rndNoEntropy)))
            let module = TDXModule(calls: port, host: fake)
            let creation = module.tdh_mng_create(
                HostPage(try fake.allocatePage()), HostKeyID(try fake.allocateKeyID()), on: lp)
            switch consume creation {
            case .accepted: #expect(isForgiven)
            case .refused(_, _, let error):
                #expect(!isForgiven)
                #expect(error.completion == .rndNoEntropy)
            }
        }
    }

    @Test("takes no more rules than it may hold")
    func bounded() throws {
        let port = FaultInjector(try FakeTDX())
        for _ in 0..<FaultInjector.rulesMax { #expect(port.add(FaultRule(.answer(.success))) != nil) }
        #expect(port.add(FaultRule(.answer(.success))) == nil)
    }
}
