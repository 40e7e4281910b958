internal import TDXCalls

extension Call {
    /// TDH.SYS.INFO, leaf 32: RCX a buffer for TDSYSINFO_STRUCT, RDX its size; R8 a table for CMR_INFO, R9 its
    /// length. RDX and R9 answer what was filled, zero on a refusal.
    mutating func sysInfo() throws(Refusal) -> Completion {
        let (size, length) = (registers.rdx, registers.r9)
        registers.rdx = 0
        registers.r9 = 0
        try checkProcessorInitialized()
        let buffer = try sharedAddress(registers.rcx, alignment: UInt64(SystemInformation.bytes), .rcx)
        guard size >= UInt64(SystemInformation.bytes) else { throw Refusal(.operandInvalid, .rdx) }
        let table = try sharedAddress(registers.r8, alignment: SystemInformation.cmrTableAlignment, .r8)
        guard length >= UInt64(SystemFields.cmrTableLength) else { throw Refusal(.operandInvalid, .r9) }

        // Commit.
        let information = SystemInformation(fields: module.systemFields, platform: module.platform)
        module.memory.write(information.structure, at: buffer)
        module.memory.write(information.cmrTable, at: table)
        registers.rdx = UInt64(SystemInformation.bytes)
        registers.r9 = UInt64(SystemFields.cmrTableLength)
        return .success
    }
}

/// TDSYSINFO_STRUCT and CMR_INFO, filled from the same values as SYS.RD answers with.
struct SystemInformation {
    let fields: SystemFields
    let platform: FakePlatform

    static let bytes = 1024
    static let cmrTableAlignment: UInt64 = 512

    private static let layout: [(offset: Int, length: Int, field: String)] = [
        (0x00, 4, "SYS_ATTRIBUTES"), (0x04, 4, "VENDOR_ID"), (0x08, 4, "BUILD_DATE"), (0x0c, 2, "BUILD_NUM"),
        (0x0e, 2, "MINOR_VERSION"), (0x10, 2, "MAJOR_VERSION"), (0x12, 1, "UPDATE_VERSION"),
        (0x13, 1, "INTERNAL_VERSION"), (0x20, 2, "MAX_TDMRS"), (0x22, 2, "MAX_RESERVED_PER_TDMR"),
        (0x24, 2, "PAMT_4K_ENTRY_SIZE"), (0x30, 2, "TDCS_BASE_SIZE"), (0x34, 2, "TDVPS_BASE_SIZE"),
        (0x40, 8, "ATTRIBUTES_FIXED0"), (0x48, 8, "ATTRIBUTES_FIXED1"), (0x50, 8, "XFAM_FIXED0"),
        (0x58, 8, "XFAM_FIXED1"), (0x80, 4, "NUM_CPUID_CONFIG"),
    ]
    private static let cpuidOffset = 0x84
    private static let cpuidEntryBytes = 24

    var structure: [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Self.bytes)
        for field in Self.layout { Self.put(fields.first(field.field), field.length, at: field.offset, in: &bytes) }
        for (index, entry) in platform.cpuid.enumerated() {
            let reported = entry.reported
            let values = [entry.leaf, entry.subleaf, reported.eax, reported.ebx, reported.ecx, reported.edx]
            for (position, value) in values.enumerated() {
                let offset = Self.cpuidOffset + index * Self.cpuidEntryBytes + 4 * position
                Self.put(UInt64(value), 4, at: offset, in: &bytes)
            }
        }
        return bytes
    }

    var cmrTable: [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 16 * SystemFields.cmrTableLength)
        for (index, range) in platform.convertibleMemory.enumerated() {
            Self.put(range.base, 8, at: 16 * index, in: &bytes)
            Self.put(range.size, 8, at: 16 * index + 8, in: &bytes)
        }
        return bytes
    }

    private static func put(_ value: UInt64, _ length: Int, at offset: Int, in bytes: inout [UInt8]) {
        for index in 0..<length { bytes[offset + index] = UInt8(truncatingIfNeeded: value >> UInt64(8 * index)) }
    }
}
