internal import TDXCalls

extension ModuleState {
    /// What SYS.RD answers, gathered.
    var information: ModuleInformation {
        let fields = systemFields
        return ModuleInformation(
            backend: "fake",
            majorVersion: UInt16(fields.first("MAJOR_VERSION")), minorVersion: UInt16(fields.first("MINOR_VERSION")),
            updateVersion: UInt16(fields.first("UPDATE_VERSION")), buildDate: UInt32(fields.first("BUILD_DATE")),
            buildNumber: UInt16(fields.first("BUILD_NUM")), features0: fields.first("TDX_FEATURES0"),
            globalKeyID: platform.globalKeyID, privateKeyIDs: platform.privateKeyIDs, keyIDShift: platform.keyIDShift,
            tdcsPages: pages("TDCS_BASE_SIZE"), tdcsPagesPerL2VM: pages("TDCS_SIZE_PER_L2_VM"),
            tdvpsPages: pages("TDVPS_BASE_SIZE"), tdvpsPagesPerL2VM: pages("TDVPS_SIZE_PER_L2_VM"),
            attributesFixed0: fields.first("ATTRIBUTES_FIXED0"), attributesFixed1: fields.first("ATTRIBUTES_FIXED1"),
            xfamFixed0: fields.first("XFAM_FIXED0"), xfamFixed1: fields.first("XFAM_FIXED1"),
            configFlagsFixed0: fields.first("CONFIG_FLAGS_FIXED0"),
            configFlagsFixed1: fields.first("CONFIG_FLAGS_FIXED1"),
            cpuidConfig: platform.cpuid.map {
                CPUIDConfigEntry(leaf: $0.leaf, subleaf: $0.subleaf, direct: $0.direct)
            },
            tscFrequencyKHz: platform.nativeTSCFrequencyHz / 1000, leaves: LeafTable.numbers(of: profile),
            hasVPInitX2APICID: profile.hasVPInitX2APICID)
    }

    private func pages(_ field: String) -> Int { Int(systemFields.first(field)) / pageSizeBytes }
}
