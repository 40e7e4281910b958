internal import Synchronization
internal import TDXCalls

/// MNG.INIT's tests of TD_PARAMS, in the module's order. Nothing of the TD is touched here.
struct TDParamsCheck {
    let module: ModuleState
    let bytes: [UInt8]
    /// TDCS pages the TD has.
    let tdcsPages: Int

    private enum Offset {
        static let attributes = 0
        static let xfam = 8
        static let maxVCPUs = 16
        static let numL2VMs = 18
        static let msrConfigControls = 19
        static let reserved0 = 20..<24
        static let eptpControls = 24
        static let configFlags = 32
        static let tscFrequency = 40
        static let reserved1 = 42..<80
        static let mrConfigID = 80..<128
        static let mrOwner = 128..<176
        static let mrOwnerConfig = 176..<224
        static let archCapabilities = 224
        static let reserved2 = 232..<256
        static let cpuid = 256
    }

    private static let numL2VMsMax = 3
    /// Units of 25 MHz.
    private static let tscFrequencyRange: ClosedRange<UInt64> = 4...400
    private static let tscFrequencyUnitHz: UInt64 = 25_000_000
    /// IA32_TSC_ADJUST.
    static let tscAdjustMSR: UInt32 = 0x3b
    private static let cpuidEntryBytes = 16

    /// - Returns: what the TD will have.
    /// - Throws: the first test that fails; CPUID_CONFIG leaves what RCX says in `refusedCPUID`.
    func run(refusedCPUID: inout UInt64) throws(Refusal) -> TDConfiguration {
        var result = TDConfiguration()
        result.attributes = try attributes()
        result.xfam = integer(Offset.xfam, 8)
        guard Self.isLegal(xfam: result.xfam, on: module.platform) else { throw Refusal(.operandInvalid, .xfam) }
        result.maxVCPUs = UInt32(integer(Offset.maxVCPUs, 2))
        guard result.maxVCPUs != 0, result.maxVCPUs <= module.profile.maxVCPUsPerTD ?? .max else {
            throw Refusal(.operandInvalid, .maxVCPUs)
        }
        result.numL2VMs = Int(bytes[Offset.numL2VMs])
        guard result.numL2VMs <= Self.numL2VMsMax else { throw Refusal(.operandInvalid, .numL2VMs) }
        guard tdcsPages >= TDState.tdcsPagesBase + result.numL2VMs else { throw Refusal(.tdcsNotAllocated) }
        try zero(Offset.reserved0)
        result.configFlags = integer(Offset.configFlags, 8)
        guard
            within(
                result.configFlags, module.platform.configFlagsFixed0 | module.profile.addedConfigFlags,
                module.platform.configFlagsFixed1)
        else {
            throw Refusal(.operandInvalid, .execControls)
        }
        result.eptpControls = integer(Offset.eptpControls, 8)
        guard isLegal(eptpControls: result.eptpControls, gpaWidth52: result.gpaWidth52) else {
            throw Refusal(.operandInvalid, .eptpControls)
        }
        try timeStampCounter(&result)
        try zero(Offset.reserved1)
        guard bytes[Offset.msrConfigControls] <= 1 else { throw Refusal(.operandInvalid, .rdx) }
        try zero(Offset.reserved2)
        result.cpuid = try cpuid(attributes: result.attributes, &refusedCPUID)
        let cpuidEnd = Offset.cpuid + module.platform.cpuid.count * Self.cpuidEntryBytes
        try zero(cpuidEnd..<TDParams.sizeBytes)
        result.ia32ArchCapabilities = try archCapabilities()
        let isMigratable = result.attributes & TDAttributes.migratable.rawValue != 0
        guard !isMigratable || result.numL2VMs == 0 else { throw Refusal(.operandInvalid, .rdx) }
        result.mrConfigID = Array(bytes[Offset.mrConfigID])
        result.mrOwner = Array(bytes[Offset.mrOwner])
        result.mrOwnerConfig = Array(bytes[Offset.mrOwnerConfig])
        return result
    }

    private func attributes() throws(Refusal) -> UInt64 {
        let value = integer(Offset.attributes, 8)
        let excludedByMigratable = TDAttributes.debug.union(.perfmon).rawValue
        guard within(value, module.platform.attributesFixed0, module.platform.attributesFixed1),
            value & TDAttributes.migratable.rawValue == 0 || value & excludedByMigratable == 0
        else { throw Refusal(.operandInvalid, .attributes) }
        return value
    }

    /// Bits that go together: each pair or group all or none.
    static func isLegal(xfam: UInt64, on platform: FakePlatform) -> Bool {
        let avx: UInt64 = 1 << 2
        let avx512: UInt64 = 7 << 5
        let cet: UInt64 = 3 << 11
        let amx: UInt64 = 3 << 17
        guard xfam & ~platform.xfamAllowed == 0, xfam & platform.xfamFixed1 == platform.xfamFixed1 else {
            return false
        }
        for group in [avx512, cet, amx] where xfam & group != 0 && xfam & group != group { return false }
        return xfam & avx512 == 0 || xfam & avx != 0
    }

