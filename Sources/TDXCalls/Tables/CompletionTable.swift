// Made by Tests/Reference/make-tables from the reference files beside it; change those.
// swift-format-ignore-file

extension CompletionInfo {
    /// Every completion code this layer has a name for, by class and name code; Linux's synthetic ones last.
    public static let all: [CompletionInfo] = [
        row(0x0, "TDX_SUCCESS", "execution", .leafSpecific, "1.5.01",
            "call completed"),
        row(0x4000000100000000, "TDX_NON_RECOVERABLE_VCPU", "execution", .leafSpecific, "1.5.01",
            "VP.ENTER only: this vCPU is disabled for good, TD may live on"),
        row(0x6000000200000000, "TDX_NON_RECOVERABLE_TD", "execution", .leafSpecific, "1.5.01",
            "VP.ENTER only: the TD can no longer run (fatal bit 61 set, error bit clear)"),
        row(0x8000000300000000, "TDX_INTERRUPTED_RESUMABLE", "execution", .leafSpecific, "1.5.01",
            "long operation stopped for a pending interrupt; call again to continue (progress is kept)"),
        row(0x8000000400000000, "TDX_INTERRUPTED_RESTARTABLE", "execution", .leafSpecific, "1.5.01",
            "long operation stopped for a pending interrupt; call again from the beginning (no progress kept)"),
        row(0x6000000500000000, "TDX_NON_RECOVERABLE_TD_NON_ACCESSIBLE", "execution", .leafSpecific, "1.5.01",
            "VP.ENTER only: TD cannot run and its private memory is no longer accessible"),
        row(0xc000000600000000, "TDX_INVALID_RESUMPTION", "execution", .leafSpecific, "1.5.01",
            "resume parameters do not match the operation that was interrupted"),
        row(0xe000000700000000, "TDX_NON_RECOVERABLE_TD_WRONG_APIC_MODE", "execution", .leafSpecific, "1.5.01",
            "VP.ENTER only: guest or platform is not in the required APIC mode; TD fatal"),
        row(0x8000000800000000, "TDX_CROSS_TD_FAULT", "execution", .leafSpecific, "1.5.01",
            "operation touching another TD hit a fault-like condition in that TD"),
        row(0x9000000900000000, "TDX_CROSS_TD_TRAP", "execution", .leafSpecific, "1.5.01",
            "operation touching another TD raised a trap-like condition in that TD; host action hinted (bit 60)"),
        row(0x6000000a00000000, "TDX_NON_RECOVERABLE_TD_CORRUPTED_MD", "execution", .leafSpecific, "1.5.01",
            "VP.ENTER only: TD control metadata found corrupted; TD cannot run"),
        row(0xc000010000000000, "TDX_OPERAND_INVALID", "operand validity", .operand, "1.5.01",
            "an operand has an illegal value; low 32 bits name it"),
        row(0xc000010100000000, "TDX_OPERAND_ADDR_RANGE_ERROR", "operand validity", .operand, "1.5.01",
            "physical address is not inside an initialised TDMR area; low 32 bits name the operand"),
        row(0x8000020000000000, "TDX_OPERAND_BUSY", "resource contention", .operand, "1.5.01",
            "a lock could not be taken; low 32 bits name the operand or the implicit object"),
        row(0x8000020100000000, "TDX_PREVIOUS_TLB_EPOCH_BUSY", "resource contention", .leafSpecific, "1.5.01",
            "MEM.TRACK: some vCPU is still running that entered in the previous epoch"),
        row(0x8000020200000000, "TDX_SYS_BUSY", "resource contention", .leafSpecific, "1.5.01",
            "module-global lock held by another logical processor"),
        row(0x8000020300000000, "TDX_RND_NO_ENTROPY", "resource contention", .leafSpecific, "1.5.01",
            "hardware random generator had nothing to give; try again"),
        row(0x8000020400000000, "TDX_OPERAND_BUSY_HOST_PRIORITY", "resource contention", .operand, "1.5.01",
            "guest-side only: lock refused because the host has claimed priority on it"),
        row(0x9000020500000000, "TDX_HOST_PRIORITY_BUSY_TIMEOUT", "resource contention", .leafSpecific, "1.5.01",
            "VP.ENTER exit: guest was kept from a lock by host priority for too long; host should finish its operation"),
        row(0xc000030000000000, "TDX_PAGE_METADATA_INCORRECT", "physical page metadata", .operand, "1.5.01",
            "PAMT says the page has the wrong type, size or owner; low 32 bits name the operand"),
        row(0x30100000000, "TDX_PAGE_ALREADY_FREE", "physical page metadata", .leafSpecific, "1.5.01",
            "informational: page has no owner already"),
        row(0xc000030200000000, "TDX_PAGE_NOT_OWNED_BY_TD", "physical page metadata", .leafSpecific, "1.5.01",
            "page belongs to a different TD"),
        row(0xc000030300000000, "TDX_PAGE_NOT_FREE", "physical page metadata", .leafSpecific, "1.5.01",
            "page is in use"),
        row(0xc000040000000000, "TDX_TD_ASSOCIATED_PAGES_EXIST", "dependent resources", .leafSpecific, "1.5.01",
            "TDR reclaim refused: other pages of this TD are not reclaimed yet (CHLDCNT not 0)"),
        row(0xc000050000000000, "TDX_SYS_INIT_NOT_PENDING", "module (SYS) state", .leafSpecific, "1.5.01",
            "SYS.INIT already done or module not freshly loaded"),
        row(0xc000050200000000, "TDX_SYS_LP_INIT_NOT_DONE", "module (SYS) state", .leafSpecific, "1.5.01",
            "SYS.LP.INIT has not run on this logical processor"),
        row(0xc000050300000000, "TDX_SYS_LP_INIT_DONE", "module (SYS) state", .leafSpecific, "1.5.01",
            "SYS.LP.INIT already ran on this logical processor"),
        row(0xc000050500000000, "TDX_SYS_NOT_READY", "module (SYS) state", .leafSpecific, "1.5.01",
            "module has not finished global initialisation; this leaf is refused"),
        row(0xc000050600000000, "TDX_SYS_SHUTDOWN", "module (SYS) state", .leafSpecific, "1.5.01",
            "module has been shut down; nearly all leaves refused"),
        row(0xc000050700000000, "TDX_SYS_KEY_CONFIG_NOT_PENDING", "module (SYS) state", .leafSpecific, "1.5.01",
            "SYS.KEY.CONFIG called in the wrong module state (SYS.CONFIG must come just before)"),
        row(0xc000050800000000, "TDX_SYS_STATE_INCORRECT", "module (SYS) state", .leafSpecific, "1.5.01",
            "module state is wrong for SYS.UPDATE / SYS.SHUTDOWN"),
        row(0xc000050900000000, "TDX_SYS_INVALID_HANDOFF", "module (SYS) state", .leafSpecific, "1.5.01",
            "handoff data of the previous module is unusable or of an unsupported version"),
        row(0xc000050a00000000, "TDX_SYS_INCOMPATIBLE_SIGSTRUCT", "module (SYS) state", .leafSpecific, "1.5.01",
            "signature structure given to SYS.INIT is not compatible with this module"),
        row(0xc000050b00000000, "TDX_SYS_LP_INIT_NOT_PENDING", "module (SYS) state", .leafSpecific, "1.5.01",
            "SYS.LP.INIT called before SYS.INIT or after SYS.CONFIG"),
        row(0xc000050c00000000, "TDX_SYS_CONFIG_NOT_PENDING", "module (SYS) state", .leafSpecific, "1.5.01",
            "SYS.CONFIG called in the wrong module state, or some logical processor has no SYS.LP.INIT"),
        row(0xc000050d00000000, "TDX_INCOMPATIBLE_SEAM_CAPABILITIES", "module (SYS) state", .leafSpecific, "1.5.01",
            "SEAM hardware lacks something the module needs"),
        row(0xe000060400000000, "TDX_TD_FATAL", "TD state", .leafSpecific, "1.5.01",
            "the TD is marked fatal; only teardown is possible"),
        row(0xc000060500000000, "TDX_TD_NON_DEBUG", "TD state", .leafSpecific, "1.5.01",
            "operation is for debuggable TDs only"),
        row(0xc000060600000000, "TDX_TDCS_NOT_ALLOCATED", "TD state", .leafSpecific, "1.5.01",
            "not enough TDCX pages were added for the TD control structure"),
        row(0xc000060700000000, "TDX_LIFECYCLE_STATE_INCORRECT", "TD state", .leafSpecific, "1.5.01",
            "TD key/lifecycle state (in TDR) does not permit this leaf"),
        row(0xc000060800000000, "TDX_OP_STATE_INCORRECT", "TD state", .leafSpecific, "1.5.01",
            "TD operation state (in TDCS) does not permit this leaf"),
        row(0xc000060900000000, "TDX_NO_VCPUS", "TD state", .leafSpecific, "1.5.01",
            "MR.FINALIZE: TD has no initialised vCPU"),
        row(0xc000061000000000, "TDX_TDCX_NUM_INCORRECT", "TD state", .leafSpecific, "1.5.01",
            "number of control-structure pages is too small or already at the maximum (TDCS or TDVPS)"),
        row(0xc000070000000000, "TDX_VCPU_STATE_INCORRECT", "vCPU state", .leafSpecific, "1.5.01",
            "vCPU state does not permit this leaf"),
        row(0x8000070100000000, "TDX_VCPU_ASSOCIATED", "vCPU state", .leafSpecific, "1.5.01",
            "vCPU is associated with another logical processor; flush there first"),
        row(0x8000070200000000, "TDX_VCPU_NOT_ASSOCIATED", "vCPU state", .leafSpecific, "1.5.01",
            "VP.FLUSH: vCPU is not associated with the calling logical processor"),
        row(0xc000070400000000, "TDX_NO_VALID_VE_INFO", "vCPU state", .leafSpecific, "1.5.01",
            "guest-side: no #VE information pending"),
        row(0xc000070500000000, "TDX_MAX_VCPUS_EXCEEDED", "vCPU state", .leafSpecific, "1.5.01",
            "VP.INIT: MAX_VCPUS of the TD already reached"),
        row(0xc000070600000000, "TDX_TSC_ROLLBACK", "vCPU state", .leafSpecific, "1.5.01",
            "VP.ENTER: time-stamp counter would go backwards relative to last exit"),
        row(0xc000073000000000, "TDX_TD_VMCS_FIELD_NOT_INITIALIZED", "vCPU state", .leafSpecific, "1.5.01",
            "L2 VMCS field that must be set by L1 is not set"),
        row(0xc000073100000000, "TD_VMCS_FIELD_ERROR", "vCPU state", .leafSpecific, "1.5.01",
            "L2 VMCS field has a bad value (note: this name has no TDX_ prefix in the module)"),
        row(0x8000080000000000, "TDX_KEY_GENERATION_FAILED", "key management", .leafSpecific, "1.5.01",
            "key programming ran out of entropy; try again"),
        row(0x8000081000000000, "TDX_TD_KEYS_NOT_CONFIGURED", "key management", .leafSpecific, "1.5.01",
            "TD key not configured on all packages, or TD already torn down"),
        row(0xc000081100000000, "TDX_KEY_STATE_INCORRECT", "key management", .leafSpecific, "1.5.01",
            "KeyID state does not permit this operation"),
        row(0x81500000000, "TDX_KEY_CONFIGURED", "key management", .leafSpecific, "1.5.01",
            "informational: key already configured on this package"),
        row(0x8000081700000000, "TDX_WBCACHE_NOT_COMPLETE", "key management", .leafSpecific, "1.5.01",
            "KEY.FREEID: cache write-back has not completed on every package"),
        row(0xc000082000000000, "TDX_HKID_NOT_FREE", "key management", .leafSpecific, "1.5.01",
            "MNG.CREATE: KeyID is in use, awaiting release, or reserved"),
        row(0x82100000000, "TDX_NO_HKID_READY_TO_WBCACHE", "key management", .leafSpecific, "1.5.01",
            "informational: no KeyID waits for cache write-back"),
        row(0xc000082300000000, "TDX_WBCACHE_RESUME_ERROR", "key management", .leafSpecific, "1.5.01",
            "CACHE.WB resume asked for but no interrupted operation is saved for this package"),
        row(0x8000082400000000, "TDX_FLUSHVP_NOT_DONE", "key management", .leafSpecific, "1.5.01",
            "VPFLUSHDONE: some vCPU is still associated with a logical processor"),
        row(0xc000082500000000, "TDX_NUM_ACTIVATED_HKIDS_NOT_SUPPORTED", "key management", .leafSpecific, "1.5.01",
            "BIOS activated more KeyIDs than the module can track"),
        row(0xc000090000000000, "TDX_INCORRECT_CPUID_VALUE", "platform configuration", .leafSpecific, "1.5.01",
            "CPUID on this platform does not have a value the module requires"),
        row(0xc000090100000000, "TDX_LIMIT_CPUID_MAXVAL_SET", "platform configuration", .leafSpecific, "1.5.01",
            "IA32_MISC_ENABLE limits the CPUID leaf count (boot-NT4 bit)"),
        row(0xc000090200000000, "TDX_INCONSISTENT_CPUID_FIELD", "platform configuration", .leafSpecific, "1.5.01",
            "CPUID differs between logical processors"),
        row(0xc000090300000000, "TDX_CPUID_MAX_SUBLEAVES_UNRECOGNIZED", "platform configuration", .leafSpecific, "1.5.01",
            "a CPUID leaf has more sub-leaves than the module knows"),
        row(0xc000090400000000, "TDX_CPUID_LEAF_1F_FORMAT_UNRECOGNIZED", "platform configuration", .leafSpecific, "1.5.01",
            "CPUID topology leaf 0x1F has an unexpected format"),
        row(0xc000090500000000, "TDX_INVALID_WBINVD_SCOPE", "platform configuration", .leafSpecific, "1.5.01",
            "cache write-back scope on this platform is not supported"),
        row(0xc000090600000000, "TDX_INVALID_PKG_ID", "platform configuration", .leafSpecific, "1.5.01",
            "package identifier exceeds what the module supports"),
        row(0xc000090700000000, "TDX_ENABLE_MONITOR_FSM_NOT_SET", "platform configuration", .leafSpecific, "1.5.01",
            "MONITOR/MWAIT is disabled in IA32_MISC_ENABLE"),
        row(0xc000090800000000, "TDX_CPUID_LEAF_NOT_SUPPORTED", "platform configuration", .leafSpecific, "1.5.01",
            "a required CPUID leaf is absent"),
        row(0xc000091000000000, "TDX_SMRR_NOT_LOCKED", "platform configuration", .leafSpecific, "1.5.01",
            "SMRR is not locked by BIOS"),
        row(0xc000091100000000, "TDX_INVALID_SMRR_CONFIGURATION", "platform configuration", .leafSpecific, "1.5.01",
            "SMRR values are not legal"),
        row(0xc000091200000000, "TDX_SMRR_OVERLAPS_CMR", "platform configuration", .leafSpecific, "1.5.01",
            "SMRR overlaps convertible memory"),
        row(0xc000091300000000, "TDX_SMRR_LOCK_NOT_SUPPORTED", "platform configuration", .leafSpecific, "1.5.01",
            "platform cannot lock SMRR"),
        row(0xc000091400000000, "TDX_SMRR_NOT_SUPPORTED", "platform configuration", .leafSpecific, "1.5.01",
            "platform has no SMRR"),
        row(0xc000092000000000, "TDX_INCONSISTENT_MSR", "platform configuration", .msrIndex, "1.5.01",
            "MSR differs between logical processors or from boot value; low 32 bits hold the MSR index"),
        row(0xc000092100000000, "TDX_INCORRECT_MSR_VALUE", "platform configuration", .msrIndex, "1.5.01",
            "MSR has a value the module refuses; low 32 bits hold the MSR index"),
        row(0xc000093000000000, "TDX_SEAMREPORT_NOT_AVAILABLE", "platform configuration", .leafSpecific, "1.5.01",
            "SEAM report instruction is missing"),
        row(0xc000093100000000, "TDX_SEAMDB_GETREF_NOT_AVAILABLE", "platform configuration", .leafSpecific, "1.5.01",
            "SEAM database reference instruction is missing"),
        row(0xc000093200000000, "TDX_SEAMDB_REPORT_NOT_AVAILABLE", "platform configuration", .leafSpecific, "1.5.01",
            "SEAM database report instruction is missing"),
        row(0xc000093300000000, "TDX_SEAMVERIFYREPORT_NOT_AVAILABLE", "platform configuration", .leafSpecific, "1.5.01",
            "SEAM report verification instruction is missing"),
        row(0xc0000a0000000000, "TDX_INVALID_TDMR", "physical memory configuration (TDMR/PAMT)", .infoBytes, "1.5.01",
            "SYS.CONFIG: TDMR base or size is illegal; low bytes hold indices"),
        row(0xc0000a0100000000, "TDX_NON_ORDERED_TDMR", "physical memory configuration (TDMR/PAMT)", .infoBytes, "1.5.01",
            "SYS.CONFIG: TDMRs are not in ascending order or they overlap"),
        row(0xc0000a0200000000, "TDX_TDMR_OUTSIDE_CMRS", "physical memory configuration (TDMR/PAMT)", .infoBytes, "1.5.01",
            "SYS.CONFIG: usable TDMR area is not fully inside convertible memory"),
        row(0xa0300000000, "TDX_TDMR_ALREADY_INITIALIZED", "physical memory configuration (TDMR/PAMT)", .leafSpecific, "1.5.01",
            "informational: this TDMR has no more blocks to initialise"),
        row(0xc0000a1000000000, "TDX_INVALID_PAMT", "physical memory configuration (TDMR/PAMT)", .infoBytes, "1.5.01",
            "SYS.CONFIG: PAMT base or size is illegal or too small"),
        row(0xc0000a1100000000, "TDX_PAMT_OUTSIDE_CMRS", "physical memory configuration (TDMR/PAMT)", .infoBytes, "1.5.01",
            "SYS.CONFIG: PAMT is not fully inside convertible memory"),
        row(0xc0000a1200000000, "TDX_PAMT_OVERLAP", "physical memory configuration (TDMR/PAMT)", .infoBytes, "1.5.01",
            "SYS.CONFIG: PAMT overlaps a usable TDMR area or another PAMT"),
        row(0xc0000a2000000000, "TDX_INVALID_RESERVED_IN_TDMR", "physical memory configuration (TDMR/PAMT)", .infoBytes, "1.5.01",
            "SYS.CONFIG: reserved area of a TDMR is illegal"),
        row(0xc0000a2100000000, "TDX_NON_ORDERED_RESERVED_IN_TDMR", "physical memory configuration (TDMR/PAMT)", .infoBytes, "1.5.01",
            "SYS.CONFIG: reserved areas of a TDMR are unordered or overlap"),
        row(0xc0000a2200000000, "TDX_CMR_LIST_INVALID", "physical memory configuration (TDMR/PAMT)", .leafSpecific, "1.5.01",
            "convertible memory list handed over by the loader is illegal"),
        row(0xc0000b0000000000, "TDX_EPT_WALK_FAILED", "guest memory mapping (secure EPT)", .operand, "1.5.01",
            "secure EPT walk did not reach the asked level; RCX/RDX tell where it stopped"),
        row(0xc0000b0100000000, "TDX_EPT_ENTRY_FREE", "guest memory mapping (secure EPT)", .leafSpecific, "1.5.01",
            "secure EPT entry is free but must not be"),
        row(0xc0000b0200000000, "TDX_EPT_ENTRY_NOT_FREE", "guest memory mapping (secure EPT)", .leafSpecific, "1.5.01",
            "secure EPT entry must be free"),
        row(0xc0000b0300000000, "TDX_EPT_ENTRY_NOT_PRESENT", "guest memory mapping (secure EPT)", .operand, "1.5.01",
            "GPA is not mapped (MR.EXTEND and similar)"),
        row(0xc0000b0400000000, "TDX_EPT_ENTRY_NOT_LEAF", "guest memory mapping (secure EPT)", .leafSpecific, "1.5.01",
            "secure EPT entry must map a page"),
        row(0xc0000b0500000000, "TDX_EPT_ENTRY_LEAF", "guest memory mapping (secure EPT)", .leafSpecific, "1.5.01",
            "secure EPT entry maps a page but must not"),
        row(0xc0000b0600000000, "TDX_GPA_RANGE_NOT_BLOCKED", "guest memory mapping (secure EPT)", .operand, "1.5.01",
            "range must be blocked first (RANGE.BLOCK)"),
        row(0xb0700000000, "TDX_GPA_RANGE_ALREADY_BLOCKED", "guest memory mapping (secure EPT)", .operand, "1.5.01",
            "informational: range is blocked already"),
        row(0xc0000b0800000000, "TDX_TLB_TRACKING_NOT_DONE", "guest memory mapping (secure EPT)", .operand, "1.5.01",
            "range is blocked but TLB tracking (TRACK and vCPU exits) is not finished"),
        row(0xc0000b0900000000, "TDX_EPT_INVALID_PROMOTE_CONDITIONS", "guest memory mapping (secure EPT)", .leafSpecific, "1.5.01",
            "pages under the entry do not permit a promotion to a larger page"),
        row(0xb0a00000000, "TDX_PAGE_ALREADY_ACCEPTED", "guest memory mapping (secure EPT)", .leafSpecific, "1.5.01",
            "guest-side, informational: page was accepted before"),
        row(0xc0000b0b00000000, "TDX_PAGE_SIZE_MISMATCH", "guest memory mapping (secure EPT)", .leafSpecific, "1.5.01",
            "guest-side: page is mapped with a size other than asked"),
        row(0xc0000b0c00000000, "TDX_GPA_RANGE_BLOCKED", "guest memory mapping (secure EPT)", .leafSpecific, "1.5.01",
            "range is blocked"),
        row(0xc0000b0d00000000, "TDX_EPT_ENTRY_STATE_INCORRECT", "guest memory mapping (secure EPT)", .operand, "1.5.01",
            "secure EPT entry state does not permit this leaf; RCX/RDX carry entry and level/state"),
        row(0xc0000b0e00000000, "TDX_EPT_PAGE_NOT_FREE", "guest memory mapping (secure EPT)", .operand, "1.5.01",
            "secure EPT page still has entries that are not free"),
        row(0xc0000b0f00000000, "TDX_L2_SEPT_WALK_FAILED", "guest memory mapping (secure EPT)", .leafSpecific, "1.5.01",
            "secure EPT walk of an L2 VM did not reach the level"),
        row(0xc0000b1000000000, "TDX_L2_SEPT_ENTRY_NOT_FREE", "guest memory mapping (secure EPT)", .leafSpecific, "1.5.01",
            "secure EPT entry of an L2 VM must be free"),
        row(0xc0000b1100000000, "TDX_PAGE_ATTR_INVALID", "guest memory mapping (secure EPT)", .leafSpecific, "1.5.01",
            "page attributes for an L2 VM are illegal"),
        row(0xc0000b1200000000, "TDX_L2_SEPT_PAGE_NOT_PROVIDED", "guest memory mapping (secure EPT)", .leafSpecific, "1.5.01",
            "a secure EPT page for an L2 VM was needed but not supplied"),
        row(0xc0000c0000000000, "TDX_METADATA_FIELD_ID_INCORRECT", "metadata fields", .leafSpecific, "1.5.01",
            "field identifier is unknown or malformed"),
        row(0xc0000c0100000000, "TDX_METADATA_FIELD_NOT_WRITABLE", "metadata fields", .leafSpecific, "1.5.01",
            "caller may write no bit of the field (or none within the mask)"),
        row(0xc0000c0200000000, "TDX_METADATA_FIELD_NOT_READABLE", "metadata fields", .leafSpecific, "1.5.01",
            "caller may read no bit of the field"),
        row(0xc0000c0300000000, "TDX_METADATA_FIELD_VALUE_NOT_VALID", "metadata fields", .leafSpecific, "1.5.01",
            "value to write is illegal or would alter read-only bits"),
        row(0xc0000c0400000000, "TDX_METADATA_LIST_OVERFLOW", "metadata fields", .leafSpecific, "1.5.01",
            "metadata list does not fit its buffer"),
        row(0xc0000c0500000000, "TDX_INVALID_METADATA_LIST_HEADER", "metadata fields", .leafSpecific, "1.5.01",
            "metadata list header is malformed"),
        row(0xc0000c0600000000, "TDX_REQUIRED_METADATA_FIELD_MISSING", "metadata fields", .leafSpecific, "1.5.01",
            "import: a mandatory field is missing from the list"),
        row(0xc0000c0700000000, "TDX_METADATA_ELEMENT_SIZE_INCORRECT", "metadata fields", .leafSpecific, "1.5.01",
            "element size in the field identifier is wrong"),
        row(0xc0000c0800000000, "TDX_METADATA_LAST_ELEMENT_INCORRECT", "metadata fields", .leafSpecific, "1.5.01",
            "last-element value in the field identifier is wrong"),
        row(0xc0000c0900000000, "TDX_METADATA_FIELD_CURRENTLY_NOT_WRITABLE", "metadata fields", .leafSpecific, "1.5.01",
            "field is writable in general but not now"),
        row(0xc0000c0a00000000, "TDX_METADATA_WR_MASK_NOT_VALID", "metadata fields", .leafSpecific, "1.5.01",
            "write mask is illegal in this place"),
        row(0xc0b00000000, "TDX_METADATA_FIRST_FIELD_ID_IN_CONTEXT", "metadata fields", .leafSpecific, "1.5.01",
            "informational: read with the null field id returned the first id of the context"),
        row(0xc0c00000000, "TDX_METADATA_FIELD_SKIP", "metadata fields", .leafSpecific, "1.5.01",
            "informational, internal: field is to be skipped in a list"),
        row(0xc0000d0000000000, "TDX_SERVTD_ALREADY_BOUND_FOR_TYPE", "service TD binding", .leafSpecific, "1.5.01",
            "a service TD of this type is bound already"),
        row(0xc0000d0100000000, "TDX_SERVTD_TYPE_MISMATCH", "service TD binding", .leafSpecific, "1.5.01",
            "service TD type differs from the earlier binding"),
        row(0xc0000d0200000000, "TDX_SERVTD_ATTR_MISMATCH", "service TD binding", .leafSpecific, "1.5.01",
            "service TD attributes differ from the earlier binding"),
        row(0xc0000d0300000000, "TDX_SERVTD_INFO_HASH_MISMATCH", "service TD binding", .leafSpecific, "1.5.01",
            "service TD measurement hash differs from the pre-bound one"),
        row(0xc0000d0400000000, "TDX_SERVTD_UUID_MISMATCH", "service TD binding", .leafSpecific, "1.5.01",
            "service TD identity differs from the bound one"),
        row(0xc0000d0500000000, "TDX_SERVTD_NOT_BOUND", "service TD binding", .leafSpecific, "1.5.01",
            "no service TD is bound in this slot"),
        row(0xc0000d0600000000, "TDX_SERVTD_BOUND", "service TD binding", .leafSpecific, "1.5.01",
            "a service TD is bound in this slot"),
        row(0xc0000d0700000000, "TDX_TARGET_UUID_MISMATCH", "service TD binding", .leafSpecific, "1.5.01",
            "target TD identity does not match the binding handle"),
        row(0xc0000d0800000000, "TDX_TARGET_UUID_UPDATED", "service TD binding", .leafSpecific, "1.5.01",
            "target TD identity changed (for example after migration)"),
        row(0xc0000e0000000000, "TDX_INVALID_MBMD", "migration", .leafSpecific, "1.5.01",
            "migration bundle metadata is malformed"),
        row(0xc0000e0100000000, "TDX_INCORRECT_MBMD_MAC", "migration", .leafSpecific, "1.5.01",
            "migration bundle metadata failed authentication"),
        row(0xc0000e0200000000, "TDX_NOT_WRITE_BLOCKED", "migration", .leafSpecific, "1.5.01",
            "page must be blocked for writing before export"),
        row(0xe0300000000, "TDX_ALREADY_WRITE_BLOCKED", "migration", .leafSpecific, "1.5.01",
            "informational: page is already blocked for writing"),
        row(0xc0000e0400000000, "TDX_NOT_EXPORTED", "migration", .leafSpecific, "1.5.01",
            "page was not exported in this session"),
        row(0xc0000e0500000000, "TDX_MIGRATION_STREAM_STATE_INCORRECT", "migration", .leafSpecific, "1.5.01",
            "migration stream is in the wrong state or order"),
        row(0xc0000e0600000000, "TDX_MAX_MIGS_NUM_EXCEEDED", "migration", .leafSpecific, "1.5.01",
            "no more migration streams can be created"),
        row(0xc0000e0700000000, "TDX_EXPORTED_DIRTY_PAGES_REMAIN", "migration", .leafSpecific, "1.5.01",
            "dirty pages remain that must be exported again"),
        row(0xc0000e0800000000, "TDX_MIGRATION_DECRYPTION_KEY_NOT_SET", "migration", .leafSpecific, "1.5.01",
            "migration decryption key has not been set"),
        row(0xc0000e0900000000, "TDX_TD_NOT_MIGRATABLE", "migration", .leafSpecific, "1.5.01",
            "TD was not created with the migratable attribute"),
        row(0xc0000e0a00000000, "TDX_PREVIOUS_EXPORT_CLEANUP_INCOMPLETE", "migration", .leafSpecific, "1.5.01",
            "leftovers of an earlier export session remain"),
        row(0xc0000e0b00000000, "TDX_NUM_MIGS_HIGHER_THAN_CREATED", "migration", .leafSpecific, "1.5.01",
            "more migration streams named than exist"),
        row(0xc0000e0c00000000, "TDX_IMPORT_MISMATCH", "migration", .leafSpecific, "1.5.01",
            "imported data does not agree with the target TD"),
        row(0xc0000e0d00000000, "TDX_MIGRATION_EPOCH_OVERFLOW", "migration", .leafSpecific, "1.5.01",
            "migration epoch counter is exhausted"),
        row(0xc0000e0e00000000, "TDX_MAX_EXPORTS_EXCEEDED", "migration", .leafSpecific, "1.5.01",
            "too many export sessions"),
        row(0xc0000e0f00000000, "TDX_INVALID_PAGE_MAC", "migration", .leafSpecific, "1.5.01",
            "imported page failed authentication"),
        row(0xc0000e1000000000, "TDX_MIGRATED_IN_CURRENT_EPOCH", "migration", .leafSpecific, "1.5.01",
            "page was already migrated in this epoch"),
        row(0xc0000e1100000000, "TDX_DISALLOWED_IMPORT_OVER_REMOVED", "migration", .leafSpecific, "1.5.01",
            "import would overwrite a removed page where that is not allowed"),
        row(0xc0000e1200000000, "TDX_SOME_VCPUS_NOT_MIGRATED", "migration", .leafSpecific, "1.5.01",
            "not every vCPU has been migrated"),
        row(0xc0000e1300000000, "TDX_ALL_VCPUS_IMPORTED", "migration", .leafSpecific, "1.5.01",
            "all vCPUs were imported already"),
        row(0xc0000e1400000000, "TDX_MIN_MIGS_NOT_CREATED", "migration", .leafSpecific, "1.5.01",
            "too few migration streams exist"),
        row(0xc0000e1500000000, "TDX_VCPU_ALREADY_EXPORTED", "migration", .leafSpecific, "1.5.01",
            "vCPU was exported already"),
        row(0xc0000e1600000000, "TDX_INVALID_MIGRATION_DECRYPTION_KEY", "migration", .leafSpecific, "1.5.01",
            "migration decryption key is illegal"),
        row(0xc000100000000000, "TDX_INVALID_CPUSVN", "attestation report", .leafSpecific, "1.5.01",
            "guest-side: CPU security version in the report is not accepted"),
        row(0xc000100100000000, "TDX_INVALID_REPORTMACSTRUCT", "attestation report", .leafSpecific, "1.5.01",
            "guest-side: report structure failed verification"),
        row(0x110000000000, "TDX_L2_EXIT_HOST_ROUTED_ASYNC", "L2 / partitioning exits", .leafSpecific, "1.5.01",
            "guest-side: L2 exit routed by the host, asynchronous"),
        row(0x110100000000, "TDX_L2_EXIT_HOST_ROUTED_TDVMCALL", "L2 / partitioning exits", .leafSpecific, "1.5.01",
            "guest-side: L2 exit routed by the host after a TDVMCALL"),
        row(0x110200000000, "TDX_L2_EXIT_PENDING_INTERRUPT", "L2 / partitioning exits", .leafSpecific, "1.5.01",
            "guest-side: L2 not entered or left because of a pending interrupt"),
        row(0x112000000000, "TDX_PENDING_INTERRUPT", "L2 / partitioning exits", .leafSpecific, "1.5.01",
            "guest-side: operation stopped because of a pending interrupt"),
        row(0x114000000000, "TDX_TD_EXIT_BEFORE_L2_ENTRY", "L2 / partitioning exits", .leafSpecific, "1.5.01",
            "VP.ENTER exit: TD left just before an L2 entry"),
        row(0x114100000000, "TDX_TD_EXIT_ON_L2_VM_EXIT", "L2 / partitioning exits", .leafSpecific, "1.5.01",
            "VP.ENTER exit: TD left on an L2 exit"),
        row(0x114200000000, "TDX_TD_EXIT_ON_L2_TO_L1", "L2 / partitioning exits", .leafSpecific, "1.5.01",
            "VP.ENTER exit: TD left on an L2 to L1 transition"),
        row(0xc000116000000000, "TDX_GLA_NOT_CANONICAL", "L2 / partitioning exits", .leafSpecific, "1.5.01",
            "guest linear address is not canonical"),
        row(0xffffffffffffffff, "UNINITIALIZE_ERROR", "internal", .leafSpecific, "1.5.01",
            "module-internal marker for a variable not yet set; never a valid return"),
        row(0xc000010200000000, "TDX_EVENT_FILTER_INVALID", "operand validity", .leafSpecific, "later",
            "performance event filter is illegal"),
        row(0x8000020600000000, "TDX_INTERRUPTED_BUSY", "resource contention", .leafSpecific, "later",
            "operation stopped while an object was busy"),
        row(0xc000030400000000, "TDX_HPA_RANGE_NOT_FREE", "physical page metadata", .leafSpecific, "later",
            "dynamic PAMT: physical range is not free"),
        row(0xc000030500000000, "TDX_NO_PAMT_PAGE_PAIR", "physical page metadata", .leafSpecific, "later",
            "dynamic PAMT: no backing page pair present"),
        row(0xc000030600000000, "TDX_PAMT_PAGE_NOT_EMPTY", "physical page metadata", .leafSpecific, "later",
            "dynamic PAMT: backing page pair still in use"),
        row(0x8000030700000000, "TDX_INTERRUPTED_PAMT", "physical page metadata", .leafSpecific, "later",
            "dynamic PAMT: operation interrupted"),
        row(0x8000030800000000, "TDX_MISSING_PAMT_PAGE_PAIR", "physical page metadata", .leafSpecific, "later",
            "dynamic PAMT: host must add a backing page pair and retry"),
        row(0xc000051100000000, "TDX_CRYPTO_SELF_TEST_FAILED", "module (SYS) state", .leafSpecific, "later",
            "built-in crypto self test failed"),
        row(0x8000051200000000, "TDX_UPDATE_COMPATIBILITY_SENSITIVE", "module (SYS) state", .leafSpecific, "later",
            "update refused because a TD is in a state sensitive to it"),
        row(0xc000060a00000000, "TDX_DEBUG_MEM_NOT_WRITABLE", "TD state", .leafSpecific, "later",
            "debug write to memory is not permitted"),
        row(0xc000062100000000, "TDX_X2APIC_ID_NOT_UNIQUE", "TD state", .x2apicID, "later",
            "VP.INIT v1: x2APIC id already taken in this TD"),
        row(0xc000062200000000, "TDX_INCOMPATIBLE_MRTD_CONTEXT", "TD state", .leafSpecific, "later",
            "running measurement context is not compatible"),
        row(0xc000070700000000, "TDX_INTERRUPTIBILITY_BLOCKED", "vCPU state", .leafSpecific, "later",
            "guest interruptibility state prevents the operation"),
        row(0xc0000c0d00000000, "TDX_VIRTUAL_MSR_VALUE_NOT_VALID", "metadata fields", .leafSpecific, "later",
            "virtual MSR value is illegal"),
        row(0xc0000c0e00000000, "TDX_METADATA_FIELD_NOT_ALLOCATED", "metadata fields", .leafSpecific, "later",
            "field belongs to a structure that is not allocated"),
        row(0xc0000e2200000000, "TDX_INCOMPATIBLE_MBMD_MAC_CONTEXT", "migration", .leafSpecific, "later",
            "migration authentication context is not compatible"),
        row(0x8000110300000000, "TDX_L2_VM_ENTRY_FAILED", "L2 / partitioning exits", .leafSpecific, "later",
            "entry into the L2 VM failed"),
        row(0x8000ff0000000000, "TDX_SW_ERROR", "software-defined (not produced by the module)", .leafSpecific, "Linux",
            "base of the range Linux uses for its own synthetic codes (error bit plus class 0xFF)"),
        row(0x8000ff00ffff0000, "TDX_SEAMCALL_VMFAILINVALID", "software-defined (not produced by the module)", .leafSpecific, "Linux",
            "SEAMCALL came back with carry set: no module loaded or SEAM unusable; CPU leaves RAX unchanged, Linux substitutes this value"),
        row(0x8000ff000000000d, "TDX_SEAMCALL_GP", "software-defined (not produced by the module)", .vector, "Linux",
            "SEAMCALL raised #GP (vector 13): TDX not enabled by firmware or SEAM range registers off"),
        row(0x8000ff0000000006, "TDX_SEAMCALL_UD", "software-defined (not produced by the module)", .vector, "Linux",
            "SEAMCALL raised #UD (vector 6): CPU not in VMX operation"),
    ]
}

