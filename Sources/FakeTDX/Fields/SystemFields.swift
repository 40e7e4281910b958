internal import TDXCalls

/// The module's own fields, as SYS.RD and SYS.INFO report them: constants of module 1.5.01 and the platform's.
struct SystemFields: FieldStore, Sendable {
    /// Values of each row's elements; elements beyond read as zero.
    private let values: [[UInt64]]
    /// Rows of which the elements beyond the values are to be skipped.
    private let skipsBeyond: [Bool]

    let map: FieldMap
    var isDebug: Bool { false }
    var numL2VMs: Int { 0 }

    init(platform: FakePlatform, profile: FakeProfile) {
        let named = Self.constants.merging(Self.platformValues(platform)) { _, platform in platform }
            .merging(Self.profileValues(platform, profile)) { _, profile in profile }
        let map: FieldMap = profile == .release1501 ? .sys : .laterSys
        self.map = map
        values = map.names.map { named[$0] ?? [] }
        skipsBeyond = map.names.map { $0.hasPrefix("CPUID_CONFIG_") }
    }

    /// - Throws: METADATA_FIELD_SKIP for an index that exists in the table only.
    func value(at place: FieldPlace) throws(Refusal) -> UInt64 {
        let row = values[place.row]
        if place.element < row.count { return row[place.element] }
        if skipsBeyond[place.row] { throw Refusal(.metadataFieldSkip) }
        return 0
    }

    func write(_ value: UInt64, over old: UInt64, at place: FieldPlace) throws(Refusal) {
        throw Refusal(.metadataFieldNotWritable)
    }

    /// The first element of a field that SYS.RD knows.
    func first(_ name: String) -> UInt64 {
        guard let row = map.row(named: name) else { preconditionFailure("the field table has no \(name)") }
        return values[row].first ?? 0
    }

    /// Bits of IA32_ARCH_CAPABILITIES a TD can be configured with.
    static let archCapabilitiesMask: UInt64 = 0x118_0010
    /// CMRs are reported as a table of this length, whatever there is.
    static let cmrTableLength = 32

    private static let constants: [String: [UInt64]] = [
        "VENDOR_ID": [0x8086], "BUILD_DATE": [20_240_222], "MAJOR_VERSION": [1], "MINOR_VERSION": [5],
        "NUM_HANDOFF_PAGES": [63], "NUM_TDX_FEATURES": [1],
        "NUM_CMRS": [UInt64(cmrTableLength)], "MAX_TDMRS": [UInt64(FakePlatform.tdmrsMax)],
        "MAX_RESERVED_PER_TDMR": [UInt64(FakePlatform.reservedAreasMax)],
        "PAMT_4K_ENTRY_SIZE": [TDMRCheck.pamtEntryBytes], "PAMT_2M_ENTRY_SIZE": [TDMRCheck.pamtEntryBytes],
        "PAMT_1G_ENTRY_SIZE": [TDMRCheck.pamtEntryBytes],
        "TDR_BASE_SIZE": [4096], "TDCS_BASE_SIZE": [UInt64(TDState.tdcsPagesBase * 4096)],
        "TDCS_SIZE_PER_L2_VM": [4096], "TDVPS_BASE_SIZE": [UInt64(VCPUState.pagesBase * 4096)],
        "TDVPS_SIZE_PER_L2_VM": [UInt64(VCPUState.pagesPerL2VM * 4096)],
        "IA32_ARCH_CAPABILITIES_CONFIG_MASK": [archCapabilitiesMask], "NUM_ALLOWED_FMS": [1],
        "MAX_MIGS": [512], "NUM_IMMUTABLE_STATE_PAGES": [3], "NUM_TD_STATE_PAGES": [2], "NUM_VP_STATE_PAGES": [5],
        "MAX_SERV_TDS": [1], "SERVTD_ATTR_FIXED0": [0x7ff_0000_0001], "GUEST_L2_GPA_ATTR_MASK": [0x807f],
        "VM_CTLS_FIXED0": [1], "VCPU_L2_CTLS_FIXED0": [3], "VCPU_L2_DEBUG_CTLS_FIXED0": [7],
    ]

    private static func profileValues(_ platform: FakePlatform, _ profile: FakeProfile) -> [String: [UInt64]] {
        [
            "UPDATE_VERSION": [profile.updateVersion], "BUILD_NUM": [profile.buildNumber],
            "TDX_FEATURES0": [profile.features0],
            "CONFIG_FLAGS_FIXED0": [platform.configFlagsFixed0 | profile.addedConfigFlags],
            "MAX_VCPUS_PER_TD": profile.maxVCPUsPerTD.map { [UInt64($0)] } ?? [],
            // The narrowest guest address width that can be virtualised.
            "MIN_VIRT_MAXPA": [36],
        ]
    }

    private static func platformValues(_ platform: FakePlatform) -> [String: [UInt64]] {
        [
            "NUM_PKGS": [UInt64(platform.packageCount)],
            "PKG_FMS": Array(repeating: UInt64(platform.nativeFMS), count: platform.packageCount),
            "CMR_BASE": platform.convertibleMemory.map(\.base), "CMR_SIZE": platform.convertibleMemory.map(\.size),
            "ATTRIBUTES_FIXED0": [platform.attributesFixed0], "ATTRIBUTES_FIXED1": [platform.attributesFixed1],
            "XFAM_FIXED0": [platform.xfamFixed0], "XFAM_FIXED1": [platform.xfamFixed1],
            "CONFIG_FLAGS_FIXED1": [platform.configFlagsFixed1],
            "NUM_CPUID_CONFIG": [UInt64(platform.cpuid.count)],
            "CPUID_CONFIG_LEAVES": platform.cpuid.map { UInt64($0.subleaf) << 32 | UInt64($0.leaf) },
            "CPUID_CONFIG_VALUES": platform.cpuid.flatMap {
                [
                    UInt64($0.direct.ebx) << 32 | UInt64($0.direct.eax),
                    UInt64($0.direct.edx) << 32 | UInt64($0.direct.ecx),
                ]
            },
            "ALLOWED_FMS": [UInt64(platform.nativeFMS)],
        ]
    }
}