    private func isLegal(eptpControls: UInt64, gpaWidth52: Bool) -> Bool {
        switch EPTPControls(rawValue: eptpControls) {
        case .fourLevels: !gpaWidth52
        case .fiveLevels: module.platform.hasFiveLevelEPT
        default: false
        }
    }

    private func timeStampCounter(_ result: inout TDConfiguration) throws(Refusal) {
        let frequency = integer(Offset.tscFrequency, 2)
        guard Self.tscFrequencyRange.contains(frequency) else { throw Refusal(.operandInvalid, .tscFrequency) }
        guard !module.tscAdjustDiffers.load(ordering: .relaxed) else {
            throw Refusal(.inconsistentMSR, details: Self.tscAdjustMSR)
        }
        result.tscFrequency = UInt16(frequency)
        // A fixed-point ratio with 48 fraction bits; the counter starts at 0 now.
        let scaled = (frequency * Self.tscFrequencyUnitHz).multipliedFullWidth(by: 1 << 48)
        result.tscMultiplier =
            module.platform.nativeTSCFrequencyHz.dividingFullWidth(
                (scaled.high % module.platform.nativeTSCFrequencyHz, scaled.low)
            ).quotient
        let product = module.tsc.multipliedFullWidth(by: result.tscMultiplier)
        result.tscOffset = 0 &- (product.high << 16 | product.low >> 48)
    }

    private func cpuid(attributes: UInt64, _ refused: inout UInt64) throws(Refusal) -> [CPUIDValues] {
        var values: [CPUIDValues] = []
        for (index, configuration) in module.platform.cpuid.enumerated() {
            let wanted = cpuidValues(index)
            let settable = configuration.settable
            let isSignature = configuration.leaf == 1
            guard wanted.eax & ~settable.eax == 0, wanted.ebx & ~settable.ebx == 0,
                wanted.ecx & ~settable.ecx == 0, wanted.edx & ~settable.edx == 0,
                !isSignature || isLegal(signature: wanted.eax, attributes: attributes)
            else {
                refused = UInt64(configuration.subleaf) << 32 | UInt64(configuration.leaf)
                throw Refusal(.operandInvalid, .cpuidConfig)
            }
            if configuration.leaf == 7, configuration.subleaf == 0 { try transactionalMemory(wanted) }
            values.append(configuration.value(configured: wanted, platform: module.platform))
        }
        return values
    }

    /// CPUID(1).EAX: native (0 says so too); a migratable TD may also have a lower stepping.
    private func isLegal(signature: UInt32, attributes: UInt64) -> Bool {
        let native = module.platform.nativeFMS
        if signature == 0 || signature == native { return true }
        let steppingMask: UInt32 = 0xf
        return attributes & TDAttributes.migratable.rawValue != 0
            && signature & ~steppingMask == native & ~steppingMask && signature < native
    }

    /// CPUID(7, 0).EBX: HLE and RTM must be alike, and there only where TSX can be turned off.
    private func transactionalMemory(_ values: CPUIDValues) throws(Refusal) {
        let hle = values.ebx >> 4 & 1
        let rtm = values.ebx >> 11 & 1
        guard hle == rtm else { throw Refusal(.operandInvalid, .cpuidConfig) }
        let tsxControlMSR: UInt32 = 0x122
        guard rtm == 0 || module.platform.hasTSX else { throw Refusal(.incorrectMSRValue, details: tsxControlMSR) }
    }

    private func archCapabilities() throws(Refusal) -> UInt64 {
        let value = integer(Offset.archCapabilities, 8)
        let isUsed = bytes[Offset.msrConfigControls] & 1 == 1
        guard value & ~(isUsed ? SystemFields.archCapabilitiesMask : 0) == 0 else {
            throw Refusal(.operandInvalid, .ia32ArchCapabilitiesConfig)
        }
        return value
    }

    private func cpuidValues(_ index: Int) -> CPUIDValues {
        let base = Offset.cpuid + index * Self.cpuidEntryBytes
        return CPUIDValues(
            eax: UInt32(integer(base, 4)), ebx: UInt32(integer(base + 4, 4)), ecx: UInt32(integer(base + 8, 4)),
            edx: UInt32(integer(base + 12, 4)))
    }

    private func within(_ value: UInt64, _ fixed0: UInt64, _ fixed1: UInt64) -> Bool {
        value & ~fixed0 == 0 && value & fixed1 == fixed1
    }

    private func zero(_ range: Range<Int>) throws(Refusal) {
        guard bytes[range].allSatisfy({ $0 == 0 }) else { throw Refusal(.operandInvalid, .rdx) }
    }

    /// A little-endian number.
    private func integer(_ offset: Int, _ length: Int) -> UInt64 {
        bytes[offset..<offset + length].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}

extension CPUIDConfiguration {
    /// What the TD will see: bits configured directly, and of those allowed the ones the processor has.
    fileprivate func value(configured: CPUIDValues, platform: FakePlatform) -> CPUIDValues {
        var value = CPUIDValues(
            eax: configured.eax & (direct.eax | native.eax), ebx: configured.ebx & (direct.ebx | native.ebx),
            ecx: configured.ecx & (direct.ecx | native.ecx), edx: configured.edx & (direct.edx | native.edx))
        if leaf == 1, value.eax == 0 { value.eax = platform.nativeFMS }
        return value
    }
}
