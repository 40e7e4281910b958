import CTDXShim
import KernelShim
import SEAMCALLTrace
import ShimReplay
import TDXCalls
import Testing

@Suite("Recordings through the shim")
struct ReplayTests {
    private static func traces(_ name: String) throws -> [Trace] {
        let folders = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(2)
        return try TraceFile(path: (folders + ["Recordings", name[...]]).joined(separator: "/")).traces
    }

    @Test("The recordings whose pages the shim can give agree, one after the other on the same device")
    func onOneDevice() throws {
        let machine = try Machine()
        var replay = ShimReplay(.usedBefore) { () throws(ShimUnavailable) in machine.open() }
        var lines: [String] = []
        let code = try replay.run(try Self.traces("traces.json")) { lines.append($0) }
        #expect(code == .agree)
        #expect(replay.agree == 146)
        #expect(replay.whole == 51)
        #expect(replay.differ == 0)
        #expect(lines.last == "146 of 243 recordings replayed: 146 agree (51 with every call), 0 differ; 97 left out")
        #expect(lines.contains("mem.add: left out: host memory that is given to the module"))
        #expect(machine.pagesOut == 0)
        #expect(machine.keyIDsOut == 0)
    }

    @Test("Each agrees, the owners of all pages too, on a device of its own whose pages nobody has used")
    func onFreshDevices() throws {
        var agree = 0
        for trace in try Self.traces("traces.json") {
            let machine = try Machine()
            var replay = ShimReplay(.unused) { () throws(ShimUnavailable) in machine.open() }
            var lines: [String] = []
            #expect(try replay.run([trace]) { lines.append($0) } != .differ, "\(lines)")
            #expect(replay.formerOwners == 0)
            agree += replay.agree
        }
        #expect(agree == 146)
    }

    @Test("Where nothing can be replayed, that is told apart from agreement")
    func nothing() throws {
        let machine = try Machine()
        var replay = ShimReplay(.usedBefore) { () throws(ShimUnavailable) in machine.open() }
        #expect(try replay.run(try Self.traces("random.json")) { _ in } == .nothingReplayed)
        #expect(replay.leftOut.values.reduce(0, +) == 8)
        #expect(machine.pagesOut == 0)
        #expect(machine.keyIDsOut == 0)
    }

    @Test("An answer that is not the recorded one is a difference")
    func wrongAnswer() throws {
        let machine = try Machine()
        machine.arm(.mngKeyConfig, .answer(0xC000_0100_0000_0001))
        var replay = ShimReplay(.unused) { () throws(ShimUnavailable) in machine.open() }
        var lines: [String] = []
        let trace = try #require(try Self.traces("traces.json").first { $0.name == "tdcs.count" })
        #expect(try replay.run([trace]) { lines.append($0) } == .differ)
        #expect(lines.joined().contains("step 1: TDH.MNG.KEY.CONFIG on processor 0"))
    }

    @Test("A device that fails is no reason to leave a recording out")
    func failingDevice() throws {
        let machine = try Machine()
        machine.arm(.mngKeyConfig, .fault(TDX_SHIM_FAULT_TIMEOUT, executed: true))
        var replay = ShimReplay(.unused) { () throws(ShimUnavailable) in machine.open() }
        let trace = try #require(try Self.traces("traces.json").first { $0.name == "tdcs.count" })
        #expect(throws: ShimUnavailable.self) { _ = try replay.run([trace]) { _ in } }
        #expect(replay.leftOut.isEmpty)
    }
}
