internal import Synchronization
internal import TDXCalls

/// The fields of a TD, as MNG.RD and MNG.WR see them. The TDR is held, and the operation state.
struct TDFields: FieldStore {
    let td: TDState
    let module: ModuleState

    var map: FieldMap { .td }
    var isDebug: Bool { td.isDebug }
    var numL2VMs: Int { td.configuration.numL2VMs }

    typealias Reader = @Sendable (TDFields, Int) -> UInt64

    func place(of id: FieldID) -> FieldPlace? {
        if let place = CPUIDField.place(of: id) { return place }
        return map.find(id).map { FieldPlace(row: $0.row, element: $0.element) }
    }

    func firstID(of row: Int) -> UInt64 {
        row == CPUIDField.row ? CPUIDField.firstID(module.platform) : map.rows[row].id(element: 0)
    }

    func id(after place: FieldPlace) -> UInt64? {
        if place.row == CPUIDField.row { return CPUIDField.id(after: place, module.platform) }
        let row = map.rows[place.row]
        return place.element + 1 < row.elementCount ? row.id(element: place.element + 1) : nil
    }

    func value(at place: FieldPlace) throws(Refusal) -> UInt64 {
        if place.row == CPUIDField.row { return try CPUIDField.value(at: place, self) }
        if let reader = Self.readers[place.row] { return reader(self, place.element) }
        let word = map.rows[place.row].place + place.element
        return word < map.storedWords ? td.writable[word] : 0
    }

    func write(_ value: UInt64, over old: UInt64, at place: FieldPlace) throws(Refusal) {
        if place.row == Self.timeoutRow, !Self.timeoutRange.contains(value) {
            throw Refusal(.metadataFieldValueNotValid)
        }
        let word = map.rows[place.row].place + place.element
        guard word < map.storedWords else { throw Refusal(.metadataFieldNotWritable) }
        guard td.writable.exchange(word, expected: old, desired: value) else {
            throw Refusal(.operandBusy, .metadataField)
        }
    }

    private static let timeoutRow = FieldMap.td.row(named: "HP_LOCK_TIMEOUT")
    static let timeoutPlace = FieldMap.td.place(of: "HP_LOCK_TIMEOUT")
    /// Host-priority timeout at MNG.INIT, and what MNG.WR takes, in microseconds.
    static let timeoutDefault: UInt64 = 1_000_000
    private static let timeoutRange: ClosedRange<UInt64> = 10_000...100_000_000

    /// How many CPUID leaves the TD has values for.
    private static let cpuidValueCount = 64

    /// Readers by row; a row without one is kept as words, or reads as zero.
    private static let readers: [Reader?] = FieldMap.td.names.map { namedReaders[$0] }

    private static let namedReaders: [String: Reader] = tdrReaders.merging(tdcsReaders) { first, _ in first }

    private static let tdrReaders: [String: Reader] = [
        "FATAL": { fields, _ in fields.td.isFatal ? 1 : 0 },
        "NUM_TDCX": { fields, _ in UInt64(fields.td.tdcsCount) },
        "CHLDCNT": { fields, _ in fields.td.childCount.load(ordering: .relaxed) },
        "LIFECYCLE_STATE": { fields, _ in UInt64(fields.td.lifecycle.rawValue) },
        "TDCX_PA": { fields, element in fields.tdcsAddress(element) },
        "TD_UUID": { fields, element in fields.td.uuid[element] },
        "HKID": { fields, _ in UInt64(fields.td.keyID) },
        "PKG_CONFIG_BITMAP": { fields, _ in fields.td.configuredPackages },
        "SEAMDB_INDEX": { _, _ in 1 },
    ]

