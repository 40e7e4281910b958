internal import TDXCalls
internal import Threading

/// What the host side keeps: which pages, KeyIDs and memory are handed out, and what was done to pages.
final class HostState: Sendable {
    struct Allocations: Sendable {
        var pages: PageAllocator
        var memory: MemoryAllocator
        /// Free KeyIDs, lowest first.
        var keyIDs: [Bool]
        var misuses: [HostMisuse] = []
    }

    let allocations: Locked<Allocations>
    let pageCount: Int
    /// Where the pages are that are handed out.
    private let ranges: [MemoryRange]
    /// KeyIDs a TD may get, without the module's own.
    let keyIDs: ClosedRange<KeyID>?
    let lowestKeyID: UInt16

    /// Misuses that are kept; those beyond are dropped.
    static let misusesMax = 1000

    init(platform: FakePlatform) {
        ranges = Self.usableRanges(platform)
        let pages = PageAllocator(ranges)
        pageCount = pages.count
        lowestKeyID = platform.privateKeyIDs.lowerBound.rawValue
        let global = platform.globalKeyID
        let isFree = (lowestKeyID...platform.privateKeyIDs.upperBound.rawValue).map { $0 != global.rawValue }
        keyIDs = Self.range(platform.privateKeyIDs, without: global)
        allocations = Locked(
            Allocations(
                pages: pages, memory: MemoryAllocator(platform.hostMemory), keyIDs: isFree))
    }

    /// Whether an address is that of a page that is handed out at times.
    func isPage(_ address: UInt64) -> Bool { address & 0xfff == 0 && ranges.contains { $0.contains(address) } }

    /// What of the initialised TDMRs is not reserved.
    private static func usableRanges(_ platform: FakePlatform) -> [MemoryRange] {
        platform.tdmrs.filter(\.isInitialized).flatMap { tdmr -> [MemoryRange] in
            var ranges: [MemoryRange] = []
            var start: UInt64 = 0
            for area in tdmr.reserved + [MemoryRange(base: tdmr.range.size, size: 0)] {
                if area.base > start {
                    ranges.append(MemoryRange(base: tdmr.range.base + start, size: area.base - start))
                }
                start = area.end
            }
            return ranges
        }
    }

    private static func range(_ all: ClosedRange<KeyID>, without one: KeyID) -> ClosedRange<KeyID>? {
        let low = all.lowerBound.rawValue
        let high = all.upperBound.rawValue
        guard low < high else { return nil }
        if one.rawValue == low { return KeyID(rawValue: low + 1)...all.upperBound }
        if one.rawValue == high { return all.lowerBound...KeyID(rawValue: high - 1) }
        return all
    }
}

/// Something the host port was asked that no correct host asks. Reported, not trapped: the caller may be a client
/// of a laboratory.
public struct HostMisuse: Hashable, Sendable {
    public enum Kind: String, Sendable {
        case freedTwice, freedForeignPage, flushedForeignPage, clearedForeignPage
        case freedKeyIDTwice, freedForeignKeyID, freedForeignMemory
    }

    public let kind: Kind
    /// The page's or memory's address, or the KeyID.
    public let subject: UInt64
}
