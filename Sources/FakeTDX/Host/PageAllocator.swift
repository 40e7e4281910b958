/// Free pages as bits: handed out in ascending order, starting over at the end.
struct PageAllocator: Sendable {
    /// Address ranges in ascending order.
    private let ranges: [MemoryRange]
    /// Index of each range's first page.
    private let starts: [Int]
    private let largeStarts: [Int]
    private var free: [UInt64]
    /// Where the search for the next page begins.
    private var nextWord = 0
    let count: Int
    private(set) var freeCount: Int

    init(_ ranges: [MemoryRange]) {
        self.ranges = ranges
        var starts: [Int] = []
        var count = 0
        for range in ranges {
            starts.append(count)
            count += Int(range.size >> 12)
        }
        self.starts = starts
        largeStarts = Self.largeStarts(of: ranges, starts)
        self.count = count
        freeCount = count
        free = Array(repeating: .max, count: (count + 63) / 64)
        if count % 64 != 0 { free[free.count - 1] = (1 << UInt64(count % 64)) - 1 }
    }

    mutating func allocate() -> UInt64? {
        guard freeCount > 0 else { return nil }
        for step in 0..<free.count {
            let word = (nextWord + step) % free.count
            guard free[word] != 0 else { continue }
            let bit = free[word].trailingZeroBitCount
            free[word] &= free[word] - 1
            nextWord = word
            freeCount -= 1
            return address(64 * word + bit)
        }
        return nil
    }

    /// 512 pages in a row at a multiple of 2 MiB: the highest there are, since single ones are taken from below.
    mutating func allocateLarge() -> UInt64? {
        guard let start = largeStarts.last(where: isFree(from:)) else { return nil }
        for page in start..<start + Self.largePages { free[page / 64] &= ~(1 << UInt64(page % 64)) }
        freeCount -= Self.largePages
        return address(start)
    }

    /// How many of those there are, and how many with all their pages free.
    var largeRuns: (free: Int, total: Int) { (largeStarts.count(where: isFree(from:)), largeStarts.count) }

    private static let largePages = 512

    /// Whether 512 pages are free, looked at word by word.
    private func isFree(from start: Int) -> Bool {
        var page = start
        let end = start + Self.largePages
        while page < end {
            let word = page / 64
            let beyond = 64 * (word + 1) - end
            let wanted = UInt64.max << UInt64(page % 64) & UInt64.max >> UInt64(max(0, beyond))
            guard free[word] & wanted == wanted else { return false }
            page = 64 * (word + 1)
        }
        return true
    }

    /// Index of the first page of each 2 MiB, at multiples of it, that a range has.
    private static func largeStarts(of ranges: [MemoryRange], _ starts: [Int]) -> [Int] {
        let bytes = UInt64(largePages) << 12
        return zip(ranges, starts).flatMap { range, start -> [Int] in
            let skipped = (range.base + bytes - 1) & ~(bytes - 1) - range.base
            guard range.size >= skipped else { return [] }
            let first = start + Int(skipped >> 12)
            return (0..<Int((range.size - skipped) / bytes)).map { first + $0 * largePages }
        }
    }

    enum Return { case done, alreadyFree, foreign }

    mutating func free(_ address: UInt64) -> Return {
        guard let index = index(address) else { return .foreign }
        let bit: UInt64 = 1 << UInt64(index % 64)
        guard free[index / 64] & bit == 0 else { return .alreadyFree }
        free[index / 64] |= bit
        freeCount += 1
        return .done
    }

    /// Position of a page among all; nil if it is none of them.
    func index(_ address: UInt64) -> Int? {
        guard address & 0xfff == 0, let range = ranges.firstIndex(where: { $0.contains(address) }) else { return nil }
        return starts[range] + Int((address - ranges[range].base) >> 12)
    }

    private func address(_ index: Int) -> UInt64 {
        let range = starts.lastIndex { $0 <= index } ?? 0
        return ranges[range].base + UInt64(index - starts[range]) << 12
    }
}
