internal import TDXCalls

/// The pages under a TD's guest memory. There may be millions, so they are kept in runs: a step changes its own run,
/// and a copy of the row costs a few words for 2 MiB.
struct GuestPages: Sendable {
    /// Pages of one region that lie side by side in the guest and were taken from the host together.
    struct Run: Sendable {
        /// Ids count up from here.
        let firstID: UInt128
        let gpa: GPA
        /// In the order they are given; a page that is gone from the middle reads as `noAddress`.
        var addresses: [UInt64]
        /// The first so many are the module's, the rest are reserved.
        var held = 0
        /// Held ones that are not there any more.
        var gone = 0
        /// Whether its 512 pages are one large page for the module, which comes back as a whole.
        var isLarge = false
        /// When the run came into the state it is in.
        var since: UInt64
        var sinceTime: WallTime

        static let noAddress = UInt64.max

        func id(_ place: Int) -> ResourceID { ResourceID(.page, firstID + UInt128(place)) }

        func page(_ place: Int) -> Page? {
            guard addresses[place] != Self.noAddress else { return nil }
            return Page(
                id: id(place), address: PageAddress(rawValue: addresses[place]),
                state: place < held ? .held(.guest) : .reserved, vcpu: nil, since: since, sinceTime: sinceTime)
        }
    }

    private(set) var runs: [Run] = []
    /// Pages the module holds.
    private(set) var heldCount = 0
    /// Pages taken from the host and not given yet. They are all in the runs after `nextRun`.
    private(set) var reservedCount = 0
    /// The run that the next page is given from.
    private var nextRun = 0

    /// Where the next large page is looked for first, and how many there are.
    private var nextLarge = 0
    private(set) var largeCount = 0

    static let runPagesMax = 512

    /// Times of TDH.PHYMEM.PAGE.RECLAIM that the held ones take.
    var reclaimCount: Int { heldCount - largeCount * (Self.runPagesMax - 1) }

    var count: Int { heldCount + reservedCount }

    mutating func reserve(_ run: Run) {
        runs.append(run)
        reservedCount += run.addresses.count
    }

    /// The page to be given next.
    var nextPage: Page? { reservedCount > 0 ? runs[nextRun].page(runs[nextRun].held) : nil }

    /// Pages that can be given from the run at hand, in order.
    var nextAddresses: ArraySlice<UInt64> {
        guard reservedCount > 0 else { return [] }
        return runs[nextRun].addresses[runs[nextRun].held...]
    }

    /// The module has taken the next `count` pages, all of the run at hand.
    mutating func hold(_ count: Int, _ sequence: UInt64, _ time: WallTime) {
        runs[nextRun].held += count
        runs[nextRun].since = sequence
        runs[nextRun].sinceTime = time
        heldCount += count
        reservedCount -= count
        precondition(runs[nextRun].held <= runs[nextRun].addresses.count, "a guest page the ledger did not reserve")
        if runs[nextRun].held == runs[nextRun].addresses.count { nextRun += 1 }
    }

    /// Takes the reserved ones out, to be given back.
    mutating func removeReserved() -> [UInt64] {
        var removed: [UInt64] = []
        while let last = runs.last, last.held < last.addresses.count {
            removed += last.addresses[last.held...]
            runs[runs.count - 1].addresses.removeSubrange(last.held...)
            dropEmptyRuns()
        }
        reservedCount = 0
        nextRun = runs.count
        return removed
    }

    /// The run that begins at `gpa` is one large page from now on.
    mutating func merge(_ gpa: GPA, _ sequence: UInt64, _ time: WallTime) {
        let start = min(nextLarge, runs.count)
        let found = runs[start...].firstIndex { $0.gpa == gpa } ?? runs.firstIndex { $0.gpa == gpa }
        guard let place = found, runs[place].held == Self.runPagesMax
        else { preconditionFailure("a large page is made of a run of small ones") }
        runs[place].isLarge = true
        runs[place].since = sequence
        runs[place].sinceTime = time
        largeCount += 1
        nextLarge = place + 1
    }

    /// All pages that come back with this one: the large page that it begins, or itself.
    func together(_ id: ResourceID) -> [Page] {
        guard let (run, place) = find(id) else { return [] }
        guard runs[run].isLarge, place == 0 else { return runs[run].page(place).map { [$0] } ?? [] }
        return runs[run].addresses.indices.compactMap { runs[run].page($0) }
    }