    private static let tdcsReaders: [String: Reader] = [
        "NUM_VCPUS": { fields, _ in UInt64(fields.td.vcpuCount.load(ordering: .relaxed)) },
        "NUM_ASSOC_VCPUS": { fields, _ in UInt64(fields.td.associatedVCPUs.load(ordering: .relaxed)) },
        "OP_STATE": { fields, _ in UInt64(fields.td.opState.rawValue) },
        "NUM_L2_VMS": { fields, _ in UInt64(fields.td.configuration.numL2VMs) },
        "ATTRIBUTES": { fields, _ in fields.td.configuration.attributes },
        "XFAM": { fields, _ in fields.td.configuration.xfam },
        "MAX_VCPUS": { fields, _ in UInt64(fields.td.configuration.maxVCPUs) },
        "GPAW": { fields, _ in fields.td.configuration.gpaWidth52 ? 1 : 0 },
        "EPTP": { fields, _ in fields.td.eptPointer },
        "TSC_OFFSET": { fields, _ in fields.td.configuration.tscOffset },
        "TSC_MULTIPLIER": { fields, _ in fields.td.configuration.tscMultiplier },
        "TSC_FREQUENCY": { fields, _ in UInt64(fields.td.configuration.tscFrequency) },
        "NUM_CPUID_VALUES": { _, _ in UInt64(cpuidValueCount) },
        "XBUFF_SIZE": { fields, _ in ExtendedState.bufferBytes(xfam: fields.td.configuration.xfam) },
        "CONFIG_FLAGS": { fields, _ in fields.td.configuration.configFlags },
        "CPUID_VALID": { _, element in element < cpuidValueCount ? 1 : 0 },
        "TD_EPOCH": { fields, _ in fields.td.epoch.load(ordering: .relaxed) },
        "REFCOUNT": { fields, element in UInt64(fields.td.running(inEpochLike: UInt64(element))) },
        "MRTD": { fields, element in word(element, of: fields.td.mrtd) },
        "MRCONFIGID": { fields, element in word(element, of: fields.td.configuration.mrConfigID) },
        "MROWNER": { fields, element in word(element, of: fields.td.configuration.mrOwner) },
        "MROWNERCONFIG": { fields, element in word(element, of: fields.td.configuration.mrOwnerConfig) },
        "VIRTUAL_IA32_ARCH_CAPABILITIES": { fields, _ in fields.td.configuration.ia32ArchCapabilities },
        "MIG_ENC_KEY": { fields, element in fields.td.migrationKey[element] },
        "MSR_BITMAPS": { _, _ in .max },
        "SEPT_ROOT": { fields, element in fields.td.septRoot?[element].load().architectural ?? 0 },
    ]

    private func tdcsAddress(_ index: Int) -> UInt64 {
        guard index < td.tdcsCount else { return 0 }
        return td.withKeyID(td.tdcs[index], shift: module.platform.keyIDShift)
    }

    /// Word `index` of bytes, little endian.
    private static func word(_ index: Int, of bytes: [UInt8]) -> UInt64 {
        (0..<8).reversed().reduce(0) { $0 << 8 | UInt64(bytes[8 * index + $1]) }
    }
}

extension TDState {
    /// EPTP: root page without KeyID bits, and the controls.
    var eptPointer: UInt64 { tdcs[Self.septRootPage] | configuration.eptpControls }
}

/// Sizes of the processor's extended state.
enum ExtendedState {
    /// Bytes of the legacy area and the header.
    private static let baseBytes: UInt64 = 576
    /// Bytes by XFAM bit, in the compacted form.
    private static let componentBytes: [(bit: Int, bytes: UInt64)] = [
        (2, 256), (5, 64), (6, 512), (7, 1024), (8, 128), (9, 8), (11, 16), (12, 24), (14, 48), (15, 808), (17, 64),
        (18, 8192),
    ]

    static func bufferBytes(xfam: UInt64) -> UInt64 {
        componentBytes.reduce(baseBytes) { total, component in
            guard xfam >> UInt64(component.bit) & 1 == 1 else { return total }
            return (total + 63) / 64 * 64 + component.bytes
        }
    }
}
