internal import Synchronization
internal import Threading

/// 512 pages of the machine's memory that lie side by side, with room for all of them while one is there.
///
/// Room is taken in one piece: page by page it would cost as much as the measurement of what stands in it.
@safe struct MemoryBlock: ~Copyable {
    static let pages = 512
    private static let pageBytes = PhysicalMemory.pageBytes

    // SAFETY of all uses: a page's flag is touched with that page's lock held only; the room is there for as long as a
    // page is, which `users` counts, and is given back by whoever has claimed the block when there was none.
    private let isPresent: UnsafeMutablePointer<Bool>
    private let room = unsafe Atomic<UnsafeMutableRawPointer?>(nil)
    /// Pages that are there, or are being made; `claimed` while the room is given back.
    private let users = Atomic<Int>(0)
    private static let claimed = -1

    init() {
        unsafe isPresent = .allocate(capacity: Self.pages)
        unsafe isPresent.initialize(repeating: false, count: Self.pages)
    }

    deinit {
        // SAFETY: nobody else is left.
        unsafe isPresent.deallocate()
        unsafe room.load(ordering: .acquiring)?.deallocate()
    }

    /// The bytes of a page; nil if it reads as zeroes. With its lock held.
    subscript(_ place: Int) -> UnsafeMutableRawPointer? {
        guard unsafe isPresent[place], let room = unsafe room.load(ordering: .acquiring) else { return nil }
        return unsafe room + place * Self.pageBytes
    }

    /// A page's bytes, which are anything if it was not there. With its lock held.
    func make(_ place: Int, _ spare: borrowing SpareRoom) -> UnsafeMutableRawPointer {
        if unsafe !isPresent[place] {
            enter(spare)
            unsafe isPresent[place] = true
        }
        guard let bytes = unsafe self[place] else { preconditionFailure("a block that is entered has room") }
        return unsafe bytes
    }

    /// Makes a page read as zeroes. With its lock held.
    func remove(_ place: Int, _ spare: borrowing SpareRoom) {
        guard unsafe isPresent[place] else { return }
        unsafe isPresent[place] = false
        guard users.wrappingSubtract(1, ordering: .acquiringAndReleasing).newValue == 0, !spare.keep() else { return }
        guard users.compareExchange(expected: 0, desired: Self.claimed, ordering: .acquiringAndReleasing).exchanged
        else { return }
        spare.take()
        unsafe room.exchange(nil, ordering: .acquiringAndReleasing)?.deallocate()
        users.store(0, ordering: .releasing)
    }

    /// Counts one page more; the first has room made.
    private func enter(_ spare: borrowing SpareRoom) {
        while true {
            let count = users.load(ordering: .acquiring)
            if count == Self.claimed {
                sleepBlocking(.microseconds(1))
                continue
            }
            let next = count == 0 ? Self.claimed : count + 1
            guard users.compareExchange(expected: count, desired: next, ordering: .acquiringAndReleasing).exchanged
            else { continue }
            if count == 0 {
                makeRoom(spare)
                users.store(1, ordering: .releasing)
            }
            return
        }
    }

    private func makeRoom(_ spare: borrowing SpareRoom) {
        guard unsafe room.load(ordering: .acquiring) == nil else { return spare.take() }
        unsafe room.store(
            .allocate(byteCount: Self.pages * Self.pageBytes, alignment: Self.pageBytes), ordering: .releasing)
    }
}

/// How many blocks keep their room though no page is in it.
struct SpareRoom: ~Copyable {
    private let blocksMax: Int
    private let blocks = Atomic<Int>(0)

    init(blocksMax: Int) { self.blocksMax = blocksMax }

    /// Counts one more; false if that is one too many, which somebody then gives back or has taken.
    func keep() -> Bool { blocks.wrappingAdd(1, ordering: .relaxed).newValue <= blocksMax }

    func take() { _ = blocks.wrappingSubtract(1, ordering: .relaxed) }
}
