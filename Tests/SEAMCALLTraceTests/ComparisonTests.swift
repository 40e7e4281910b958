import FakeReplay
import FakeTDX
import SEAMCALLTrace
import TDXCalls
import Testing

@Suite("Comparing recordings")
struct ComparisonTests {
    private let processor = Processor(rawValue: 0)

    /// A host that creates TDs, with so many pages handed out before.
    private func recording(pagesBefore: Int = 0, _ body: (Host) throws -> Void) throws -> Trace {
        let fake = try FakeTDX()
        for _ in 0..<pagesBefore { _ = try fake.allocatePage() }
        let recording = MemoryRecording()
        try body(Host(recorder: Recorder(calls: fake, host: fake, into: recording)))
        return recording.trace(named: "t", platform: TracePlatform(.oracle))
    }

    private struct Host {
        let recorder: Recorder

        @discardableResult
        func call(
            _ leaf: Leaf, rcx: UInt64 = 0, rdx: UInt64 = 0, on lp: UInt32 = 0
        ) throws -> (Completion, Registers) {
            var registers = Registers(rcx: rcx, rdx: rdx)
            let completion = try recorder.call(leaf, &registers, on: Processor(rawValue: lp))
            return (completion, registers)
        }

        func page() throws -> UInt64 { try recorder.allocatePage().rawValue }

        /// A TD with keys and TDCS pages.
        func td(_ keyID: UInt64) throws -> UInt64 {
            let tdr = try page()
            try call(.mngCreate, rcx: tdr, rdx: keyID)
            for lp: UInt32 in [0, 2] { try call(.mngKeyConfig, rcx: tdr, on: lp) }
            for _ in 0..<6 { try call(.mngAddCX, rcx: try page(), rdx: tdr) }
            return tdr
        }

        func initialize(_ tdr: UInt64, maxVCPUs: UInt16) throws {
            let memory = try recorder.allocateMemory(bytes: TDParams.sizeBytes)
            recorder.write(try TDParams(maxVCPUs: maxVCPUs, tscFrequency: 100).encoded(), to: memory, at: 0)
            try call(.mngInit, rcx: tdr, rdx: memory.address)
            recorder.freeMemory(memory)
        }
    }

    @Test("two TDs made one after the other are the same as made in turn, elsewhere and with other keys: TD by TD")
    func interleaved() throws {
        let first = try recording { host in
            for keyID: UInt64 in [33, 34] { try host.initialize(try host.td(keyID), maxVCPUs: 2) }
        }
        let second = try recording(pagesBefore: 5) { host in
            let tds = [try host.td(40), try host.td(35)]
            for td in tds { try host.initialize(td, maxVCPUs: 2) }
        }
        let byTD = try Comparison(first, second, by: .td)
        #expect(byTD.isSame)
        #expect(byTD.agree == 20)
        #expect(byTD.differences == [])
        #expect(try Comparison(first, second, by: .whole).isSame == false)
        #expect(try Comparison(first, first, by: .whole).agree == 20)
    }

    @Test("says which TD, leaf and register, at which steps, and both values")
    func different() throws {
        func run(_ field: UInt64) throws -> Trace {
            try recording { host in
                let td = try host.td(33)
                try host.initialize(td, maxVCPUs: 2)
                try host.call(.mngRD, rcx: td, rdx: field)
            }
        }
        let maxVCPUs = try #require(FieldInfo.named("MAX_VCPUS", in: .td)?.id.rawValue)
        let attributes = try #require(FieldInfo.named("ATTRIBUTES", in: .td)?.id.rawValue)
        let comparison = try Comparison(try run(maxVCPUs), try run(attributes), by: .td)
        #expect(comparison.agree == 10)
        #expect(comparison.differ == 1)
        let input = try #require(comparison.differences.first)
        #expect(input.kind == .input)
        #expect(input.td == 1)
        #expect(input.leaf == "TDH.MNG.RD")
        #expect(input.firstStep == 12)
        #expect(input.secondStep == 12)
        #expect(input.register == "rdx")
        #expect(input.first == "0x" + String(maxVCPUs, radix: 16))
        #expect(input.second == "0x" + String(attributes, radix: 16))
        #expect(
            comparison.differences.dropFirst().map { [$0.kind.rawValue, $0.register, $0.first, $0.second] } == [
                ["out", "r8", "0x2", "0x0"]
            ])
        #expect(
            comparison.text.hasSuffix(
                "11 calls compared: 10 agree, 1 differ; only in the first 0, only in the second 0"))
        #expect(comparison.text.contains("TD 1, step 12 | step 12: TDH.MNG.RD\n"))
        #expect(comparison.text.contains("\n  out r8: 0x2 | 0x0\n"))
    }

    @Test("parameters that differ in host memory are told of, wherever the memory is")
    func parameters() throws {
        let first = try recording { host in try host.initialize(try host.td(33), maxVCPUs: 2) }
        let second = try recording { host in
            _ = try host.recorder.allocateMemory(bytes: 4096)
            try host.initialize(try host.td(33), maxVCPUs: 3)
        }
        let comparison = try Comparison(first, second, by: .td)
        #expect(comparison.differences.map(\.kind) == [.memory])
        #expect(comparison.differences.map(\.leaf) == ["TDH.MNG.INIT"])
        #expect(comparison.differences.map(\.register) == ["rdx"])
    }

    @Test("calls that only one has are told of, and the rest is compared all the same")
    func inserted() throws {
        func run(twice: Bool) throws -> Trace {
            try recording { host in
                let td = try host.td(33)
                if twice { try host.call(.mngKeyConfig, rcx: td) }
                try host.initialize(td, maxVCPUs: 2)
                if !twice { try host.call(.mngAddCX, rcx: 1, rdx: td) }
            }
        }
        let comparison = try Comparison(try run(twice: true), try run(twice: false), by: .td)
        #expect(comparison.agree == 10)
        #expect(comparison.onlyInFirst == 1)
        #expect(comparison.onlyInSecond == 1)
        #expect(comparison.differences.map(\.kind) == [.onlyInFirst, .onlyInSecond])
        #expect(comparison.differences.map(\.leaf) == ["TDH.MNG.KEY.CONFIG", "TDH.MNG.ADDCX"])
        #expect(comparison.differences.first?.first?.hasPrefix("TDX_LIFECYCLE_STATE_INCORRECT") == true)
    }

    @Test("a difference in the completion is told of with both names; contention is left out")
    func completions() throws {
        let first = try recording { host in try host.call(.mngCreate, rcx: try host.page(), rdx: 33) }
        let second = try recording { host in try host.call(.mngCreate, rcx: try host.page(), rdx: 32) }
        let comparison = try Comparison(first, second, by: .whole)
        let completion = try #require(comparison.differences.first { $0.kind == .completion })
        #expect(completion.first == "TDX_SUCCESS (0x0000000000000000)")
        #expect(completion.second?.hasPrefix("TDX_HKID_NOT_FREE") == true)
        var contended = second
        guard case .call(var call) = contended.steps[0] else { return }
        call.contention = true
        contended.steps[0] = .call(call)
        let left = try Comparison(first, contended, by: .whole)
        #expect(left.leftOut == 1)
        #expect(left.onlyInFirst == 1)
    }
}
