internal import Synchronization
internal import TDXCalls
internal import Threading

/// The fields of a vCPU, as VP.RD and VP.WR see them. The TDVPR is held, and the vCPU is with this processor.
struct VPFields: FieldStore {
    let vcpu: VCPUState
    let td: TDState
    let module: ModuleState

    var map: FieldMap { .vp }
    var isDebug: Bool { td.isDebug }
    var numL2VMs: Int { td.configuration.numL2VMs }

    typealias Reader = @Sendable (VPFields, Int) -> UInt64

    func value(at place: FieldPlace) throws(Refusal) -> UInt64 {
        if let reader = Self.readers[place.row] { return reader(self, place.element) }
        let word = map.rows[place.row].place + place.element
        return word < map.storedWords ? vcpu.fields[word] : vcpu.sparse.withLock { $0[word] ?? 0 }
    }

    func write(_ value: UInt64, over old: UInt64, at place: FieldPlace) throws(Refusal) {
        if let check = Self.checks[place.row], !check(self, value) {
            throw Refusal(.metadataFieldValueNotValid)
        }
        let word = map.rows[place.row].place + place.element
        if word < map.storedWords {
            vcpu.fields[word] = value
        } else {
            vcpu.sparse.withLock { $0[word] = value }
        }
    }

    /// Readers by row, for what is not kept as a word.
    private static let readers: [Reader?] = zip(FieldMap.vp.rows, FieldMap.vp.names).map { row, name in
        row.l2VM == 0 ? namedReaders[name] : nil
    }

    private static let namedReaders: [String: Reader] = [
        "VCPU_STATE": { fields, _ in UInt64(fields.vcpu.phase.rawValue) },
        "VCPU_INDEX": { fields, _ in UInt64(fields.vcpu.index) },
        "NUM_TDVPS_PAGES": { fields, _ in UInt64(fields.vcpu.pages.count) },
        "ASSOC_LPID": { fields, _ in UInt64(fields.vcpu.association.load(ordering: .relaxed)) },
        "VCPU_EPOCH": { fields, _ in fields.vcpu.epoch.load(ordering: .relaxed) },
        "TDVPS_PAGE_PA": { fields, element in
            guard element < fields.vcpu.pages.count else { return 0 }
            return fields.td.withKeyID(
                fields.vcpu.pages[element], shift: fields.module.platform.keyIDShift)
        },
    ]

    private typealias Check = @Sendable (VPFields, UInt64) -> Bool

    /// What a value must be, by row; a row without a check takes any.
    private static let checks: [Check?] = zip(FieldMap.vp.rows, FieldMap.vp.names).map { row, name in
        row.l2VM == 0 ? namedChecks[name] : nil
    }

    private static let namedChecks: [String: Check] = [
        "VMCS_POSTED_INTERRUPT_NOTIFICATION_VECTOR": { _, value in value <= 0xff },
        "VMCS_POSTED_INTERRUPT_DESCRIPTOR_ADDRESS": { fields, value in fields.isSharedAddress(value, alignment: 64) },
        "VMCS_SHARED_EPTP": { fields, value in fields.isSharedAddress(value & ~0xfff, alignment: 4096) },
        "PEND_NMI": { _, value in value <= 1 },
        "XFAM": { fields, value in TDParamsCheck.isLegal(xfam: value, on: fields.module.platform) },
    ]

    private func isSharedAddress(_ address: UInt64, alignment: UInt64) -> Bool {
        let keyID = (address & module.keyIDMask) >> UInt64(module.platform.keyIDShift)
        return address & (alignment - 1) == 0 && address >> 52 == 0
            && keyID < UInt64(module.platform.privateKeyIDs.lowerBound.rawValue)
    }
}

