/// Name of a leaf as the ABI has it.
public struct LeafName: OpenEnum {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }

    public static let tdh_mng_create = Self(rawValue: "TDH.MNG.CREATE")
    public static let tdh_mng_key_config = Self(rawValue: "TDH.MNG.KEY.CONFIG")
    public static let tdh_mng_addcx = Self(rawValue: "TDH.MNG.ADDCX")
    public static let tdh_mng_init = Self(rawValue: "TDH.MNG.INIT")
    public static let tdh_mng_rd = Self(rawValue: "TDH.MNG.RD")
    public static let tdh_mng_wr = Self(rawValue: "TDH.MNG.WR")
    public static let tdh_mng_vpflushdone = Self(rawValue: "TDH.MNG.VPFLUSHDONE")
    public static let tdh_mng_key_freeid = Self(rawValue: "TDH.MNG.KEY.FREEID")
    public static let tdh_vp_create = Self(rawValue: "TDH.VP.CREATE")
    public static let tdh_vp_addcx = Self(rawValue: "TDH.VP.ADDCX")
    public static let tdh_vp_init = Self(rawValue: "TDH.VP.INIT")
    public static let tdh_vp_rd = Self(rawValue: "TDH.VP.RD")
    public static let tdh_vp_wr = Self(rawValue: "TDH.VP.WR")
    public static let tdh_vp_flush = Self(rawValue: "TDH.VP.FLUSH")
    public static let tdh_mem_sept_add = Self(rawValue: "TDH.MEM.SEPT.ADD")
    public static let tdh_mem_page_add = Self(rawValue: "TDH.MEM.PAGE.ADD")
    public static let tdh_mem_page_promote = Self(rawValue: "TDH.MEM.PAGE.PROMOTE")
    public static let tdh_mr_extend = Self(rawValue: "TDH.MR.EXTEND")
    public static let tdh_mr_finalize = Self(rawValue: "TDH.MR.FINALIZE")
    public static let tdh_phymem_page_rdmd = Self(rawValue: "TDH.PHYMEM.PAGE.RDMD")
    public static let tdh_phymem_page_reclaim = Self(rawValue: "TDH.PHYMEM.PAGE.RECLAIM")
    public static let tdh_phymem_page_wbinvd = Self(rawValue: "TDH.PHYMEM.PAGE.WBINVD")
    public static let tdh_phymem_cache_wb = Self(rawValue: "TDH.PHYMEM.CACHE.WB")
    public static let tdh_sys_rd = Self(rawValue: "TDH.SYS.RD")

    public static let known: [Self] = [
        .tdh_mng_create, .tdh_mng_key_config, .tdh_mng_addcx, .tdh_mng_init, .tdh_mng_rd, .tdh_mng_wr,
        .tdh_mng_vpflushdone, .tdh_mng_key_freeid, .tdh_vp_create, .tdh_vp_addcx, .tdh_vp_init, .tdh_vp_rd, .tdh_vp_wr,
        .tdh_vp_flush, .tdh_mem_sept_add, .tdh_mem_page_add, .tdh_mem_page_promote, .tdh_mr_extend, .tdh_mr_finalize,
        .tdh_phymem_page_rdmd, .tdh_phymem_page_reclaim, .tdh_phymem_page_wbinvd, .tdh_phymem_cache_wb, .tdh_sys_rd,
    ]
}

/// Who refused a call.
public struct Refuser: OpenEnum {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }

    /// The TDX module answered.
    public static let module = Self(rawValue: "module")
    /// The back end or the instruction.
    public static let shim = Self(rawValue: "shim")
    /// The kernel.
    public static let kernel = Self(rawValue: "kernel")
    /// An injected fault.
    public static let faultRule = Self(rawValue: "fault-rule")

    public static let known: [Self] = [
        .module, .shim, .kernel, .faultRule,
    ]
}

/// What the daemon made of a call's answer.
public struct Handling: OpenEnum {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }

    /// The call was accepted.
    public static let accepted = Self(rawValue: "accepted")
    /// Refused for now, and called again.
    public static let retried = Self(rawValue: "retried")
    /// Interrupted, and resumed.
    public static let resumed = Self(rawValue: "resumed")
    /// The answer said that it was done already.
    public static let treatedAsDone = Self(rawValue: "treatedAsDone")
    /// The answer stands as a refusal.
    public static let failed = Self(rawValue: "failed")
    /// What it should have freed is set aside for good.
    public static let quarantined = Self(rawValue: "quarantined")
    /// The call was not made: dry run.
    public static let planned = Self(rawValue: "planned")

    public static let known: [Self] = [
        .accepted, .retried, .resumed, .treatedAsDone, .failed, .quarantined, .planned,
    ]
}

