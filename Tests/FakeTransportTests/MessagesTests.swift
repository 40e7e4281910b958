import CTDXShim
import FakeTDX
import TDXCalls
import Testing

@testable import FakeTransport

@Suite("Messages to a module in another process")
struct MessagesTests {
    private func request() -> ModuleRequest {
        var request = ModuleRequest(.call, sequence: 0x1122_3344_5566_7788)
        request.rax = 0x15
        request.registers.rcx = 1
        request.registers.rdx = 2
        request.registers.r8 = 3
        request.registers.r9 = 4
        request.registers.r10 = 5
        request.registers.r11 = 6
        request.flushed = 7
        request.memory = 8
        request.processor = 9
        request.package = 10
        request.payload = [0xaa, 0xbb]
        return request
    }

    private func bytes<Structure: BitwiseCopyable>(of structure: Structure) -> [UInt8] {
        // SAFETY: the structures are numbers without gaps.
        unsafe withUnsafeBytes(of: structure) { unsafe Array($0) }
    }

    @Test("a request is the shim's structure, byte by byte")
    func requestLayout() throws {
        var structure = tdx_shim_upcall_request()
        structure.size = 106
        structure.kind = TDX_SHIM_UPCALL_CALL.rawValue
        structure.sequence = 0x1122_3344_5566_7788
        structure.rax = 0x15
        structure.registers = (1, 2, 3, 4, 5, 6)
        structure.flushed = 7
        structure.memory = 8
        structure.memory_bytes = 2
        structure.processor = 9
        structure.package = 10
        let head = bytes(of: structure)
        #expect(request().bytes == head + [0xaa, 0xbb])
        #expect(try ModuleRequest(request().bytes[...]) == request())
        #expect(ModuleRequest.headBytes == MemoryLayout<tdx_shim_upcall_request>.size)
    }

    @Test("a reply is the shim's structure, byte by byte")
    func replyLayout() throws {
        var reply = ModuleReply(to: request())
        reply.rax = 11
        reply.registers.r11 = 12
        var structure = tdx_shim_upcall_reply()
        structure.size = 72
        structure.sequence = 0x1122_3344_5566_7788
        structure.rax = 11
        structure.registers = (0, 0, 0, 0, 0, 12)
        let expected = bytes(of: structure)
        #expect(reply.bytes == expected)
        #expect(try ModuleReply(reply.bytes[...]) == reply)
    }

    @Test("the module's description is the shim's structure, and comes back as it was")
    func moduleLayout() throws {
        let module = try FakeTDX().module
        let bytes = ModuleDescription.encode(module, retriesEntropy: true)
        var structure = tdx_shim_module()
        #expect(bytes.count == MemoryLayout<tdx_shim_module>.size)
        // SAFETY: as many bytes as the structure has, which is numbers only.
        unsafe withUnsafeMutableBytes(of: &structure) { unsafe $0.copyBytes(from: bytes) }
        #expect(structure.size == UInt32(bytes.count))
        #expect(structure.flags == TDX_SHIM_MODULE_RETRIES_ENTROPY.rawValue)
        #expect(structure.major_version == module.majorVersion)
        #expect(structure.build_date == module.buildDate)
        #expect(structure.global_keyid == 32)
        #expect(structure.first_keyid == 32)
        #expect(structure.last_keyid == 63)
        #expect(structure.keyid_shift == 46)
        #expect(structure.nr_cpuid == 12)
        #expect(structure.tdcs_pages == 6)
        #expect(structure.attributes_fixed0 == module.attributesFixed0)
        #expect(structure.config_flags_fixed1 == module.configFlagsFixed1)
        #expect(structure.tsc_khz == 2_100_000)
        #expect(structure.leaf_bitmap.0 >> 9 & 1 == 1)
        #expect(structure.cpuid.0.leaf == 1)
        #expect(structure.cpuid.0.eax == module.cpuidConfig[0].direct.eax)
        let decoded = try ModuleDescription.decode(bytes[...], backend: "fake")
        #expect(decoded.module == module)
        #expect(decoded.retriesEntropy)
    }

    @Test("a message cut off anywhere, or with a byte too much, is refused")
    func cut() throws {
        let bytes = request().bytes
        for length in 0..<bytes.count {
            #expect(throws: MessageFault.self) { try ModuleRequest(bytes[..<length]) }
        }
        #expect(throws: MessageFault.self) { try ModuleRequest((bytes + [0])[...]) }
        let description = ServedDescription(
            module: try FakeTDX().module, retriesEntropy: false, processors: FakePlatform.oracle.processors,
            capacity: try FakeTDX().capacity, platform: [1, 2, 3]
        ).bytes
        for length in 0..<description.count {
            #expect(throws: MessageFault.self) { try ServedDescription(description[..<length], backend: "fake") }
        }
        #expect(try ServedDescription(description[...], backend: "fake").bytes == description)
    }

    @Test("bytes that somebody made up are refused or read, and never trap")
    func random() {
        let seed = UInt64.random(in: .min ... .max)
        print("seed \(seed)")
        var state = seed
        func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state >> 16
        }
        let request = request().bytes
        let description = ModuleDescription.encode(
            ModuleInformation.example, retriesEntropy: false)
        for _ in 0..<20_000 {
            var bytes = next() & 1 == 0 ? request : description
            for _ in 0..<(1 + next() % 6) { bytes[Int(next() % UInt64(bytes.count))] = UInt8(next() & 0xff) }
            _ = try? ModuleRequest(bytes[...])
            _ = try? ModuleReply(bytes[...])
            _ = try? ServedDescription(bytes[...], backend: "fake")
            _ = try? ModuleDescription.decode(bytes[...], backend: "fake")
        }
    }

    @Test("a register file comes back as it was")
    func registers() throws {
        var registers = Registers(rcx: 1, rdx: 2, r8: 3, r9: 4, r10: 5, r11: 6)
        #expect(registers.otherBytes == [])
        #expect(try Registers(SixRegisters(registers), others: []) == registers)
        for register in Register.allCases { registers[register] = UInt64.random(in: .min ... .max) }
        #expect(try Registers(SixRegisters(registers), others: registers.otherBytes[...]) == registers)
        #expect(throws: MessageFault.self) { try Registers(SixRegisters(registers), others: [1]) }
    }
}

extension ModuleInformation {
    /// Nobody's module.
    static let example = ModuleInformation(
        backend: "fake", majorVersion: 1, minorVersion: 5, updateVersion: 1, buildDate: 20_230_101, buildNumber: 1,
        features0: 0, globalKeyID: KeyID(rawValue: 2), privateKeyIDs: KeyID(rawValue: 2)...KeyID(rawValue: 3),
        keyIDShift: 50, tdcsPages: 6, tdcsPagesPerL2VM: 1, tdvpsPages: 6, tdvpsPagesPerL2VM: 3, attributesFixed0: 1,
        attributesFixed1: 0, xfamFixed0: 3, xfamFixed1: 3, configFlagsFixed0: 1, configFlagsFixed1: 0, cpuidConfig: [],
        tscFrequencyKHz: 1, leaves: [1, 9, 52], hasVPInitX2APICID: true)
}
