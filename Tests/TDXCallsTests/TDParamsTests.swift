import TDXCalls
import Testing

@Suite("TD_PARAMS")
struct TDParamsTests {
    @Test("Every field is at its offset, little endian, and all else is zero")
    func offsets() throws {
        var parameters = TDParams(maxVCPUs: 0x1234, tscFrequency: 0x5678)
        parameters.attributes = TDAttributes(rawValue: 0x0102_0304_0506_0708)
        parameters.xfam = XFAM(rawValue: 0x1112_1314_1516_1718)
        parameters.numL2VMs = 0x9a
        parameters.msrConfigControls = 0xbc
        parameters.eptpControls = EPTPControls(rawValue: 0x2122_2324_2526_2728)
        parameters.configFlags = ConfigFlags(rawValue: 0x3132_3334_3536_3738)
        parameters.mrConfigID = try #require(MeasurementID(bytes: (0..<48).map { 0x40 + $0 }))
        parameters.mrOwner = try #require(MeasurementID(bytes: (0..<48).map { 0x80 + $0 }))
        parameters.mrOwnerConfig = try #require(MeasurementID(bytes: (0..<48).map { 0xc0 + $0 }))
        parameters.ia32ArchCapabilities = 0x6162_6364_6566_6768
        parameters.cpuid = [
            CPUIDValues(eax: 0x0101_0101, ebx: 0x0202_0202, ecx: 0x0303_0303, edx: 0x0404_0404),
            CPUIDValues(eax: 0x7172_7374),
        ]
        var expected = [UInt8](repeating: 0, count: 1024)
        func place(_ bytes: [UInt8], at offset: Int) {
            expected.replaceSubrange(offset..<offset + bytes.count, with: bytes)
        }
        place([0x08, 0x07, 0x06, 0x05, 0x04, 0x03, 0x02, 0x01], at: 0)
        place([0x18, 0x17, 0x16, 0x15, 0x14, 0x13, 0x12, 0x11], at: 8)
        place([0x34, 0x12], at: 16)
        place([0x9a], at: 18)
        place([0xbc], at: 19)
        place([0x28, 0x27, 0x26, 0x25, 0x24, 0x23, 0x22, 0x21], at: 24)
        place([0x38, 0x37, 0x36, 0x35, 0x34, 0x33, 0x32, 0x31], at: 32)
        place([0x78, 0x56], at: 40)
        place((0..<48).map { 0x40 + $0 }, at: 80)
        place((0..<48).map { 0x80 + $0 }, at: 128)
        place((0..<48).map { 0xc0 + $0 }, at: 176)
        place([0x68, 0x67, 0x66, 0x65, 0x64, 0x63, 0x62, 0x61], at: 224)
        place([1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4], at: 256)
        place([0x74, 0x73, 0x72, 0x71], at: 272)
        #expect(try parameters.encoded() == expected)
    }

    @Test("Recorded parameters that the module accepted encode to the recorded bytes", arguments: recordings)
    func recorded(recording: Recording) throws {
        let encoded = try recording.parameters.encoded()
        #expect(encoded.count == 1024)
        let recorded = bytes(recording.hex)
        #expect(Array(encoded.prefix(recorded.count)) == recorded)
        #expect(encoded.dropFirst(recorded.count).allSatisfy { $0 == 0 }, "recordings leave out the zeroes at the end")
    }

    @Test("Forty-eight CPUID entries fill the structure to its last byte")
    func mostCPUID() throws {
        let entry = CPUIDValues(eax: .max, ebx: .max, ecx: .max, edx: .max)
        let parameters = TDParams(maxVCPUs: 1, tscFrequency: 100, cpuid: Array(repeating: entry, count: 48))
        let encoded = try parameters.encoded()
        #expect(encoded.count == 1024)
        #expect(encoded[256...].allSatisfy { $0 == 0xff })
    }

    @Test("One CPUID entry more cannot be encoded, and the error says how many there were")
    func tooManyCPUID() {
        let parameters = TDParams(
            maxVCPUs: 1, tscFrequency: 100, cpuid: Array(repeating: CPUIDValues(), count: 49))
        #expect(throws: TDParams.EncodingError.tooManyCPUIDEntries(49)) { try parameters.encoded() }
    }

    @Test("What a module would refuse is encoded all the same: policy is its answer")
    func noPolicy() throws {
        let parameters = TDParams(attributes: .keyLocker, xfam: [], maxVCPUs: 0, numL2VMs: 255, tscFrequency: 0)
        let encoded = try parameters.encoded()
        #expect(Array(encoded[0..<24]) == bytes("000000800000000000000000000000000000ff0000000000"))
    }

    @Test("A measurement id has exactly 48 bytes", arguments: [0, 47, 49])
    func measurementIDLength(count: Int) {
        #expect(MeasurementID(bytes: Array(repeating: 1, count: count)) == nil)
    }

