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
        guard users.wrappingSubtract(1, ordering: .acquiringAndReleasing).newValue == 0 else { return }
        // Somebody may have entered meanwhile.
        guard users.compareExchange(expected: 0, desired: Self.claimed, ordering: .acquiringAndReleasing).exchanged
        else { return }
        if let room = unsafe room.exchange(nil, ordering: .acquiringAndReleasing) { unsafe spare.giveBack(room) }
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
                unsafe room.store(spare.take(), ordering: .releasing)
                users.store(1, ordering: .releasing)
            }
            return
        }
    }
}

/// Room of blocks that have no page any more, kept for the next ones: what is fresh from the system is cleared by it first,
/// page by page.
@safe struct SpareRoom: ~Copyable {
    static let blockBytes = MemoryBlock.pages * PhysicalMemory.pageBytes

    private let blocksMax: Int
    private let addresses = Locked<[UInt]>([])

    init(blocksMax: Int) { self.blocksMax = blocksMax }

    deinit {
        for address in addresses.withLock({ $0 }) {
            // SAFETY: it was given back, and nobody else has it.
            unsafe UnsafeMutableRawPointer(bitPattern: address)?.deallocate()
        }
    }

    /// Room for a block, with anything in it.
    func take() -> UnsafeMutableRawPointer {
        let address = addresses.withLock { $0.popLast() }
        // SAFETY: it was given back, and nobody else has it.
        if let room = unsafe address.flatMap({ unsafe UnsafeMutableRawPointer(bitPattern: $0) }) { return unsafe room }
        return .allocate(byteCount: Self.blockBytes, alignment: PhysicalMemory.pageBytes)
    }

    func giveBack(_ room: UnsafeMutableRawPointer) {
        let address = UInt(bitPattern: room)
        let isKept = addresses.withLock { addresses in
            guard addresses.count < blocksMax else { return false }
            addresses.append(address)
            return true
        }
        // SAFETY: nobody else has it.
        if !isKept { unsafe room.deallocate() }
    }
}