    /// The last page that is there; of a large page its first.
    var last: (id: ResourceID, address: UInt64)? {
        guard let run = runs.last, let address = run.addresses.last else { return nil }
        if run.isLarge, let first = run.addresses.first { return (run.id(0), first) }
        return (run.id(run.addresses.count - 1), address)
    }

    /// Takes the last page out, when nothing is reserved, and says how many pages of 4 KiB it was.
    @discardableResult
    mutating func removeLast() -> Int {
        if let run = runs.last, run.isLarge {
            runs.removeLast()
            heldCount -= run.held
            largeCount -= 1
            dropEmptyRuns()
            return run.held
        }
        runs[runs.count - 1].addresses.removeLast()
        runs[runs.count - 1].held -= 1
        heldCount -= 1
        dropEmptyRuns()
        return 1
    }

    private mutating func dropEmptyRuns() {
        while let run = runs.last {
            // Holes at the end are no pages.
            var end = run.addresses.count
            while end > 0, run.addresses[end - 1] == Run.noAddress { end -= 1 }
            if end < run.addresses.count {
                runs[runs.count - 1].gone -= run.addresses.count - end
                runs[runs.count - 1].addresses.removeSubrange(end...)
                runs[runs.count - 1].held = min(run.held, end)
            }
            guard end == 0 else { break }
            runs.removeLast()
        }
        nextRun = min(nextRun, runs.count)
    }

    /// Takes one page out, wherever it stands; it must be held. A large page goes with its first. Says how many pages of
    /// 4 KiB it was.
    @discardableResult
    mutating func remove(_ id: ResourceID) -> Int {
        guard let (run, place) = find(id), place < runs[run].held else { return 0 }
        if runs[run].isLarge {
            guard place == 0 else { return 0 }
            let count = runs.remove(at: run).held
            nextRun -= 1
            heldCount -= count
            largeCount -= 1
            return count
        }
        if run == runs.count - 1, place == runs[run].addresses.count - 1 { return removeLast() }
        runs[run].addresses[place] = Run.noAddress
        runs[run].gone += 1
        heldCount -= 1
        if runs[run].gone == runs[run].addresses.count { runs[run].addresses = [] }
        if runs[run].addresses.isEmpty {
            runs.remove(at: run)
            nextRun -= 1
        }
        return 1
    }

    func page(_ id: ResourceID) -> Page? {
        guard let (run, place) = find(id) else { return nil }
        return runs[run].page(place)
    }

    /// Looked for among all of them.
    func page(at address: PageAddress<AnyPage>) -> Page? {
        for run in runs {
            if let place = run.addresses.firstIndex(of: address.rawValue) { return run.page(place) }
        }
        return nil
    }

    func gpa(_ id: ResourceID) -> GPA? {
        guard let (run, place) = find(id), runs[run].page(place) != nil else { return nil }
        return GPA(rawValue: runs[run].gpa.rawValue + UInt64(place * pageSizeBytes))
    }

    private func find(_ id: ResourceID) -> (run: Int, place: Int)? {
        let run = firstRun { $0.firstID > id.value } - 1
        guard run >= 0 else { return nil }
        let place = id.value - runs[run].firstID
        guard place < UInt128(runs[run].addresses.count) else { return nil }
        return (run, Int(place))
    }

    /// The first run that is as asked; those before it are not, those after it are.
    private func firstRun(_ condition: (Run) -> Bool) -> Int {
        var low = 0
        var high = runs.count
        while low < high {
            let middle = (low + high) / 2
            if condition(runs[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }

    /// Pages in order of their ids, from the first that is after `id`, at most `limit`; a large one under its first id.
    func pages(after id: ResourceID?, limit: Int) -> [Page] {
        var pages: [Page] = []
        var run = id.map { id in max(0, firstRun { $0.firstID > id.value } - 1) } ?? 0
        while run < runs.count, pages.count < limit {
            let places = runs[run].isLarge ? runs[run].addresses.indices.prefix(1) : runs[run].addresses.indices
            for place in places where pages.count < limit {
                if let id, runs[run].id(place) <= id { continue }
                guard var page = runs[run].page(place) else { continue }
                if runs[run].isLarge { page.sizeBytes = largePageSizeBytes }
                pages.append(page)
            }
            run += 1
        }
        return pages
    }

    /// All there are, held and reserved, in pieces of 4 KiB.
    var all: [Page] { runs.flatMap { run in run.addresses.indices.compactMap { run.page($0) } } }
}