    @Test("The named bits are those of the specification")
    func namedBits() {
        #expect(TDAttributes.debug.rawValue == 1)
        #expect(TDAttributes.septVEDisable.rawValue == 0x1000_0000)
        #expect(TDAttributes.migratable.rawValue == 0x2000_0000)
        #expect(TDAttributes.pks.rawValue == 0x4000_0000)
        #expect(TDAttributes.keyLocker.rawValue == 0x8000_0000)
        #expect(TDAttributes.perfmon.rawValue == 0x8000_0000_0000_0000)
        #expect(XFAM([.x87, .sse]).rawValue == 3)
        #expect(XFAM.bitNames[18] == "TILEDATA")
        #expect(EPTPControls.fourLevels.rawValue == 0x1e)
        #expect(EPTPControls.fiveLevels.rawValue == 0x26)
        #expect(ConfigFlags([.gpaWidth52, .flexiblePendingVE, .noRBPMod]).rawValue == 7)
    }
}

struct Recording: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let parameters: TDParams
    /// The bytes the recording wrote, without the zeroes at the end.
    let hex: String

    init(_ name: String, _ parameters: TDParams, _ hex: String) {
        testDescription = name
        self.parameters = parameters
        self.hex = hex
    }
}

private let recordings: [Recording] = [
    Recording(
        "init.good.debug", TDParams(attributes: .debug, maxVCPUs: 4, tscFrequency: 100),
        "0100000000000000030000000000000004000000000000001e00000000000000000000000000000064"),
    Recording(
        "init.good.perfmon", TDParams(attributes: .perfmon, maxVCPUs: 4, tscFrequency: 100),
        "0000000000000080030000000000000004000000000000001e00000000000000000000000000000064"),
    Recording(
        "init.good.xfam_amx", TDParams(xfam: XFAM(rawValue: 0x60003), maxVCPUs: 4, tscFrequency: 100),
        "0000000000000000030006000000000004000000000000001e00000000000000000000000000000064"),
    Recording(
        "init.good.max_vcpus_65535", TDParams(maxVCPUs: 65535, tscFrequency: 100),
        "00000000000000000300000000000000ffff0000000000001e00000000000000000000000000000064"),
    Recording(
        "init.good.5-level_eptp", TDParams(maxVCPUs: 4, eptpControls: .fiveLevels, tscFrequency: 100),
        "0000000000000000030000000000000004000000000000002600000000000000000000000000000064"),
    Recording(
        "init.good.config_flags_bit_2", TDParams(maxVCPUs: 4, configFlags: .noRBPMod, tscFrequency: 100),
        "0000000000000000030000000000000004000000000000001e00000000000000040000000000000064"),
    Recording(
        "init.good.tsc_4", TDParams(maxVCPUs: 4, tscFrequency: 4),
        "0000000000000000030000000000000004000000000000001e00000000000000000000000000000004"),
    Recording(
        "init.good.cpuid_all_allowed",
        TDParams(
            xfam: XFAM(rawValue: 0x6dbe7), maxVCPUs: 4, tscFrequency: 100,
            cpuid: [
                CPUIDValues(eax: 0x806f8, ebx: 0xff0000, ecx: 0x3104_4d88, edx: 0xb844_0000),
                CPUIDValues(eax: 0xffff_c3ff, ebx: 0xffff_f000, ecx: 0xffff_ffff, edx: 0xffff_fffb),
                CPUIDValues(), CPUIDValues(),
                CPUIDValues(eax: 0xffff_c3ff, ebx: 0xffff_f000, ecx: 0xffff_ffff, edx: 0x7),
                CPUIDValues(ebx: 0xdc2b_9b18, ecx: 0x241_7f65, edx: 0x5411c),
                CPUIDValues(eax: 0x1d30), CPUIDValues(), CPUIDValues(eax: 0xff), CPUIDValues(ebx: 0x200),
                CPUIDValues(edx: 0x28), CPUIDValues(eax: 0xf),
            ]),
        "0000000000000000e7db06000000000004000000000000001e000000000000000000000000000000" + "64"
            + String(repeating: "00", count: 215)
            + "f80608000000ff00884d0431000044b8" + "ffc3ffff00f0fffffffffffffbffffff"
            + String(repeating: "00", count: 32)
            + "ffc3ffff00f0ffffffffffff07000000" + "00000000189b2bdc657f41021c410500"
            + "301d0000" + String(repeating: "00", count: 28)
            + "ff000000" + String(repeating: "00", count: 16) + "00020000" + String(repeating: "00", count: 20)
            + "28000000" + "0f"),
]

private func bytes(_ hex: String) -> [UInt8] {
    var bytes: [UInt8] = []
    var rest = hex[...]
    while !rest.isEmpty {
        guard let byte = UInt8(rest.prefix(2), radix: 16) else { preconditionFailure("not hexadecimal: \(rest)") }
        bytes.append(byte)
        rest = rest.dropFirst(2)
    }
    return bytes
}
