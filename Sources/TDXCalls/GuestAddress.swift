// What the memory leaves take, each as a type of its own: a level cannot stand where an address belongs, nor a
// guest's address where the host's does.

/// Guest physical address in bytes, private: the shared bit and all above are zero.
public struct GPA: RawRepresentable, Hashable, Comparable, Sendable {
    public let rawValue: UInt64

    public init(rawValue: UInt64) { self.rawValue = rawValue }

    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// Level of a secure EPT entry, by the size of what one entry maps. Unknown values survive.
public struct SEPTLevel: RawRepresentable, Hashable, Comparable, Sendable {
    public let rawValue: UInt8

    public init(rawValue: UInt8) { self.rawValue = rawValue }

    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }

    /// An entry that maps 4 KiB.
    public static let size4K = SEPTLevel(rawValue: 0)
    /// An entry that maps 2 MiB, or links a table of 4 KiB entries.
    public static let size2M = SEPTLevel(rawValue: 1)
    /// An entry that links a table of 2 MiB entries.
    public static let size1G = SEPTLevel(rawValue: 2)
    /// An entry that links a table of 1 GiB entries: the top with four levels.
    public static let size512G = SEPTLevel(rawValue: 3)
    /// The top with five levels.
    public static let size256T = SEPTLevel(rawValue: 4)

    /// Bytes of guest memory below one entry.
    public var sizeBytes: UInt64 { UInt64(pageSizeBytes) << (9 * UInt64(rawValue)) }
}

/// Bytes of guest memory that TDH.MR.EXTEND adds to the measurement at once.
public let measuredChunkBytes = 256

/// Bytes of a 2 MiB page.
public let largePageSizeBytes = 1 << 21

/// 512 free pages in a row, aligned to 2 MiB, in flight; moves as ``HostPage`` does.
public struct HostLargePage: ~Copyable, Sendable {
    public let address: PageAddress<HostOwned>

    public init(_ address: PageAddress<HostOwned>) { self.address = address }
}

/// What became of a donated large page.
public enum LargeDonation<Kind>: ~Copyable, Sendable {
    case accepted(PageAddress<Kind>)
    case refused(HostLargePage, SEAMCALLError)
}

extension Registers {
    /// RCX of the memory leaves: the address in bits 51:12, the level in bits 2:0.
    init(_ gpa: GPA, _ level: SEPTLevel, of td: TD) {
        self.init(rcx: gpa.rawValue | UInt64(level.rawValue), rdx: td.tdr.rawValue)
    }
}
