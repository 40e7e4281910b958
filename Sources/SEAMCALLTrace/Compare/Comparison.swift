internal import TDXCalls

/// Two recordings held against each other.
public struct Comparison: Hashable, Sendable {
    /// How calls are put side by side, and when two are the same.
    public enum Order: String, CaseIterable, Sendable {
        /// The n-th TD of one beside the n-th of the other, by the order of their creation, whatever else went on
        /// meanwhile. Pages of a TD are the same if it got them in the same order, host memory if it holds the same;
        /// KeyIDs, processors and how often a write-back was interrupted do not count.
        case td
        /// As in the files; every value counts.
        case whole
    }

    public let differences: [Parting]
    /// Calls that were held against each other and were the same.
    public let agree: Int
    /// Calls that were held against each other and were not.
    public let differ: Int
    public let onlyInFirst: Int
    public let onlyInSecond: Int
    /// Calls that contention or an interrupt decided, in both.
    public let leftOut: Int

    public var isSame: Bool { differ == 0 && onlyInFirst == 0 && onlyInSecond == 0 }

    /// Differences that are kept; the counts go on.
    public static let differencesMax = 1000
    /// How far ahead the next call of the same kind is looked for, where one recording has calls that the other lacks.
    static let lookAheadMax = 200

    /// - Throws: ``TraceError`` if one has a step that cannot be read.
    public init(_ first: Trace, _ second: Trace, by order: Order) throws(TraceError) {
        let shifts = (Self.keyIDShift(first), Self.keyIDShift(second))
        let left = try SortedCalls(first, keyIDShift: shifts.0, byTD: order == .td)
        let right = try SortedCalls(second, keyIDShift: shifts.1, byTD: order == .td)
        var walk = ComparisonWalk(order: order, shifts: shifts)
        for group in 0..<max(left.groups.count, right.groups.count) {
            walk.compare(
                td: order == .td && group > 0 ? group : nil,
                group < left.groups.count ? left.groups[group] : [],
                group < left.names.count ? left.names[group] : PageNames(),
                group < right.groups.count ? right.groups[group] : [],
                group < right.names.count ? right.names[group] : PageNames())
        }
        differences = walk.differences
        agree = walk.agree
        differ = walk.differ
        onlyInFirst = walk.onlyInFirst
        onlyInSecond = walk.onlyInSecond
        leftOut = left.leftOut + right.leftOut
    }

    private static func keyIDShift(_ trace: Trace) -> UInt64 {
        UInt64(addressBits - min(max(trace.platform?.keyIDBits ?? keyIDBitsStandard, 0), 15))
    }

    private static let addressBits = 52
    private static let keyIDBitsStandard = 6
}

/// One place where two recordings part.
public struct Parting: Hashable, Sendable, Codable {
    public enum Kind: String, Sendable, Codable {
        /// A register on the way in.
        case input = "in"
        /// A register on the way out.
        case output = "out"
        /// What the host memory that a register names held on the way in.
        case memory
        case completion, processor
        case onlyInFirst, onlyInSecond
    }

    public let kind: Kind
    /// Counted from 1 in the order of creation; absent for calls on none, and where recordings are compared as a whole.
    public let td: Int?
    public let leaf: String
    /// Counted from 0, as in the files.
    public let firstStep: Int?
    public let secondStep: Int?
    public let register: String?
    public let first: String?
    public let second: String?
}
