import FakeReplay
import FakeTDX
import SEAMCALLTrace
import TDXCalls
import Testing
import Threading

@Suite("Recorder")
struct RecorderTests {
    private let first = Processor(rawValue: 0)
    private let second = Processor(rawValue: 2)

    /// A TD's life through the wrappers, with what is refused on the way.
    private func life(_ recorder: Recorder) throws {
        let module = TDXModule(calls: recorder, host: recorder)
        func page() throws -> HostPage { HostPage(try recorder.allocatePage()) }
        let creation = module.tdh_mng_create(try page(), HostKeyID(try recorder.allocateKeyID()), on: first)
        guard case .accepted(var td) = creation else {
            Issue.record("CREATE was refused")
            return
        }
        try module.tdh_mng_key_config(td, on: first)
        try module.tdh_mng_key_config(td, on: second)
        for _ in 0..<6 {
            if case .accepted(let address) = module.tdh_mng_addcx(td, try page(), on: first) {
                td.tdcs.append(address)
            }
        }
        #expect(td.tdcs.count == 6)
        let memory = try recorder.allocateMemory(bytes: TDParams.sizeBytes)
        recorder.write(try TDParams(maxVCPUs: 1, tscFrequency: 1).encoded(), to: memory, at: 0)
        #expect(throws: SEAMCALLError.self) { try module.tdh_mng_init(td, memory, on: first) }
        recorder.write(try TDParams(maxVCPUs: 1, tscFrequency: 100).encoded(), to: memory, at: 0)
        try module.tdh_mng_init(td, memory, on: first)
        let maxVCPUs = try #require(FieldInfo.named("MAX_VCPUS", in: .td)?.id)
        #expect(try module.tdh_mng_rd(td, maxVCPUs, on: first) == 1)
        try module.tdh_mng_vpflushdone(td, on: first)
        for processor in [first, second] { try module.tdh_phymem_cache_wb(resume: false, on: processor) }
        try module.tdh_mng_key_freeid(td, on: first)
        for page in td.tdcs { try module.tdh_phymem_page_reclaim(page.any, on: first) }
        #expect(try module.tdh_phymem_page_reclaim(td.tdr.any, on: first).type == .tdr)
        try module.tdh_phymem_page_wbinvd_tdr(td, on: first)
    }

    @Test("what it wrote down, written to a file's form and replayed on a fresh fake, agrees with itself")
    func replayed() throws {
        let fake = try FakeTDX()
        let recorder = Recorder(calls: fake, host: fake)
        try life(recorder)
        let trace = recorder.trace(named: "life")
        let calls = trace.steps.filter { if case .call = $0 { true } else { false } }
        #expect(calls.count == 24)
        let file = try TraceFile(json: TraceFile(traces: [trace]).json())
        #expect(file.traces == [trace])
        var lines: [String] = []
        #expect(replay(file.traces) { lines.append($0) } == 0)
        #expect(lines == ["1 traces: 1 agree, 0 differ"])
    }

    @Test("a recording that was tampered with is found out: trace, step, call, expected, got")
    func tampered() throws {
        let fake = try FakeTDX()
        let recorder = Recorder(calls: fake, host: fake)
        try life(recorder)
        var trace = recorder.trace(named: "life")
        guard case .call(var create) = trace.steps[0] else {
            Issue.record("CREATE comes first")
            return
        }
        create.in["rdx"] = Hex(rawValue: 32)
        trace.steps[0] = .call(create)
        let differences = Replayer.replay(trace, on: try FakeReplayTarget(for: trace))
        let difference = try #require(differences.first)
        #expect(difference.trace == "life")
        #expect(difference.step == 0)
        #expect(difference.expected.contains("TDX_SUCCESS"))
        #expect(difference.got.contains("TDX_HKID_NOT_FREE"))
    }

    @Test("writes down raw leaves and odd RAX values as they were")
    func rawLeaves() throws {
        let fake = try FakeTDX()
        let recorder = Recorder(calls: fake, host: fake)
        for rax: UInt64 in [0x2e, 0x1_0016, 1 << 63 | 9] {
            var registers = Registers(rcx: 7)
            _ = try recorder.call(Leaf(rawValue: rax), &registers, on: first)
        }
        let trace = recorder.trace(named: "raw")
        let leaves = try trace.steps.compactMap { step -> UInt64? in
            if case .call(let call) = step { try call.leaf().rawValue } else { nil }
        }
        #expect(leaves == [0x2e, 0x1_0016, 1 << 63 | 9])
        #expect(replay([trace]) { _ in } == 0)
    }

    @Test("keeps as many steps as it may, and counts the rest")
    func bounded() throws {
        let fake = try FakeTDX()
        let recorder = Recorder(calls: fake, host: fake, stepsMax: 3)
        for _ in 0..<5 {
            var registers = Registers()
            _ = try recorder.call(.phymemCacheWB, &registers, on: first)
        }
        #expect(recorder.trace(named: "t").steps.count == 3)
        #expect(recorder.droppedSteps == 2)
    }

    @Test("calls from several threads are all written down")
    func threads() throws {
        let fake = try FakeTDX()
        let recorder = Recorder(calls: fake, host: fake)
        let threads = (0..<4).map { number in
            Thread {
                for _ in 0..<200 {
                    var registers = Registers(rcx: 0x1_0010_0000)
                    _ = try? recorder.call(.phymemPageRDMD, &registers, on: Processor(rawValue: UInt32(number)))
                }
            }
        }
        for thread in threads { thread.join() }
        #expect(recorder.trace(named: "t").steps.count == 800)
    }

    @Test("a port failure is a note, and is passed on")
    func portFailure() throws {
        let fake = try FakeTDX()
        let recorder = Recorder(calls: fake, host: fake)
        var registers = Registers()
        #expect(throws: PortError.self) { try recorder.call(.sysRD, &registers, on: Processor(rawValue: 99)) }
        guard case .fact(let note) = try #require(recorder.trace(named: "t").steps.first) else {
            Issue.record("the failure was not noted")
            return
        }
        #expect(note.note?.contains("TDH.SYS.RD") == true)
    }
}
