/// TD_PARAMS: what TDH.MNG.INIT is told of the TD to be.
///
/// Encodes whatever can be encoded. Whether a bit may be set, a count is too large or two settings agree
/// is the module's answer, not ours: a newer module may allow what this one refuses.
///
/// - Source: TDX Module 1.5 ABI, TD_PARAMS.
public struct TDParams: Hashable, Sendable {
    public var attributes: TDAttributes
    public var xfam: XFAM
    /// At most 65535 by the field's width.
    public var maxVCPUs: UInt16
    public var numL2VMs: UInt8
    /// Bit 0: `ia32ArchCapabilities` is in use.
    public var msrConfigControls: UInt8
    public var eptpControls: EPTPControls
    public var configFlags: ConfigFlags
    /// Virtual TSC frequency in units of 25 MHz.
    public var tscFrequency: UInt16
    public var mrConfigID: MeasurementID
    public var mrOwner: MeasurementID
    public var mrOwnerConfig: MeasurementID
    public var ia32ArchCapabilities: UInt64
    /// One entry per configurable leaf, in the order SYS.RD lists them.
    public var cpuid: [CPUIDValues]

    public init(
        attributes: TDAttributes = [], xfam: XFAM = [.x87, .sse], maxVCPUs: UInt16, numL2VMs: UInt8 = 0,
        msrConfigControls: UInt8 = 0, eptpControls: EPTPControls = .fourLevels, configFlags: ConfigFlags = [],
        tscFrequency: UInt16, mrConfigID: MeasurementID = .zero, mrOwner: MeasurementID = .zero,
        mrOwnerConfig: MeasurementID = .zero, ia32ArchCapabilities: UInt64 = 0, cpuid: [CPUIDValues] = []
    ) {
        self.attributes = attributes
        self.xfam = xfam
        self.maxVCPUs = maxVCPUs
        self.numL2VMs = numL2VMs
        self.msrConfigControls = msrConfigControls
        self.eptpControls = eptpControls
        self.configFlags = configFlags
        self.tscFrequency = tscFrequency
        self.mrConfigID = mrConfigID
        self.mrOwner = mrOwner
        self.mrOwnerConfig = mrOwnerConfig
        self.ia32ArchCapabilities = ia32ArchCapabilities
        self.cpuid = cpuid
    }

    /// Bytes of the structure, and its alignment.
    public static let sizeBytes = 1024
    /// What the 768 bytes of CPUID_VALUES hold.
    public static let cpuidEntriesMax = 48

    public enum EncodingError: Error, Hashable, Sendable {
        case tooManyCPUIDEntries(Int)
    }

    /// The 1,024 bytes, little endian.
    public func encoded() throws(EncodingError) -> [UInt8] {
        guard cpuid.count <= Self.cpuidEntriesMax else { throw .tooManyCPUIDEntries(cpuid.count) }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Self.sizeBytes)
        bytes.append(littleEndian: attributes.rawValue)
        bytes.append(littleEndian: xfam.rawValue)
        bytes.append(littleEndian: maxVCPUs)
        bytes.append(numL2VMs)
        bytes.append(msrConfigControls)
        bytes.append(littleEndian: UInt32(0))
        bytes.append(littleEndian: eptpControls.rawValue)
        bytes.append(littleEndian: configFlags.rawValue)
        bytes.append(littleEndian: tscFrequency)
        bytes.append(contentsOf: repeatElement(0, count: 38))
        bytes.append(contentsOf: mrConfigID.bytes)
        bytes.append(contentsOf: mrOwner.bytes)
        bytes.append(contentsOf: mrOwnerConfig.bytes)
        bytes.append(littleEndian: ia32ArchCapabilities)
        bytes.append(contentsOf: repeatElement(0, count: 24))
        for values in cpuid {
            bytes.append(littleEndian: values.eax)
            bytes.append(littleEndian: values.ebx)
            bytes.append(littleEndian: values.ecx)
            bytes.append(littleEndian: values.edx)
        }
        bytes.append(contentsOf: repeatElement(0, count: Self.sizeBytes - bytes.count))
        return bytes
    }
}

