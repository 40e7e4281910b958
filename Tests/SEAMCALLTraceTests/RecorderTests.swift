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
        let recording = MemoryRecording()
        try life(Recorder(calls: fake, host: fake, into: recording))
        let trace = recording.trace(named: "life", platform: TracePlatform(fake))
        let calls = trace.steps.filter { if case .call = $0 { true } else { false } }
        #expect(calls.count == 24)
        let file = try TraceFile(json: TraceFile(traces: [trace]).json())
        #expect(file.traces == [trace])
        var lines: [String] = []
        #expect(replay(file.traces) { lines.append($0) } == 0)
        let assumed = "its back end does not tell where the machine's memory is: 1 GiB at 0x100000000 are assumed"
        #expect(lines == ["life: \(assumed)", "1 traces: 1 agree, 0 differ"])
    }

    @Test("where the memory is not told, it is assumed where the pages are; pages that are too far apart are refused")
    func memoryNotTold() throws {
        var platform = FakePlatform.oracle
        let base: UInt64 = 0x50_0000_0000
        platform.tdmrs = [
            TDMRLayout(
                range: MemoryRange(base: base, size: 1 << 30), pamt4K: MemoryRange(base: base + 1 << 31, size: 1 << 22),
                pamt2M: MemoryRange(base: base + 3 << 30, size: 1 << 13),
                pamt1G: MemoryRange(base: base + 5 << 30, size: 1 << 12))
        ]
        platform.convertibleMemory = [MemoryRange(base: 0, size: 1 << 42)]
        let fake = try FakeTDX(platform: platform)
        let recording = MemoryRecording()
        try life(Recorder(calls: fake, host: fake, into: recording))
        var trace = recording.trace(named: "life", platform: TracePlatform(fake))
        var lines: [String] = []
        #expect(replay([trace]) { lines.append($0) } == 0)
        #expect(lines.first?.hasSuffix("1 GiB at 0x5000000000 are assumed") == true)
        guard case .call(var create) = trace.steps[0] else {
            Issue.record("CREATE comes first")
            return
        }
        create.in["rcx"] = Hex(rawValue: 0x1000)
        trace.steps.append(.call(create))
        create.in["rcx"] = Hex(rawValue: 1 << 46)
        trace.steps.append(.call(create))
        lines = []
        #expect(replay([trace]) { lines.append($0) } == 2)
        #expect(lines.count == 1 && lines[0].contains("65537 GiB apart"), "\(lines)")
    }

    @Test("registers that a back end does not name are not compared; where it names all, they are")
    func namedOutputs() throws {
        let fake = try FakeTDX()
        let recording = MemoryRecording()
        try life(Recorder(calls: fake, host: fake, into: recording))
        var trace = recording.trace(named: "life", platform: TracePlatform(fake))
        let place = try #require(
            trace.steps.lastIndex { step in
                if case .call(let call) = step { call.op == Leaf.phymemPageReclaim.name } else { false }
            })
        guard case .call(var reclaim) = trace.steps[place] else { return }
        // RCX is the page's type.
        reclaim.out = ["rcx": Hex(rawValue: 0), "rdx": Hex(rawValue: 0), "r8": Hex(rawValue: 0)]
        trace.steps[place] = .call(reclaim)
        #expect(replay([trace]) { _ in } == 1)
        trace.platform?.outputs = TracePlatform.namedOutputs
        var lines: [String] = []
        #expect(replay([trace]) { lines.append($0) } == 0)
        #expect(lines.contains("life: registers that the back end did not give back are not compared"))
    }

    @Test("a recording that was tampered with is found out: trace, step, call, expected, got")
    func tampered() throws {
        let fake = try FakeTDX()
        let recording = MemoryRecording()
        try life(Recorder(calls: fake, host: fake, into: recording))
        var trace = recording.trace(named: "life", platform: TracePlatform(fake))
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
        let recording = MemoryRecording()
        let recorder = Recorder(calls: fake, host: fake, into: recording)
        for rax: UInt64 in [0x2e, 0x1_0016, 1 << 63 | 9] {
            var registers = Registers(rcx: 7)
            _ = try recorder.call(Leaf(rawValue: rax), &registers, on: first)
        }
        let trace = recording.trace(named: "raw", platform: TracePlatform(fake))
        let leaves = try trace.steps.compactMap { step -> UInt64? in
            if case .call(let call) = step { try call.leaf().rawValue } else { nil }
        }
        #expect(leaves == [0x2e, 0x1_0016, 1 << 63 | 9])
        #expect(replay([trace]) { _ in } == 0)
    }

    @Test("keeps as many steps as it may, and counts the rest")
    func bounded() throws {
        let fake = try FakeTDX()
        let recording = MemoryRecording(stepsMax: 3)
        let recorder = Recorder(calls: fake, host: fake, into: recording)
        for _ in 0..<5 {
            var registers = Registers()
            _ = try recorder.call(.phymemCacheWB, &registers, on: first)
        }
        #expect(recording.trace(named: "t", platform: TracePlatform(fake)).steps.count == 3)
        #expect(recording.droppedSteps == 2)
    }

    private func calls(_ recording: MemoryRecording) -> [CallStep] {
        recording.trace(named: "t", platform: TracePlatform()).steps.compactMap { step in
            if case .call(let call) = step { call } else { nil }
        }
    }

    @Test("calls from several threads are all written down")
    func threads() throws {
        let fake = try FakeTDX()
        let recording = MemoryRecording()
        let recorder = Recorder(calls: fake, host: fake, into: recording)
        let threads = (0..<4).map { number in
            Thread {
                for _ in 0..<200 {
                    var registers = Registers(rcx: 0x1_0010_0000)
                    _ = try? recorder.call(.phymemPageRDMD, &registers, on: Processor(rawValue: UInt32(number)))
                }
            }
        }
        for thread in threads { thread.join() }
        #expect(calls(recording).count == 800)
    }

    @Test("a port failure is a note, and is passed on")
    func portFailure() throws {
        let fake = try FakeTDX()
        let recording = MemoryRecording()
        let recorder = Recorder(calls: fake, host: fake, into: recording)
        var registers = Registers()
        #expect(throws: PortError.self) { try recorder.call(.sysRD, &registers, on: Processor(rawValue: 99)) }
        let steps = recording.trace(named: "t", platform: TracePlatform(fake)).steps
        guard case .fact(let note) = try #require(steps.first) else {
            Issue.record("the failure was not noted")
            return
        }
        #expect(note.note?.contains("TDH.SYS.RD did not reach the module") == true)
    }

    /// Takes the key table while a call is made, as another processor would.
    private struct Rival: SEAMCALLPort {
        let fake: FakeTDX
        let recorder: Recorder
        let isSeen: Bool

        func call(
            _ leaf: Leaf, _ registers: inout Registers, on processor: Processor
        ) throws(PortError) -> Completion {
            if leaf == .phymemPageRDMD { return try fake.call(leaf, &registers, on: processor) }
            _ = fake.hold(.keyTable)
            defer { _ = fake.release(.keyTable) }
            if isSeen {
                var other = Registers(rcx: 0x1_0010_0000)
                _ = try recorder.call(.phymemPageRDMD, &other, on: Processor(rawValue: 3))
            }
            return try fake.call(leaf, &registers, on: processor)
        }
    }

    private final class Outer: SEAMCALLPort {
        let inner = Locked<(any SEAMCALLPort)?>(nil)

        func call(
            _ leaf: Leaf, _ registers: inout Registers, on processor: Processor
        ) throws(PortError) -> Completion {
            guard let port = inner.withLock({ $0 }) else { throw PortError(.notExecuted, "nobody is there") }
            return try port.call(leaf, &registers, on: processor)
        }
    }

    private func contended(isSeen: Bool) throws -> (MemoryRecording, Completion) {
        let fake = try FakeTDX()
        let outer = Outer()
        let recording = MemoryRecording()
        let recorder = Recorder(calls: outer, host: fake, into: recording)
        outer.inner.withLock { $0 = Rival(fake: fake, recorder: recorder, isSeen: isSeen) }
        var registers = Registers(rcx: try recorder.allocatePage().rawValue, rdx: 33)
        let completion = try recorder.call(.mngCreate, &registers, on: first)
        return (recording, completion)
    }

    @Test("a call that met another and was refused for contention is marked, and a replay leaves it out")
    func contention() throws {
        let (recording, completion) = try contended(isSeen: true)
        #expect(completion == Completion(.operandBusy, operand: .kot))
        let recorded = calls(recording)
        #expect(recorded.map(\.op) == ["TDH.PHYMEM.PAGE.RDMD", "TDH.MNG.CREATE"])
        #expect(recorded.map(\.concurrent) == [true, true])
        #expect(recorded.map(\.contention) == [nil, true])
        var lines: [String] = []
        let trace = recording.trace(named: "t", platform: TracePlatform())
        #expect(replay([trace]) { lines.append($0) } == 0)
        #expect(lines == ["t: 1 calls that contention decided are left out", "1 traces: 1 agree, 0 differ"])
    }

    @Test("a refusal for contention that nothing in the recording explains is held against the replay")
    func unexplainedContention() throws {
        let (recording, _) = try contended(isSeen: false)
        #expect(calls(recording).map(\.contention) == [nil])
        #expect(calls(recording).map(\.concurrent) == [nil])
        #expect(replay([recording.trace(named: "t", platform: TracePlatform())]) { _ in } == 1)
    }

    @Test("an interrupted write-back, a failed key generation and an empty random source happen again in the replay")
    func circumstances() throws {
        var platform = FakePlatform.oracle
        platform.randomSeed = 7
        let timing = FakeTiming(cacheWriteBack: .milliseconds(4), cacheWriteBackSlice: .microseconds(200))
        let fake = try FakeTDX(platform: platform, timing: timing)
        let recording = MemoryRecording()
        let recorder = Recorder(calls: fake, host: fake, into: recording)
        func call(_ leaf: Leaf, _ rcx: UInt64, _ rdx: UInt64 = 0) throws -> Completion {
            var registers = Registers(rcx: rcx, rdx: rdx)
            return try recorder.call(leaf, &registers, on: first)
        }
        let tdr = try recorder.allocatePage().rawValue
        fake.failRandomDraws(.max)
        #expect(try call(.mngCreate, tdr, 33) == .rndNoEntropy)
        fake.failRandomDraws(0)
        #expect(try call(.mngCreate, tdr, 33) == .success)
        fake.failKeyGenerations(1)
        #expect(try call(.mngKeyConfig, tdr) == .keyGenerationFailed)
        #expect(try call(.mngVPFlushDone, tdr) == .success)
        var interruptions = 0
        while try call(.phymemCacheWB, interruptions == 0 ? 0 : 1) == .interruptedResumable { interruptions += 1 }
        #expect(interruptions > 8)
        let trace = recording.trace(named: "t", platform: TracePlatform(platform, cacheSubBlocks: 1000))
        var lines: [String] = []
        #expect(replay([trace]) { lines.append($0) } == 0)
        #expect(lines == ["1 traces: 1 agree, 0 differ"])
    }

    @Test("host memory is written down as it is handed out, written and read, and cleared pages as zeroes")
    func memory() throws {
        let fake = try FakeTDX()
        let recording = MemoryRecording()
        let recorder = Recorder(calls: fake, host: fake, into: recording)
        let memory = try recorder.allocateMemory(bytes: 4096)
        recorder.write([1, 2, 0], to: memory, at: 16)
        #expect(recorder.read(memory, at: 16, count: 2) == [1, 2])
        let page = try recorder.allocatePage()
        recorder.clear(page)
        var handedOut = MemoryWriteStep(hpa: memory.address, bytes: [UInt8]())
        handedOut.len = 4096
        #expect(
            recording.trace(named: "t", platform: TracePlatform()).steps == [
                .memoryWrite(handedOut),
                .memoryWrite(MemoryWriteStep(hpa: memory.address + 16, bytes: [1, 2, 0])),
                .memoryRead(MemoryReadStep(hpa: memory.address + 16, bytes: [1, 2])),
                .memoryWrite(MemoryWriteStep(hpa: page.rawValue, zeroes: 4096)),
            ])
    }

    @Test("a platform of a head is the platform that was told of")
    func platforms() throws {
        var platform = FakePlatform.oracle(processors: 6, packages: 3)
        platform.privateKeyIDs = KeyID(rawValue: 32)...KeyID(rawValue: 99)
        platform.keyIDBits = 7
        platform.randomSeed = 0xfeed
        #expect(FakePlatform(TracePlatform(platform)) == platform)
        platform.processors = [(0, 0), (3, 1), (4, 0)].map {
            ProcessorInfo(processor: Processor(rawValue: $0.0), package: Package(rawValue: $0.1))
        }
        #expect(FakePlatform(TracePlatform(platform)) == platform)
        #expect(FakePlatform(TracePlatform()) == .oracle)
    }
}
