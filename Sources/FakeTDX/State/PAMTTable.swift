internal import Synchronization
internal import TDXCalls

/// What a root page's metadata keeps alive.
enum PageContents {
    case none
    case td(TDState)
    case vcpu(VCPUState)
    case sept(SEPTPage)

    /// Frees what is not counted by reference.
    func destroy() {
        if case .sept(let page) = self { page.destroy() }
    }
}

/// One entry of a metadata table. All but the lock and the epoch belong to whoever holds the lock.
private struct PAMTRecord: ~Copyable {
    let lock = SharexLock()
    var type = UInt8(PageType.nda.rawValue)
    /// TD_EPOCH at which the page's mapping was blocked; written under the TD's tree lock, read under this one.
    let blockEpoch = Atomic<UInt64>(0)
    /// Page number of the TDR; outlives the page's use, as RDMD shows.
    var owner: UInt64 = 0
    var contents = PageContents.none
    /// What the host owes for the page, and what was last done with it; see ``PageCustody``. Written by the host's
    /// port too, which holds no lock of the module.
    let custody = Atomic<UInt64>(0)
    let lastDeed = Atomic<UInt64>(0)

    deinit { contents.destroy() }
}

/// Names one entry of a metadata table. The holder of the entry's lock may read; writing wants it exclusively.
@safe struct PageEntry: @unchecked Sendable {
    // SAFETY of all uses: the table has its size for life and outlives every call; who may touch which member
    // when is the module's own locking, which the leaves follow.
    fileprivate let record: UnsafeMutablePointer<PAMTRecord>

    fileprivate init(_ record: UnsafeMutablePointer<PAMTRecord>) { unsafe self.record = unsafe record }

    var lock: LockReference {
        // SAFETY: see `record`; the lock is the record's first member and never moves.
        unsafe LockReference(UnsafeRawPointer(record).assumingMemoryBound(to: SharexLock.self))
    }

    /// What the host owes for the page.
    var custody: PageCustody {
        // SAFETY: see `record`.
        get { unsafe PageCustody(rawValue: record.pointee.custody.load(ordering: .relaxed)) }
        nonmutating set { unsafe record.pointee.custody.store(newValue.rawValue, ordering: .relaxed) }
    }

    /// What was last done with the page that a report would name.
    var lastDeed: Deed {
        // SAFETY: see `record`.
        get { unsafe Deed(rawValue: record.pointee.lastDeed.load(ordering: .relaxed)) }
        nonmutating set { unsafe record.pointee.lastDeed.store(newValue.rawValue, ordering: .relaxed) }
    }

    var type: PageType {
        // SAFETY: see `record`.
        get { unsafe PageType(rawValue: UInt64(record.pointee.type)) }
        nonmutating set { unsafe record.pointee.type = UInt8(truncatingIfNeeded: newValue.rawValue) }
    }

    /// Address of the TDR, without KeyID bits.
    var owner: UInt64 {
        // SAFETY: see `record`.
        get { unsafe record.pointee.owner << 12 }
        nonmutating set { unsafe record.pointee.owner = newValue >> 12 }
    }

    var blockEpoch: UInt64 {
        // SAFETY: see `record`.
        get { unsafe record.pointee.blockEpoch.load(ordering: .relaxed) }
        nonmutating set { unsafe record.pointee.blockEpoch.store(newValue, ordering: .relaxed) }
    }

    var contents: PageContents {
        // SAFETY: see `record`.
        get { unsafe record.pointee.contents }
        nonmutating set { unsafe record.pointee.contents = newValue }
    }

    /// Gives the page to a TD, or to itself if it is a TDR.
    func assign(_ type: PageType, owner: UInt64, contents: PageContents = .none) {
        self.type = type
        self.owner = owner
        blockEpoch = 0
        self.contents = contents
    }

    /// Whether the entry is as SYS.TDMR.INIT leaves it: free or reserved, unlocked, with no owner to be remembered.
    var isUntouched: Bool { (type == .nda || type == .rsvd) && owner == 0 && !lock.isHeld }

    /// Takes the page back. The owner stays to be seen, as the real module leaves it.
    func free() {
        type = .nda
        blockEpoch = 0
        contents.destroy()
        contents = .none
    }
}

/// The metadata table for pages of one size: flat, in runs of entries that come into being when they are first looked
/// at, so that an idle gigabyte costs nothing.
@safe struct PAMTTable: ~Copyable, @unchecked Sendable {
    let count: Int

    /// Entries in a run: those of a 2 MiB range, where pages are small.
    static let runLength = 512

    private typealias Run = Atomic<UnsafeMutablePointer<PAMTRecord>?>

    private let runCount: Int
    // SAFETY of all uses: `runCount` atomics, initialised in init and destroyed in deinit by this owner alone. A run
    // that one of them points to is initialised before it is published, and stays until deinit.
    private let runs: UnsafeMutablePointer<Run>

    init(count: Int) {
        self.count = count
        runCount = (count + Self.runLength - 1) / Self.runLength
        unsafe runs = .allocate(capacity: runCount)
        for index in 0..<runCount { unsafe (runs + index).initialize(to: Run(nil)) }
    }

    deinit {
        // SAFETY: see `runs`; nobody else is left.
        for index in 0..<runCount {
            if let run = unsafe runs[index].load(ordering: .acquiring) { unsafe Self.destroy(run) }
        }
        unsafe runs.deinitialize(count: runCount)
        unsafe runs.deallocate()
    }

    subscript(index: Int) -> PageEntry {
        precondition(index >= 0 && index < count, "a page beyond its metadata table")
        // SAFETY: inside the run, and the run inside the table.
        let run = unsafe run(index / Self.runLength)
        return unsafe PageEntry(run + index % Self.runLength)
    }

    /// Entries of runs that were ever looked at; all others are as they began.
    var touchedIndices: [Int] {
        (0..<runCount).flatMap { number -> Range<Int> in
            // SAFETY: see `runs`.
            guard unsafe runs[number].load(ordering: .acquiring) != nil else { return 0..<0 }
            return number * Self.runLength..<min(count, (number + 1) * Self.runLength)
        }
    }

    private func run(_ number: Int) -> UnsafeMutablePointer<PAMTRecord> {
        // SAFETY: see `runs`.
        if let run = unsafe runs[number].load(ordering: .acquiring) { return unsafe run }
        let new = UnsafeMutablePointer<PAMTRecord>.allocate(capacity: Self.runLength)
        for index in 0..<Self.runLength { unsafe (new + index).initialize(to: PAMTRecord()) }
        let outcome = unsafe runs[number].compareExchange(
            expected: nil, desired: new, ordering: .acquiringAndReleasing)
        guard let first = unsafe outcome.original else { return unsafe new }
        // Somebody else was faster.
        unsafe Self.destroy(new)
        return unsafe first
    }

    private static func destroy(_ run: UnsafeMutablePointer<PAMTRecord>) {
        // SAFETY: all of a run is initialised, and this is its last use.
        unsafe run.deinitialize(count: runLength)
        unsafe run.deallocate()
    }
}