extension [UInt8] {
    fileprivate mutating func append(littleEndian value: some FixedWidthInteger) {
        for shift in stride(from: 0, to: value.bitWidth, by: 8) {
            append(UInt8(truncatingIfNeeded: value >> shift))
        }
    }
}

/// TD attributes; unknown bits survive.
public struct TDAttributes: OptionSet, Hashable, Sendable {
    public let rawValue: UInt64

    public init(rawValue: UInt64) { self.rawValue = rawValue }

    public static let debug = TDAttributes(rawValue: 1)
    public static let septVEDisable = TDAttributes(rawValue: 1 << 28)
    public static let migratable = TDAttributes(rawValue: 1 << 29)
    public static let pks = TDAttributes(rawValue: 1 << 30)
    public static let keyLocker = TDAttributes(rawValue: 1 << 31)
    public static let perfmon = TDAttributes(rawValue: 1 << 63)

    /// The specification's name of each bit it names.
    public static let bitNames: [Int: String] = [
        0: "DEBUG", 28: "SEPT_VE_DISABLE", 29: "MIGRATABLE", 30: "PKS", 31: "KL", 63: "PERFMON",
    ]
}

/// Extended features available mask: XCR0 and IA32_XSS bits the guest may use.
public struct XFAM: OptionSet, Hashable, Sendable {
    public let rawValue: UInt64

    public init(rawValue: UInt64) { self.rawValue = rawValue }

    public static let x87 = XFAM(rawValue: 1)
    public static let sse = XFAM(rawValue: 2)

    /// The specification's name of each bit it names.
    public static let bitNames: [Int: String] = [
        0: "X87", 1: "SSE", 2: "AVX", 5: "AVX512_OPMASK", 6: "AVX512_ZMM_HI256", 7: "AVX512_HI16_ZMM", 8: "PT",
        9: "PKRU", 11: "CET_U", 12: "CET_S", 14: "UINTR", 15: "LBR", 17: "TILECFG", 18: "TILEDATA",
    ]
}

/// EPTP_CONTROLS: memory type in bits 2:0, levels minus one in bits 5:3.
public struct EPTPControls: RawRepresentable, Hashable, Sendable {
    public let rawValue: UInt64

    public init(rawValue: UInt64) { self.rawValue = rawValue }

    /// Write-back, four levels.
    public static let fourLevels = EPTPControls(rawValue: 0x1e)
    /// Write-back, five levels.
    public static let fiveLevels = EPTPControls(rawValue: 0x26)
}

/// CONFIG_FLAGS, which refusals call EXEC_CONTROLS.
public struct ConfigFlags: OptionSet, Hashable, Sendable {
    public let rawValue: UInt64

    public init(rawValue: UInt64) { self.rawValue = rawValue }

    /// GPAW: 52-bit guest physical addresses in place of 48.
    public static let gpaWidth52 = ConfigFlags(rawValue: 1)
    public static let flexiblePendingVE = ConfigFlags(rawValue: 1 << 1)
    public static let noRBPMod = ConfigFlags(rawValue: 1 << 2)
}

/// MRCONFIGID, MROWNER or MROWNERCONFIG: 48 bytes of the owner's choice.
public struct MeasurementID: Hashable, Sendable {
    public static let sizeBytes = 48
    public static let zero = MeasurementID(unchecked: Array(repeating: 0, count: sizeBytes))

    public let bytes: [UInt8]

    /// Nil unless there are exactly 48 bytes.
    public init?(bytes: [UInt8]) {
        guard bytes.count == Self.sizeBytes else { return nil }
        self.bytes = bytes
    }

    private init(unchecked bytes: [UInt8]) { self.bytes = bytes }
}