/// One leaf, issued or planned: registers in and out, completion, duration, and who asked.
public struct SEAMCALLRecord: Codable, Hashable, Sendable {
    /// Its id; all zeros when planned.
    public var id: String
    /// Its place in the log; absent when planned.
    public var sequence: UInt64?
    /// When it was issued, or planned.
    public var at: Timestamp
    /// How long the call took, in nanoseconds; absent when planned.
    public var durationNanos: UInt64?
    /// Name of the leaf.
    public var leaf: LeafName
    /// Number of the leaf, bits 15:0 of RAX.
    public var leafNumber: Int
    /// Version of the leaf, bits 23:16 of RAX.
    public var version: Int
    /// The function that issued it.
    public var wrapper: String
    /// Logical processor; absent when planned without a choice.
    public var processor: Int?
    /// Its package.
    public var package: Int?
    /// Which attempt of the same step, from 1; 0 when planned.
    public var attempt: Int
    /// Further calls folded into this record; absent when none.
    public var repeats: Int?
    /// The TD; absent when the call belongs to no single one.
    public var tdId: String?
    /// The vCPU.
    public var vcpuNumber: Int?
    /// The KeyID.
    public var keyId: Int?
    /// The operation it was part of.
    public var operationId: String?
    /// The request that caused it.
    public var requestId: String?
    /// Who asked.
    public var principal: String?
    /// What executed it.
    public var backend: BackendKind
    /// Input registers; absent when redacted.
    public var `in`: RegisterSet?
    /// Every output register that the leaf defines, also when 0; absent when redacted or planned.
    public var out: RegisterSet?
    /// False when the back end hands out only some of them.
    public var outComplete: Bool?
    /// The inputs by name.
    public var arguments: CallArguments?
    /// The outputs by name; a refused call can have some too.
    public var outputs: CallOutputs?
    /// RAX decoded; absent when planned or when the instruction failed.
    public var completion: Completion?
    /// Why there is no completion, when the back end or the instruction failed.
    public var shimFailure: ShimFailure?
    /// Who refused; absent when nobody did.
    public var refusedBy: Refuser?
    /// What the daemon made of the answer.
    public var handledAs: Handling
    /// True when registers and addresses were left out for the reader's role.
    public var redacted: Bool?
    /// Related paths.
    public var links: [String: String]?

    public init(
        id: String, sequence: UInt64? = nil, at: Timestamp, durationNanos: UInt64? = nil, leaf: LeafName,
        leafNumber: Int, version: Int, wrapper: String, processor: Int? = nil, package: Int? = nil, attempt: Int,
        repeats: Int? = nil, tdId: String? = nil, vcpuNumber: Int? = nil, keyId: Int? = nil,
        operationId: String? = nil, requestId: String? = nil, principal: String? = nil, backend: BackendKind,
        in: RegisterSet? = nil, out: RegisterSet? = nil, outComplete: Bool? = nil, arguments: CallArguments? = nil,
        outputs: CallOutputs? = nil, completion: Completion? = nil, shimFailure: ShimFailure? = nil,
        refusedBy: Refuser? = nil, handledAs: Handling, redacted: Bool? = nil, links: [String: String]? = nil
    ) {
        self.id = id
        self.sequence = sequence
        self.at = at
        self.durationNanos = durationNanos
        self.leaf = leaf
        self.leafNumber = leafNumber
        self.version = version
        self.wrapper = wrapper
        self.processor = processor
        self.package = package
        self.attempt = attempt
        self.repeats = repeats
        self.tdId = tdId
        self.vcpuNumber = vcpuNumber
        self.keyId = keyId
        self.operationId = operationId
        self.requestId = requestId
        self.principal = principal
        self.backend = backend
        self.in = `in`
        self.out = out
        self.outComplete = outComplete
        self.arguments = arguments
        self.outputs = outputs
        self.completion = completion
        self.shimFailure = shimFailure
        self.refusedBy = refusedBy
        self.handledAs = handledAs
        self.redacted = redacted
        self.links = links
    }
}

/// SEAMCALL records, oldest first.
public struct SEAMCALLList: Codable, Hashable, Sendable {
    /// The records.
    public var items: [SEAMCALLRecord]
    /// Where the next part begins; absent after the last.
    public var nextCursor: String?
    /// Sequence of the newest record looked at, and the ETag.
    public var revision: UInt64
    /// Records that the bounded memory has lost since the daemon started.
    public var dropped: UInt64

    public init(
        items: [SEAMCALLRecord], nextCursor: String? = nil, revision: UInt64, dropped: UInt64
    ) {
        self.items = items
        self.nextCursor = nextCursor
        self.revision = revision
        self.dropped = dropped
    }
}