extension Completion {
    public static let success = Completion(rawValue: 0x0000000000000000)
    public static let nonRecoverableVCPU = Completion(rawValue: 0x4000000100000000)
    public static let nonRecoverableTD = Completion(rawValue: 0x6000000200000000)
    public static let interruptedResumable = Completion(rawValue: 0x8000000300000000)
    public static let interruptedRestartable = Completion(rawValue: 0x8000000400000000)
    public static let nonRecoverableTDNonAccessible = Completion(rawValue: 0x6000000500000000)
    public static let invalidResumption = Completion(rawValue: 0xc000000600000000)
    public static let nonRecoverableTDWrongAPICMode = Completion(rawValue: 0xe000000700000000)
    public static let crossTDFault = Completion(rawValue: 0x8000000800000000)
    public static let crossTDTrap = Completion(rawValue: 0x9000000900000000)
    public static let nonRecoverableTDCorruptedMd = Completion(rawValue: 0x6000000a00000000)
    public static let operandInvalid = Completion(rawValue: 0xc000010000000000)
    public static let operandAddrRangeError = Completion(rawValue: 0xc000010100000000)
    public static let operandBusy = Completion(rawValue: 0x8000020000000000)
    public static let previousTLBEpochBusy = Completion(rawValue: 0x8000020100000000)
    public static let sysBusy = Completion(rawValue: 0x8000020200000000)
    public static let rndNoEntropy = Completion(rawValue: 0x8000020300000000)
    public static let operandBusyHostPriority = Completion(rawValue: 0x8000020400000000)
    public static let hostPriorityBusyTimeout = Completion(rawValue: 0x9000020500000000)
    public static let pageMetadataIncorrect = Completion(rawValue: 0xc000030000000000)
    public static let pageAlreadyFree = Completion(rawValue: 0x0000030100000000)
    public static let pageNotOwnedByTD = Completion(rawValue: 0xc000030200000000)
    public static let pageNotFree = Completion(rawValue: 0xc000030300000000)
    public static let tdAssociatedPagesExist = Completion(rawValue: 0xc000040000000000)
    public static let sysInitNotPending = Completion(rawValue: 0xc000050000000000)
    public static let sysLPInitNotDone = Completion(rawValue: 0xc000050200000000)
    public static let sysLPInitDone = Completion(rawValue: 0xc000050300000000)
    public static let sysNotReady = Completion(rawValue: 0xc000050500000000)
    public static let sysShutdown = Completion(rawValue: 0xc000050600000000)
    public static let sysKeyConfigNotPending = Completion(rawValue: 0xc000050700000000)
    public static let sysStateIncorrect = Completion(rawValue: 0xc000050800000000)
    public static let sysInvalidHandoff = Completion(rawValue: 0xc000050900000000)
    public static let sysIncompatibleSigstruct = Completion(rawValue: 0xc000050a00000000)
    public static let sysLPInitNotPending = Completion(rawValue: 0xc000050b00000000)
    public static let sysConfigNotPending = Completion(rawValue: 0xc000050c00000000)
    public static let incompatibleSEAMCapabilities = Completion(rawValue: 0xc000050d00000000)
    public static let tdFatal = Completion(rawValue: 0xe000060400000000)
    public static let tdNonDebug = Completion(rawValue: 0xc000060500000000)
    public static let tdcsNotAllocated = Completion(rawValue: 0xc000060600000000)
    public static let lifecycleStateIncorrect = Completion(rawValue: 0xc000060700000000)
    public static let opStateIncorrect = Completion(rawValue: 0xc000060800000000)
    public static let noVCPUs = Completion(rawValue: 0xc000060900000000)
    public static let tdcxNumIncorrect = Completion(rawValue: 0xc000061000000000)
    public static let vcpuStateIncorrect = Completion(rawValue: 0xc000070000000000)
    public static let vcpuAssociated = Completion(rawValue: 0x8000070100000000)
    public static let vcpuNotAssociated = Completion(rawValue: 0x8000070200000000)
    public static let noValidVeInfo = Completion(rawValue: 0xc000070400000000)
    public static let maxVCPUsExceeded = Completion(rawValue: 0xc000070500000000)
    public static let tscRollback = Completion(rawValue: 0xc000070600000000)
    public static let tdVmcsFieldNotInitialized = Completion(rawValue: 0xc000073000000000)
    public static let tdVmcsFieldError = Completion(rawValue: 0xc000073100000000)
    public static let keyGenerationFailed = Completion(rawValue: 0x8000080000000000)
    public static let tdKeysNotConfigured = Completion(rawValue: 0x8000081000000000)
    public static let keyStateIncorrect = Completion(rawValue: 0xc000081100000000)
    public static let keyConfigured = Completion(rawValue: 0x0000081500000000)
    public static let wbCacheNotComplete = Completion(rawValue: 0x8000081700000000)
    public static let hkidNotFree = Completion(rawValue: 0xc000082000000000)
    public static let noHKIDReadyToWBCache = Completion(rawValue: 0x0000082100000000)
    public static let wbCacheResumeError = Completion(rawValue: 0xc000082300000000)
    public static let flushVPNotDone = Completion(rawValue: 0x8000082400000000)
    public static let numActivatedHkidsNotSupported = Completion(rawValue: 0xc000082500000000)
    public static let incorrectCPUIDValue = Completion(rawValue: 0xc000090000000000)
    public static let limitCPUIDMaxvalSet = Completion(rawValue: 0xc000090100000000)
    public static let inconsistentCPUIDField = Completion(rawValue: 0xc000090200000000)
    public static let cpuidMaxSubleavesUnrecognized = Completion(rawValue: 0xc000090300000000)
    public static let cpuidLeaf1FFormatUnrecognized = Completion(rawValue: 0xc000090400000000)
    public static let invalidWbinvdScope = Completion(rawValue: 0xc000090500000000)
    public static let invalidPkgID = Completion(rawValue: 0xc000090600000000)
    public static let enableMonitorFsmNotSet = Completion(rawValue: 0xc000090700000000)
    public static let cpuidLeafNotSupported = Completion(rawValue: 0xc000090800000000)
    public static let smrrNotLocked = Completion(rawValue: 0xc000091000000000)
    public static let invalidSMRRConfiguration = Completion(rawValue: 0xc000091100000000)
    public static let smrrOverlapsCMR = Completion(rawValue: 0xc000091200000000)
    public static let smrrLockNotSupported = Completion(rawValue: 0xc000091300000000)
    public static let smrrNotSupported = Completion(rawValue: 0xc000091400000000)
    public static let inconsistentMSR = Completion(rawValue: 0xc000092000000000)
    public static let incorrectMSRValue = Completion(rawValue: 0xc000092100000000)
    public static let seamreportNotAvailable = Completion(rawValue: 0xc000093000000000)
    public static let seamdbGetrefNotAvailable = Completion(rawValue: 0xc000093100000000)
    public static let seamdbReportNotAvailable = Completion(rawValue: 0xc000093200000000)
    public static let seamverifyreportNotAvailable = Completion(rawValue: 0xc000093300000000)
    public static let invalidTDMR = Completion(rawValue: 0xc0000a0000000000)
    public static let nonOrderedTDMR = Completion(rawValue: 0xc0000a0100000000)
    public static let tdmrOutsideCMRs = Completion(rawValue: 0xc0000a0200000000)
    public static let tdmrAlreadyInitialized = Completion(rawValue: 0x00000a0300000000)
    public static let invalidPAMT = Completion(rawValue: 0xc0000a1000000000)
    public static let pamtOutsideCMRs = Completion(rawValue: 0xc0000a1100000000)
    public static let pamtOverlap = Completion(rawValue: 0xc0000a1200000000)
    public static let invalidReservedInTDMR = Completion(rawValue: 0xc0000a2000000000)
    public static let nonOrderedReservedInTDMR = Completion(rawValue: 0xc0000a2100000000)
    public static let cmrListInvalid = Completion(rawValue: 0xc0000a2200000000)
    public static let eptWalkFailed = Completion(rawValue: 0xc0000b0000000000)
    public static let eptEntryFree = Completion(rawValue: 0xc0000b0100000000)
    public static let eptEntryNotFree = Completion(rawValue: 0xc0000b0200000000)
    public static let eptEntryNotPresent = Completion(rawValue: 0xc0000b0300000000)
    public static let eptEntryNotLeaf = Completion(rawValue: 0xc0000b0400000000)
    public static let eptEntryLeaf = Completion(rawValue: 0xc0000b0500000000)
    public static let gpaRangeNotBlocked = Completion(rawValue: 0xc0000b0600000000)
    public static let gpaRangeAlreadyBlocked = Completion(rawValue: 0x00000b0700000000)
    public static let tlbTrackingNotDone = Completion(rawValue: 0xc0000b0800000000)
    public static let eptInvalidPromoteConditions = Completion(rawValue: 0xc0000b0900000000)
    public static let pageAlreadyAccepted = Completion(rawValue: 0x00000b0a00000000)
    public static let pageSizeMismatch = Completion(rawValue: 0xc0000b0b00000000)
    public static let gpaRangeBlocked = Completion(rawValue: 0xc0000b0c00000000)
    public static let eptEntryStateIncorrect = Completion(rawValue: 0xc0000b0d00000000)
    public static let eptPageNotFree = Completion(rawValue: 0xc0000b0e00000000)
    public static let l2SEPTWalkFailed = Completion(rawValue: 0xc0000b0f00000000)
    public static let l2SEPTEntryNotFree = Completion(rawValue: 0xc0000b1000000000)
    public static let pageAttrInvalid = Completion(rawValue: 0xc0000b1100000000)
    public static let l2SEPTPageNotProvided = Completion(rawValue: 0xc0000b1200000000)
    public static let metadataFieldIDIncorrect = Completion(rawValue: 0xc0000c0000000000)
    public static let metadataFieldNotWritable = Completion(rawValue: 0xc0000c0100000000)
    public static let metadataFieldNotReadable = Completion(rawValue: 0xc0000c0200000000)
    public static let metadataFieldValueNotValid = Completion(rawValue: 0xc0000c0300000000)
    public static let metadataListOverflow = Completion(rawValue: 0xc0000c0400000000)
    public static let invalidMetadataListHeader = Completion(rawValue: 0xc0000c0500000000)
    public static let requiredMetadataFieldMissing = Completion(rawValue: 0xc0000c0600000000)
    public static let metadataElementSizeIncorrect = Completion(rawValue: 0xc0000c0700000000)
    public static let metadataLastElementIncorrect = Completion(rawValue: 0xc0000c0800000000)
    public static let metadataFieldCurrentlyNotWritable = Completion(rawValue: 0xc0000c0900000000)
    public static let metadataWrMaskNotValid = Completion(rawValue: 0xc0000c0a00000000)
    public static let metadataFirstFieldIDInContext = Completion(rawValue: 0x00000c0b00000000)
    public static let metadataFieldSkip = Completion(rawValue: 0x00000c0c00000000)
    public static let servtdAlreadyBoundForType = Completion(rawValue: 0xc0000d0000000000)
    public static let servtdTypeMismatch = Completion(rawValue: 0xc0000d0100000000)
    public static let servtdAttrMismatch = Completion(rawValue: 0xc0000d0200000000)
    public static let servtdInfoHashMismatch = Completion(rawValue: 0xc0000d0300000000)
    public static let servtdUUIDMismatch = Completion(rawValue: 0xc0000d0400000000)
    public static let servtdNotBound = Completion(rawValue: 0xc0000d0500000000)
    public static let servtdBound = Completion(rawValue: 0xc0000d0600000000)
    public static let targetUUIDMismatch = Completion(rawValue: 0xc0000d0700000000)
    public static let targetUUIDUpdated = Completion(rawValue: 0xc0000d0800000000)
    public static let invalidMbmd = Completion(rawValue: 0xc0000e0000000000)
    public static let incorrectMbmdMac = Completion(rawValue: 0xc0000e0100000000)
    public static let notWriteBlocked = Completion(rawValue: 0xc0000e0200000000)
    public static let alreadyWriteBlocked = Completion(rawValue: 0x00000e0300000000)
    public static let notExported = Completion(rawValue: 0xc0000e0400000000)
    public static let migrationStreamStateIncorrect = Completion(rawValue: 0xc0000e0500000000)
    public static let maxMigsNumExceeded = Completion(rawValue: 0xc0000e0600000000)
    public static let exportedDirtyPagesRemain = Completion(rawValue: 0xc0000e0700000000)
    public static let migrationDecryptionKeyNotSet = Completion(rawValue: 0xc0000e0800000000)
    public static let tdNotMigratable = Completion(rawValue: 0xc0000e0900000000)
    public static let previousExportCleanupIncomplete = Completion(rawValue: 0xc0000e0a00000000)
    public static let numMigsHigherThanCreated = Completion(rawValue: 0xc0000e0b00000000)
    public static let importMismatch = Completion(rawValue: 0xc0000e0c00000000)
    public static let migrationEpochOverflow = Completion(rawValue: 0xc0000e0d00000000)
    public static let maxExportsExceeded = Completion(rawValue: 0xc0000e0e00000000)
    public static let invalidPageMac = Completion(rawValue: 0xc0000e0f00000000)
    public static let migratedInCurrentEpoch = Completion(rawValue: 0xc0000e1000000000)
    public static let disallowedImportOverRemoved = Completion(rawValue: 0xc0000e1100000000)
    public static let someVCPUsNotMigrated = Completion(rawValue: 0xc0000e1200000000)
    public static let allVCPUsImported = Completion(rawValue: 0xc0000e1300000000)
    public static let minMigsNotCreated = Completion(rawValue: 0xc0000e1400000000)
    public static let vcpuAlreadyExported = Completion(rawValue: 0xc0000e1500000000)
    public static let invalidMigrationDecryptionKey = Completion(rawValue: 0xc0000e1600000000)
    public static let invalidCpusvn = Completion(rawValue: 0xc000100000000000)
    public static let invalidReportmacstruct = Completion(rawValue: 0xc000100100000000)
    public static let l2ExitHostRoutedAsync = Completion(rawValue: 0x0000110000000000)
    public static let l2ExitHostRoutedTdvmcall = Completion(rawValue: 0x0000110100000000)
    public static let l2ExitPendingInterrupt = Completion(rawValue: 0x0000110200000000)
    public static let pendingInterrupt = Completion(rawValue: 0x0000112000000000)
    public static let tdExitBeforeL2Entry = Completion(rawValue: 0x0000114000000000)
    public static let tdExitOnL2VMExit = Completion(rawValue: 0x0000114100000000)
    public static let tdExitOnL2ToL1 = Completion(rawValue: 0x0000114200000000)
    public static let glaNotCanonical = Completion(rawValue: 0xc000116000000000)
    public static let uninitializeError = Completion(rawValue: 0xffffffffffffffff)
    public static let eventFilterInvalid = Completion(rawValue: 0xc000010200000000)
    public static let interruptedBusy = Completion(rawValue: 0x8000020600000000)
    public static let hpaRangeNotFree = Completion(rawValue: 0xc000030400000000)
    public static let noPAMTPagePair = Completion(rawValue: 0xc000030500000000)
    public static let pamtPageNotEmpty = Completion(rawValue: 0xc000030600000000)
    public static let interruptedPAMT = Completion(rawValue: 0x8000030700000000)
    public static let missingPAMTPagePair = Completion(rawValue: 0x8000030800000000)
    public static let cryptoSelfTestFailed = Completion(rawValue: 0xc000051100000000)
    public static let updateCompatibilitySensitive = Completion(rawValue: 0x8000051200000000)
    public static let debugMemNotWritable = Completion(rawValue: 0xc000060a00000000)
    public static let x2apicIDNotUnique = Completion(rawValue: 0xc000062100000000)
    public static let incompatibleMrtdContext = Completion(rawValue: 0xc000062200000000)
    public static let interruptibilityBlocked = Completion(rawValue: 0xc000070700000000)
    public static let virtualMSRValueNotValid = Completion(rawValue: 0xc0000c0d00000000)
    public static let metadataFieldNotAllocated = Completion(rawValue: 0xc0000c0e00000000)
    public static let incompatibleMbmdMacContext = Completion(rawValue: 0xc0000e2200000000)
    public static let l2VMEntryFailed = Completion(rawValue: 0x8000110300000000)
}

