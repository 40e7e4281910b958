// Page kinds are types: a wrapper that wants a TDR cannot be handed a vCPU page. The tags are never
// instantiated. The PAMT knows fewer kinds: what is TDCS and TDCX here is TDCX there, because the RFC
// tells a TD's pages from a vCPU's and the module does not.

/// The root page of a TD (PAMT type TDR).
public enum TDR {}
/// A control-structure page of a TD (PAMT type TDCX).
public enum TDCS {}
/// The root page of a vCPU (PAMT type TDVPR).
public enum TDVPR {}
/// A control-structure page of a vCPU (PAMT type TDCX).
public enum TDCX {}
/// A secure EPT page (PAMT type EPT).
public enum SEPT {}
/// A private page of the guest (PAMT type REG).
public enum GuestPage {}
/// A page the host owns and the module does not hold.
public enum HostOwned {}
/// A page of whichever kind, for the leaves that take any: RECLAIM, RDMD, WBINVD.
public enum AnyPage {}

/// Host physical address in bytes, 4 KiB-aligned and without KeyID bits, of a page held as `Kind`.
public struct PageAddress<Kind>: Hashable, Sendable {
    public let rawValue: UInt64

    public init(rawValue: UInt64) { self.rawValue = rawValue }

    /// The same page for the leaves that do not ask what it is.
    public var any: PageAddress<AnyPage> { PageAddress<AnyPage>(rawValue: rawValue) }
}

/// Bytes of a 4 KiB page.
public let pageSizeBytes = 4096

/// A free page in flight: owned by whoever holds this, given away by moving it.
///
/// The ledger mints it and the ledger takes it back; between steps the ledger's row owns. A page that was
/// handed to the module cannot be handed over again, since the value is gone.
public struct HostPage: ~Copyable, Sendable {
    public let address: PageAddress<HostOwned>

    public init(_ address: PageAddress<HostOwned>) { self.address = address }
}

/// What became of a donated page. Not a throw, because an error cannot carry the page back.
public enum Donation<Kind>: ~Copyable, Sendable {
    case accepted(PageAddress<Kind>)
    case refused(HostPage, SEAMCALLError)
}

/// A host key identifier: the number in the top activated physical-address bits.
public struct KeyID: RawRepresentable, Hashable, Comparable, Sendable {
    public let rawValue: UInt16

    public init(rawValue: UInt16) { self.rawValue = rawValue }

    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// A free KeyID in flight; moves as ``HostPage`` does.
public struct HostKeyID: ~Copyable, Sendable {
    public let number: KeyID

    public init(_ number: KeyID) { self.number = number }
}

/// PAMT page type as RECLAIM and RDMD report it. Unknown values survive.
public struct PageType: RawRepresentable, Hashable, Sendable {
    public let rawValue: UInt64

    public init(rawValue: UInt64) { self.rawValue = rawValue }

    public static let nda = PageType(rawValue: 0)
    public static let rsvd = PageType(rawValue: 1)
    public static let reg = PageType(rawValue: 3)
    public static let tdr = PageType(rawValue: 4)
    public static let tdcx = PageType(rawValue: 5)
    public static let tdvpr = PageType(rawValue: 6)
    public static let ept = PageType(rawValue: 8)

    public var name: String {
        switch self {
        case .nda: "NDA"
        case .rsvd: "RSVD"
        case .reg: "REG"
        case .tdr: "TDR"
        case .tdcx: "TDCX"
        case .tdvpr: "TDVPR"
        case .ept: "EPT"
        default: String(rawValue)
        }
    }
}

/// Page size level as the module reports it. Unknown values survive.
public struct PageSize: RawRepresentable, Hashable, Sendable {
    public let rawValue: UInt64

    public init(rawValue: UInt64) { self.rawValue = rawValue }

    public static let size4K = PageSize(rawValue: 0)
    public static let size2M = PageSize(rawValue: 1)
    public static let size1G = PageSize(rawValue: 2)

    public var name: String {
        switch self {
        case .size4K: "4K"
        case .size2M: "2M"
        case .size1G: "1G"
        default: String(rawValue)
        }
    }
}

/// What the PAMT holds on a page: the outputs of RECLAIM and RDMD.
public struct PageMetadata: Hashable, Sendable {
    public let type: PageType
    /// The owning TD's TDR; address 0 for a TDR itself and for a page never used.
    public let owner: PageAddress<TDR>
    public let size: PageSize

    init(_ registers: Registers) {
        type = PageType(rawValue: registers.rcx)
        owner = PageAddress(rawValue: registers.rdx)
        size = PageSize(rawValue: registers.r8)
    }
}