/// Words of the vCPU fields that leaves other than the field leaves touch.
enum VPField {
    static let generalRegisters = FieldMap.vp.place(of: "RAX")
    static let rax = FieldMap.vp.place(of: "RAX")
    static let rcx = FieldMap.vp.place(of: "RCX")
    static let rdx = FieldMap.vp.place(of: "RDX")
    static let rbx = FieldMap.vp.place(of: "RBX")
    static let rbp = FieldMap.vp.place(of: "RBP")
    static let rsi = FieldMap.vp.place(of: "RSI")
    static let rdi = FieldMap.vp.place(of: "RDI")
    static let r8 = FieldMap.vp.place(of: "R8")
    static let r9 = FieldMap.vp.place(of: "R9")
    static let r10 = FieldMap.vp.place(of: "R10")
    static let r11 = FieldMap.vp.place(of: "R11")
    static let r12 = FieldMap.vp.place(of: "R12")
    static let r13 = FieldMap.vp.place(of: "R13")
    static let r14 = FieldMap.vp.place(of: "R14")
    static let r15 = FieldMap.vp.place(of: "R15")
    static let lastExitTSC = FieldMap.vp.place(of: "LAST_EXIT_TSC")
    static let lastTDExit = FieldMap.vp.place(of: "LAST_TD_EXIT")

    /// What VP.INIT leaves in fields that do not start at zero.
    static let initial: [(place: Int, value: UInt64)] = [
        ("DR6", 0xffff_0ff0), ("XCR0", 1), ("LAST_SEAMDB_INDEX", 1), ("IA32_FMASK", 0x2_0200),
        ("TSC_DEADLINE", .max), ("SHADOW_CR0_GUEST_HOST_MASK", 0xffff_ffff_7ffa_ffe1),
        ("SHADOW_CR0_READ_SHADOW", 0x8000_0021), ("SHADOW_CR4_GUEST_HOST_MASK", 0xffff_ffff_ffc8_e040),
        ("SHADOW_CR4_READ_SHADOW", 0x40), ("SHADOW_PID_HPA", .max), ("SHADOW_PINBASED_EXEC_CTLS", 0x29),
        ("SHADOW_POSTED_INT_NOTIFICATION_VECTOR", 0xffff), ("SHADOW_PROCBASED_EXEC_CTLS2", 0x173c_b3fa),
        ("SHADOW_SHARED_EPTP", .max), ("VMCS_POSTED_INTERRUPT_NOTIFICATION_VECTOR", 0xffff),
        ("VMCS_PML_ADDRESS", .max), ("VMCS_POSTED_INTERRUPT_DESCRIPTOR_ADDRESS", ~0x3f),
        ("VMCS_EPTP_LIST_ADDRESS", .max), ("VMCS_PIN_BASED_VM_EXECTION_CONTROLS", 0x29),
        ("VMCS_SECONDARY_PROCESSOR_BASED_VM_EXECTION_CONTROLS", 0x173c_b3fa),
        ("VMCS_CR0_GUEST_HOST_MASK", 0xffff_ffff_7ffa_ffe1), ("VMCS_CR0_READ_SHADOW", 0x8000_0021),
        ("VMCS_CR4_GUEST_HOST_MASK", 0xffff_ffff_ffc8_e040), ("VMCS_CR4_READ_SHADOW", 0x40),
        ("VMCS_GUEST_RIP", 0xffff_fff0), ("VMCS_GUEST_RFLAGS", 2), ("VMCS_GUEST_CR0", 0x21),
        ("VMCS_GUEST_CR4", 0x2040),
    ].map { (FieldMap.vp.place(of: $0.0), $0.1) }

    static let tscOffset = FieldMap.vp.place(of: "VMCS_TIME_STAMP_COUNTER_OFFSET")
    static let tscMultiplier = FieldMap.vp.place(of: "VMCS_TIME_STAMP_COUNTER_MULTIPLIER")
    static let eptPointer = FieldMap.vp.place(of: "VMCS_EPTP")
    static let msrBitmap = FieldMap.vp.place(of: "VMCS_MSR_BITMAP_ADDRESS")
    static let sharedEPTPointer = FieldMap.vp.place(of: "VMCS_SHARED_EPTP")
    static let hkid = FieldMap.vp.place(of: "VMCS_TD_HKID")
    static let vpid = FieldMap.vp.place(of: "VMCS_VPID")
    static let xfam = FieldMap.vp.place(of: "XFAM")
}
