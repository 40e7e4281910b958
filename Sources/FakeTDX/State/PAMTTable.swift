internal import Synchronization
internal import TDXCalls

/// What a root page's metadata keeps alive.
enum PageContents {
    case none
    case td(TDState)
    case vcpu(VCPUState)
    case sept(SEPTPage)
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
        contents = .none
    }
}

/// A flat metadata table for pages of one size.
@safe final class PAMTTable: @unchecked Sendable {
    let count: Int
    // SAFETY of all uses: `count` records, initialised in init and destroyed in deinit by this owner alone.
    private let records: UnsafeMutablePointer<PAMTRecord>

    init(count: Int) {
        self.count = count
        unsafe records = .allocate(capacity: count)
        for index in 0..<count { unsafe (records + index).initialize(to: PAMTRecord()) }
    }

    deinit {
        // SAFETY: see `records`.
        unsafe records.deinitialize(count: count)
        unsafe records.deallocate()
    }

    subscript(index: Int) -> PageEntry {
        precondition(index >= 0 && index < count, "a page beyond its metadata table")
        // SAFETY: inside the table.
        return unsafe PageEntry(records + index)
    }
}
