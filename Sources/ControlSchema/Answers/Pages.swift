/// What a page is to its TD.
public struct PageKind: OpenEnum {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }

    /// TD root.
    public static let tdr = Self(rawValue: "tdr")
    /// TDCS page, taken by TDH.MNG.ADDCX.
    public static let tdcs = Self(rawValue: "tdcs")
    /// VCPU root.
    public static let tdvpr = Self(rawValue: "tdvpr")
    /// Further vCPU page, taken by TDH.VP.ADDCX.
    public static let tdcx = Self(rawValue: "tdcx")

    /// Secure EPT page, taken by TDH.MEM.SEPT.ADD.
    public static let sept = Self(rawValue: "sept")
    /// Page of guest memory, taken by TDH.MEM.PAGE.ADD.
    public static let guest = Self(rawValue: "guest")

    public static let known: [Self] = [
        .tdr, .tdcs, .tdvpr, .tdcx, .sept, .guest,
    ]
}

/// Where a page stands.
public struct PageState: OpenEnum {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }

    /// The module has it.
    public static let held = Self(rawValue: "held")
    /// TDH.PHYMEM.PAGE.RECLAIM was accepted; not yet back with the host.
    public static let reclaimed = Self(rawValue: "reclaimed")
    /// Could not be taken back; never handed out again.
    public static let quarantined = Self(rawValue: "quarantined")

    public static let known: [Self] = [
        .held, .reclaimed, .quarantined,
    ]
}

/// One page that a TD holds.
public struct PageRecord: Codable, Hashable, Sendable {
    /// Its id: requests name pages by id, never by address.
    public var id: String
    /// What it is.
    public var kind: PageKind
    /// Its type in the module's page table.
    public var pamtType: PAMTType
    /// Its size in bytes.
    public var sizeBytes: Int
    /// Where it stands.
    public var state: PageState
    /// The vCPU it belongs to; absent for TD pages.
    public var vcpuNumber: Int?
    /// Guest physical address that it stands at; only of guest memory.
    public var gpa: HexValue?
    /// Host physical address, for display. Roles `lab` and `admin` only.
    public var address: HexValue?
    /// True when the address was left out for the reader's role.
    public var redacted: Bool?
    /// Sequence of the event that gave it to the TD.
    public var sinceSequence: UInt64
    /// When.
    public var since: Timestamp
    /// The last call refused over this page; absent when none was.
    public var lastFailure: CallFailure?

    public init(
        id: String, kind: PageKind, pamtType: PAMTType, sizeBytes: Int, state: PageState, vcpuNumber: Int? = nil,
        gpa: HexValue? = nil, address: HexValue? = nil, redacted: Bool? = nil, sinceSequence: UInt64, since: Timestamp,
        lastFailure: CallFailure? = nil
    ) {
        self.id = id
        self.kind = kind
        self.pamtType = pamtType
        self.sizeBytes = sizeBytes
        self.state = state
        self.vcpuNumber = vcpuNumber
        self.gpa = gpa
        self.address = address
        self.redacted = redacted
        self.sinceSequence = sinceSequence
        self.since = since
        self.lastFailure = lastFailure
    }
}

/// Type of a page in the module's page table (PAMT).
public struct PAMTType: OpenEnum {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }

    /// Free.
    public static let nda = Self(rawValue: "NDA")
    /// Reserved area.
    public static let rsvd = Self(rawValue: "RSVD")
    /// Guest page.
    public static let reg = Self(rawValue: "REG")
    /// TD root.
    public static let tdr = Self(rawValue: "TDR")
    /// TDCS page or further vCPU page.
    public static let tdcx = Self(rawValue: "TDCX")
    /// VCPU root.
    public static let tdvpr = Self(rawValue: "TDVPR")
    /// Secure EPT page.
    public static let ept = Self(rawValue: "EPT")

    public static let known: [Self] = [
        .nda, .rsvd, .reg, .tdr, .tdcx, .tdvpr, .ept,
    ]
}

/// Names a page.
public struct PageReference: Codable, Hashable, Sendable {
    /// Its id; absent for a page the daemon does not hold.
    public var id: String?
    /// What it is to its TD.
    public var kind: PageKind?
    /// Host physical address, for display. Roles `lab` and `admin` only.
    public var address: HexValue?

    public init(
        id: String? = nil, kind: PageKind? = nil, address: HexValue? = nil
    ) {
        self.id = id
        self.kind = kind
        self.address = address
    }
}
