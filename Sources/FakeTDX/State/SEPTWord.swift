/// A secure EPT entry as the fake keeps it: state code in bits 7:0, lock in bit 8, page address in bits 51:12.
struct SEPTWord: RawRepresentable, Hashable, Sendable {
    let rawValue: UInt64

    init(rawValue: UInt64) { self.rawValue = rawValue }

    init(_ state: SEPTState, page: UInt64) { rawValue = page | UInt64(state.rawValue) }

    static let lockBit: UInt64 = 1 << 8
    static let free = SEPTWord(rawValue: 0)

    var unlocked: SEPTWord { SEPTWord(rawValue: rawValue & ~Self.lockBit) }
    var state: SEPTState { SEPTState(rawValue: UInt8(truncatingIfNeeded: rawValue)) ?? .free }
    /// Address of the page mapped, or of the table linked.
    var page: UInt64 { rawValue & 0x000f_ffff_ffff_f000 }

    func with(_ state: SEPTState) -> SEPTWord { SEPTWord(state, page: page) }

    /// Suppress-#VE, the only bit of a free entry.
    private static let suppressVE: UInt64 = 1 << 63
    /// Leaf bit, ignore-PAT and write-back: what every leaf carries beside its rights.
    private static let leafBits: UInt64 = 0xf0
    private static let allRights: UInt64 = 0x7

    /// The entry as the host is shown it: a table's address is kept from it.
    var reported: UInt64 {
        switch state {
        case .free, .removed: Self.suppressVE
        case .nonLeafMapped: Self.allRights
        case .nonLeafBlocked: 0
        case .mapped: Self.suppressVE | page | Self.leafBits | Self.allRights
        default: Self.suppressVE | page | Self.leafBits
        }
    }

    /// The entry as the processor sees it, tables included.
    var architectural: UInt64 {
        switch state {
        case .nonLeafMapped: Self.suppressVE | page | Self.allRights
        case .nonLeafBlocked: Self.suppressVE | page
        default: reported
        }
    }
}

/// State of a secure EPT entry; the value is the code the memory leaves report.
enum SEPTState: UInt8, Sendable {
    case free = 0x00
    case blocked = 0x01
    case pending = 0x02
    case pendingBlocked = 0x03
    case mapped = 0x04
    case removed = 0x05
    case blockedW = 0x08
    case pendingBlockedW = 0x10
    case nonLeafBlocked = 0x81
    case nonLeafMapped = 0x84

    var isNonLeaf: Bool { rawValue & 0x80 != 0 }
    var isBlocked: Bool { self == .blocked || self == .pendingBlocked || self == .nonLeafBlocked }

    /// What RANGE.BLOCK makes of it; nil where it does not apply.
    var blockedForm: SEPTState? {
        switch self {
        case .mapped, .blockedW: .blocked
        case .pending, .pendingBlockedW: .pendingBlocked
        case .nonLeafMapped: .nonLeafBlocked
        default: nil
        }
    }

    /// What RANGE.UNBLOCK makes of it; nil where it does not apply.
    var unblockedForm: SEPTState? {
        switch self {
        case .blocked: .mapped
        case .pendingBlocked: .pending
        case .nonLeafBlocked: .nonLeafMapped
        default: nil
        }
    }
}
