internal import Synchronization
internal import TDXCalls

/// A TDMR the module was configured with, and its metadata tables.
final class TDMR: Sendable {
    let layout: TDMRLayout
    let pages4K: PAMTTable
    let pages2M: PAMTTable
    let pages1G: PAMTTable
    /// SYS.TDMR.INIT's mutex.
    let locks = LockBlock(count: 1)
    /// Bytes from the base that SYS.TDMR.INIT has gone through; written under the mutex.
    private let initialized = Atomic<UInt64>(0)

    /// A bit for each 2 MiB in which a small page was ever locked exclusively: elsewhere all is as it began.
    private let touched: AtomicWords

    /// Bytes one SYS.TDMR.INIT call goes through: metadata of 1024 pages.
    static let initializationStep: UInt64 = 1024 * 4096

    init(_ layout: TDMRLayout) {
        self.layout = layout
        let size = layout.range.size
        pages4K = PAMTTable(count: Int(size >> 12))
        pages2M = PAMTTable(count: Int(size >> 21))
        pages1G = PAMTTable(count: Int(size >> 30))
        touched = AtomicWords(count: Int(size >> 21) / 64 + 1)
    }

    var initLock: LockReference { locks[0] }

    /// First address not yet initialised, rounded down to 1 GiB: pages below it can be used.
    var usableEnd: UInt64 {
        layout.range.base + initialized.load(ordering: .acquiring) & ~(FakePlatform.gigabyte - 1)
    }

    var isInitialized: Bool { initialized.load(ordering: .acquiring) == layout.range.size }

    /// One step of SYS.TDMR.INIT. The mutex is held, and the end not reached.
    func initializeStep() {
        let start = initialized.load(ordering: .relaxed)
        let end = start + Self.initializationStep
        for area in layout.reserved where area.base < end && area.end > start {
            for page in (max(area.base, start) >> 12)..<(min(area.end, end) >> 12) {
                pages4K[Int(page)].type = .rsvd
            }
        }
        initialized.store(end, ordering: .releasing)
    }

    /// Notes that a small page in a 2 MiB range may change.
    func touch(_ index2M: Int) {
        let bit: UInt64 = 1 << UInt64(index2M % 64)
        while touched[index2M / 64] & bit == 0 {
            let word = touched[index2M / 64]
            if touched.exchange(index2M / 64, expected: word, desired: word | bit) { break }
        }
    }

    /// Small pages that may not be as they began.
    var touchedPages: [Int] {
        (0..<pages2M.count).filter { touched[$0 / 64] >> UInt64($0 % 64) & 1 == 1 }
            .flatMap { $0 << 9..<($0 + 1) << 9 }
    }

    func contains(_ address: UInt64) -> Bool { layout.range.contains(address) }
}

/// Where a page's metadata is.
struct LocatedPage {
    let entry: PageEntry
    /// 0 = 4K, 1 = 2M, 2 = 1G.
    let size: UInt8
    let tdmr: TDMR
    /// Index in the table of `size`.
    let index: Int
}

extension TDMR {
    func index4K(_ address: UInt64) -> Int { Int((address - layout.range.base) >> 12) }
    func index2M(_ address: UInt64) -> Int { Int((address - layout.range.base) >> 21) }
    func index1G(_ address: UInt64) -> Int { Int((address - layout.range.base) >> 30) }

    /// The entry that describes `address` now, for one who needs no lock because others keep it from changing:
    /// a page that a secure EPT maps, seen by a holder of the tree lock.
    func entry(at address: UInt64, size: UInt8) -> PageEntry {
        switch size {
        case 0: pages4K[index4K(address)]
        case 1: pages2M[index2M(address)]
        default: pages1G[index1G(address)]
        }
    }
}