extension OperandID {
    static let named: [(UInt32, String)] = [
        (0, "RAX"),
        (1, "RCX"),
        (2, "RDX"),
        (3, "RBX"),
        (5, "RBP"),
        (6, "RSI"),
        (7, "RDI"),
        (8, "R8"),
        (9, "R9"),
        (10, "R10"),
        (11, "R11"),
        (12, "R12"),
        (13, "R13"),
        (14, "R14"),
        (15, "R15"),
        (64, "ATTRIBUTES"),
        (65, "XFAM"),
        (66, "EXEC_CONTROLS"),
        (67, "EPTP_CONTROLS"),
        (68, "MAX_VCPUS"),
        (69, "CPUID_CONFIG"),
        (70, "TSC_FREQUENCY"),
        (71, "NUM_L2_VMS"),
        (72, "IA32_ARCH_CAPABILITIES_CONFIG"),
        (95, "PAGE"),
        (96, "TDMR_INFO_PA"),
        (97, "GPA_LIST_ENTRY"),
        (98, "MIG_BUFF_LIST_ENTRY"),
        (99, "NEW_PAGE_LIST_ENTRY"),
        (128, "TDR"),
        (129, "TDCX"),
        (130, "TDVPR"),
        (132, "REG_PAGE"),
        (144, "TDCS"),
        (145, "TDVPS"),
        (146, "SEPT_TREE"),
        (147, "SEPT_ENTRY"),
        (168, "RTMR"),
        (169, "TD_EPOCH"),
        (170, "L2_VAPIC_GPA"),
        (171, "MIGSC"),
        (172, "OP_STATE"),
        (173, "MIG"),
        (174, "SERVTD_BINDINGS"),
        (176, "METADATA_FIELD"),
        (184, "SYS"),
        (185, "TDMR"),
        (186, "KOT"),
        (187, "KET"),
        (188, "WBCACHE"),
    ]
}
