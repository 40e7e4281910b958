internal import TDXCalls

extension FakePlatform {
    /// The platform the recordings were made on: four processors in two packages, KeyIDs 32 to 63 private with
    /// 32 the module's own, one usable TDMR of 1 GiB at 4 GiB and one that is not initialised.
    public static let oracle = FakePlatform.oracle(processors: 4, packages: 2)

    /// ``oracle`` with another number of processors, spread evenly over the packages.
    ///
    /// - Parameters:
    ///   - processors: a multiple of `packages`.
    ///   - packages: 1 to 8.
    public static func oracle(processors: Int, packages: Int) -> FakePlatform {
        let perPackage = max(1, processors / max(1, packages))
        return FakePlatform(
            processors: (0..<UInt32(processors)).map {
                ProcessorInfo(processor: Processor(rawValue: $0), package: Package(rawValue: $0 / UInt32(perPackage)))
            },
            keyIDBits: 6,
            privateKeyIDs: KeyID(rawValue: 32)...KeyID(rawValue: 63),
            globalKeyID: KeyID(rawValue: 32),
            tdmrs: [
                TDMRLayout(
                    range: MemoryRange(base: 0x1_0000_0000, size: 0x4000_0000),
                    reserved: [MemoryRange(base: 0x3f00_0000, size: 0x100_0000)],
                    pamt4K: MemoryRange(base: 0x4000_0000, size: 0x40_0000),
                    pamt2M: MemoryRange(base: 0x4040_0000, size: 0x2000),
                    pamt1G: MemoryRange(base: 0x4040_2000, size: 0x1000)),
                TDMRLayout(
                    range: MemoryRange(base: 0x1_8000_0000, size: 0x4000_0000), isInitialized: false,
                    pamt4K: MemoryRange(base: 0x4100_0000, size: 0x40_0000),
                    pamt2M: MemoryRange(base: 0x4140_0000, size: 0x2000),
                    pamt1G: MemoryRange(base: 0x4140_2000, size: 0x1000)),
            ],
            convertibleMemory: [MemoryRange(base: 0, size: 0x10_0000_0000)],
            hostMemory: MemoryRange(base: 0x2_0000_0000, size: 0x1_0000_0000),
            attributesFixed0: 0x8000_0000_7000_0001, attributesFixed1: 0,
            xfamFixed0: 0x6dbe7, xfamFixed1: 0x3, xcr0Supported: 0x602e7, xssSupported: 0xd900,
            configFlagsFixed0: 0x7, configFlagsFixed1: 0,
            cpuid: oracleCPUID, nativeFMS: 0x806f8, nativeTSCFrequencyHz: 2_100_000_000, hasFiveLevelEPT: true,
            hasWAITPKG: true, hasTSX: true)
    }

    private static let cacheParameters = CPUIDValues(
        eax: 0xffff_c3ff, ebx: 0xffff_f000, ecx: 0xffff_ffff, edx: 0xffff_fffb)

    private static let oracleCPUID: [CPUIDConfiguration] = [
        CPUIDConfiguration(
            leaf: 1, direct: CPUIDValues(eax: 0x0fff_3fff, ebx: 0x00ff_0000),
            allowed: CPUIDValues(ecx: 0x3104_4d88, edx: 0xb844_0000),
            native: CPUIDValues(eax: 0x806f8, ecx: 0x3104_4988, edx: 0xb840_0000)),
        CPUIDConfiguration(leaf: 4, subleaf: 0, direct: cacheParameters),
        CPUIDConfiguration(leaf: 4, subleaf: 1, direct: cacheParameters),
        CPUIDConfiguration(leaf: 4, subleaf: 2, direct: cacheParameters),
        CPUIDConfiguration(
            leaf: 4, subleaf: 3,
            direct: CPUIDValues(eax: 0xffff_c3ff, ebx: 0xffff_f000, ecx: 0xffff_ffff, edx: 7)),
        CPUIDConfiguration(
            leaf: 7, subleaf: 0,
            allowed: CPUIDValues(ebx: 0xdc2b_9b18, ecx: 0x0241_7f65, edx: 0x0005_411c),
            native: CPUIDValues(ebx: 0xd02b_9b18, ecx: 0x0241_7f64, edx: 0x0005_4010)),
        CPUIDConfiguration(
            leaf: 7, subleaf: 1, allowed: CPUIDValues(eax: 0x1d30), native: CPUIDValues(eax: 0x1c30)),
        CPUIDConfiguration(leaf: 0xa),
        CPUIDConfiguration(leaf: 0x1c, allowed: CPUIDValues(eax: 0xff), native: CPUIDValues(eax: 0xb)),
        CPUIDConfiguration(
            leaf: 0x8000_0008, allowed: CPUIDValues(ebx: 0x200), native: CPUIDValues(ebx: 0x200)),
        CPUIDConfiguration(
            leaf: 7, subleaf: 2, allowed: CPUIDValues(edx: 0x28), native: CPUIDValues(edx: 0x8)),
        CPUIDConfiguration(leaf: 0x23, subleaf: 0, allowed: CPUIDValues(eax: 0xf)),
    ]
}
