internal import Synchronization
internal import TDXCalls

/// The TDMRs the module was configured with; the owner of their metadata tables.
@safe final class TDMRSet: @unchecked Sendable {
    let count: Int
    // SAFETY of all uses: `count` records, initialised in init and destroyed in deinit by this owner alone.
    private let records: UnsafeMutablePointer<TDMRRecord>

    init(_ layouts: [TDMRLayout]) {
        count = layouts.count
        unsafe records = .allocate(capacity: max(1, count))
        for (index, layout) in layouts.enumerated() {
            unsafe (records + index).initialize(to: TDMRRecord(layout))
        }
    }

    deinit {
        // SAFETY: see `records`.
        unsafe records.deinitialize(count: count)
        unsafe records.deallocate()
    }

    subscript(index: Int) -> TDMR {
        precondition(index >= 0 && index < count, "no such TDMR")
        // SAFETY: inside the records.
        return unsafe TDMR(records + index)
    }

    /// The TDMR an address lies in.
    func containing(_ address: UInt64) -> TDMR? {
        for index in 0..<count {
            // SAFETY: inside the records.
            let tdmr = unsafe TDMR(records + index)
            if tdmr.contains(address) { return tdmr }
        }
        return nil
    }
}

private struct TDMRRecord: ~Copyable {
    let base: UInt64
    let size: UInt64
    let reserved: [MemoryRange]
    let pages4K: PAMTTable
    let pages2M: PAMTTable
    let pages1G: PAMTTable
    /// SYS.TDMR.INIT's mutex.
    let locks = LockBlock(count: 1)
    /// Bytes from the base that SYS.TDMR.INIT has gone through; written under the mutex.
    let initialized = Atomic<UInt64>(0)

    init(_ layout: TDMRLayout) {
        base = layout.range.base
        size = layout.range.size
        reserved = layout.reserved
        pages4K = PAMTTable(count: Int(size >> 12))
        pages2M = PAMTTable(count: Int(size >> 21))
        pages1G = PAMTTable(count: Int(size >> 30))
    }
}

/// Names a TDMR of a ``TDMRSet``, and its metadata tables.
@safe struct TDMR: @unchecked Sendable {
    // SAFETY of all uses: the set lives as long as the module, and what changes in a record is atomic.
    private let record: UnsafeMutablePointer<TDMRRecord>

    fileprivate init(_ record: UnsafeMutablePointer<TDMRRecord>) { unsafe self.record = unsafe record }

    /// Bytes one SYS.TDMR.INIT call goes through: metadata of 1024 pages.
    static let initializationStep: UInt64 = 1024 * 4096

    // SAFETY: see `record`.
    var base: UInt64 { unsafe record.pointee.base }
    var size: UInt64 { unsafe record.pointee.size }

    func contains(_ address: UInt64) -> Bool {
        // SAFETY: see `record`.
        unsafe address &- record.pointee.base < record.pointee.size
    }

    var initLock: LockReference {
        // SAFETY: see `record`.
        unsafe record.pointee.locks[0]
    }

    private var initialized: UInt64 {
        // SAFETY: see `record`.
        unsafe record.pointee.initialized.load(ordering: .acquiring)
    }

    /// First address not yet initialised, rounded down to 1 GiB: pages below it can be used.
    var usableEnd: UInt64 { base + initialized & ~(FakePlatform.gigabyte - 1) }

    var isInitialized: Bool { initialized == size }

    /// One step of SYS.TDMR.INIT. The mutex is held, and the end not reached.
    func initializeStep() {
        let start = initialized
        let end = start + Self.initializationStep
        // SAFETY: see `record`.
        for area in unsafe record.pointee.reserved where area.base < end && area.end > start {
            for page in (max(area.base, start) >> 12)..<(min(area.end, end) >> 12) {
                entry4K(Int(page)).type = .rsvd
            }
        }
        unsafe record.pointee.initialized.store(end, ordering: .releasing)
    }
}

extension TDMR {
    // SAFETY of all uses: see `record`.
    func entry4K(_ index: Int) -> PageEntry { unsafe record.pointee.pages4K[index] }
    func entry2M(_ index: Int) -> PageEntry { unsafe record.pointee.pages2M[index] }
    func entry1G(_ index: Int) -> PageEntry { unsafe record.pointee.pages1G[index] }

    var count2M: Int { unsafe record.pointee.pages2M.count }
    var count1G: Int { unsafe record.pointee.pages1G.count }
    /// Small pages whose metadata was ever looked at.
    var touchedIndices4K: [Int] { unsafe record.pointee.pages4K.touchedIndices }
}

/// Where a page's metadata is.
struct LocatedPage {
    let entry: PageEntry
    /// 0 = 4K, 1 = 2M, 2 = 1G.
    let size: UInt8
    let tdmr: TDMR
}

extension TDMR {
    func index4K(_ address: UInt64) -> Int { Int((address - base) >> 12) }

    func entry4K(at address: UInt64) -> PageEntry { entry4K(index4K(address)) }
    func entry2M(at address: UInt64) -> PageEntry { entry2M(Int((address - base) >> 21)) }
    func entry1G(at address: UInt64) -> PageEntry { entry1G(Int((address - base) >> 30)) }

    /// The entry that describes `address` now, for one who needs no lock because others keep it from changing:
    /// a page that a secure EPT maps, seen by a holder of the tree lock.
    func entry(at address: UInt64, size: UInt8) -> PageEntry {
        switch size {
        case 0: entry4K(at: address)
        case 1: entry2M(at: address)
        default: entry1G(at: address)
        }
    }
}
