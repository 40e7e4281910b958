/// General registers, by name.
public struct RegisterSet: Codable, Hashable, Sendable {
    /// RAX.
    public var rax: HexValue?
    /// RCX.
    public var rcx: HexValue?
    /// RDX.
    public var rdx: HexValue?
    /// RBX.
    public var rbx: HexValue?
    /// RSI.
    public var rsi: HexValue?
    /// RDI.
    public var rdi: HexValue?
    /// R8.
    public var r8: HexValue?
    /// R9.
    public var r9: HexValue?
    /// R10.
    public var r10: HexValue?
    /// R11.
    public var r11: HexValue?
    /// R12.
    public var r12: HexValue?
    /// R13.
    public var r13: HexValue?
    /// R14.
    public var r14: HexValue?
    /// R15.
    public var r15: HexValue?

    public init(
        rax: HexValue? = nil, rcx: HexValue? = nil, rdx: HexValue? = nil, rbx: HexValue? = nil,
        rsi: HexValue? = nil, rdi: HexValue? = nil, r8: HexValue? = nil, r9: HexValue? = nil, r10: HexValue? = nil,
        r11: HexValue? = nil, r12: HexValue? = nil, r13: HexValue? = nil, r14: HexValue? = nil, r15: HexValue? = nil
    ) {
        self.rax = rax
        self.rcx = rcx
        self.rdx = rdx
        self.rbx = rbx
        self.rsi = rsi
        self.rdi = rdi
        self.r8 = r8
        self.r9 = r9
        self.r10 = r10
        self.r11 = r11
        self.r12 = r12
        self.r13 = r13
        self.r14 = r14
        self.r15 = r15
    }
}

/// Inputs of a leaf by name; each leaf has those it takes.
public struct CallArguments: Codable, Hashable, Sendable {
    /// The page given or named.
    public var page: PageReference?
    /// The TD root.
    public var tdr: PageReference?
    /// The vCPU root.
    public var tdvpr: PageReference?
    /// The KeyID.
    public var keyId: Int?
    /// Name of the field.
    public var fieldName: String?
    /// Id of the field.
    public var fieldId: HexValue?
    /// Value to write.
    public var value: HexValue?
    /// Bits to write.
    public var mask: HexValue?
    /// Guest RCX and R8 at the first entry.
    public var initialRcx: HexValue?
    /// x2APIC id.
    public var x2apicId: Int?
    /// Whether an interrupted write-back goes on.
    public var resume: Bool?
    /// Guest physical address.
    public var gpa: HexValue?
    /// Where a run of such calls has come to: the last one's address.
    public var lastGpa: HexValue?
    /// Level of the secure EPT entry that links the page.
    public var level: Int?

    public init(
        page: PageReference? = nil, tdr: PageReference? = nil, tdvpr: PageReference? = nil, keyId: Int? = nil,
        fieldName: String? = nil, fieldId: HexValue? = nil, value: HexValue? = nil, mask: HexValue? = nil,
        initialRcx: HexValue? = nil, x2apicId: Int? = nil, resume: Bool? = nil, gpa: HexValue? = nil,
        lastGpa: HexValue? = nil, level: Int? = nil
    ) {
        self.page = page
        self.tdr = tdr
        self.tdvpr = tdvpr
        self.keyId = keyId
        self.fieldName = fieldName
        self.fieldId = fieldId
        self.value = value
        self.mask = mask
        self.initialRcx = initialRcx
        self.x2apicId = x2apicId
        self.resume = resume
        self.gpa = gpa
        self.lastGpa = lastGpa
        self.level = level
    }
}

/// Outputs of a leaf by name; each leaf has those it defines.
public struct CallOutputs: Codable, Hashable, Sendable {
    /// Type of the page in the PAMT.
    public var pageType: PAMTType?
    /// Address of the owner's TDR, 0 for a TDR itself. Roles `lab` and `admin` only.
    public var pageOwner: HexValue?
    /// Size of the page: 4K, 2M or 1G.
    public var pageSize: String?
    /// Value read.
    public var value: HexValue?
    /// Value before a write.
    public var previous: HexValue?
    /// Id of the next field, from version 1 of a read.
    public var nextFieldId: HexValue?
    /// TDH.MNG.INIT: what RCX says of a refused CPUID setting.
    public var extendedError: ExtendedError?

    public init(
        pageType: PAMTType? = nil, pageOwner: HexValue? = nil, pageSize: String? = nil, value: HexValue? = nil,
        previous: HexValue? = nil, nextFieldId: HexValue? = nil, extendedError: ExtendedError? = nil
    ) {
        self.pageType = pageType
        self.pageOwner = pageOwner
        self.pageSize = pageSize
        self.value = value
        self.previous = previous
        self.nextFieldId = nextFieldId
        self.extendedError = extendedError
    }
}

/// RCX of TDH.MNG.INIT.
public struct ExtendedError: Codable, Hashable, Sendable {
    /// RCX.
    public var raw: HexValue
    /// Bits 31:0, when a CPUID setting was refused.
    public var cpuidLeaf: HexValue?
    /// Bits 63:32, when a CPUID setting was refused.
    public var cpuidSubleaf: HexValue?

    public init(
        raw: HexValue, cpuidLeaf: HexValue? = nil, cpuidSubleaf: HexValue? = nil
    ) {
        self.raw = raw
        self.cpuidLeaf = cpuidLeaf
        self.cpuidSubleaf = cpuidSubleaf
    }
}

/// A failure of the instruction or of the back end: the module did not answer.
public struct ShimFailure: Codable, Hashable, Sendable {
    /// Our code for it.
    public var code: String
    /// Error number of the kernel, where there was one.
    public var errno: Int?
    /// The failure in words.
    public var message: String

    public init(
        code: String, errno: Int? = nil, message: String
    ) {
        self.code = code
        self.errno = errno
        self.message = message
    }
}
