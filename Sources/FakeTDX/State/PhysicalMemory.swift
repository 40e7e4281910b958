internal import Synchronization
internal import Threading

/// The machine's memory: pages that were never written read as zero and take no room.
///
/// There is no encryption here: whoever reads an address sees what was last written, under whichever KeyID. Pages are
/// found through a tree of tables, as the processor finds them: looking one up takes no lock, using one takes that of
/// the page.
@safe final class PhysicalMemory: @unchecked Sendable {
    static let pageBytes = 4096

    /// Address bits below the top table's: three levels of nine bits over a page.
    private static let topShift: UInt64 = 39
    private static let tableLength = 512
    private static let addressBits: UInt64 = 52

    private typealias Table = Atomic<UnsafeMutableRawPointer?>

    // SAFETY of all uses: tables and blocks are initialised before they are published and stay until deinit; a block is
    // asked for a page with that page's lock held only.
    private let top: UnsafeMutablePointer<Table>
    private let topLength: Int
    /// Pages share a few locks, held for a copy of a page at most: threads at work on different pages seldom meet.
    private let locks = LockBlock(count: lockCount)
    private static let lockCount = 64
    /// What one TD gives back the next one takes, up to 72 MiB.
    private let spareRoom = SpareRoom(blocksMax: 36)

    /// - Parameter addressBits: bits of an address that may not be a KeyID's; higher ones are taken as well, at the
    ///   price of a longer table.
    init(addressBits: UInt64) {
        topLength = 1 << Int(max(Self.topShift, min(addressBits, Self.addressBits)) - Self.topShift)
        unsafe top = Self.makeTable(length: topLength)
    }

    deinit {
        for first in 0..<topLength {
            guard let second = unsafe Self.table(top, first, orMake: false) else { continue }
            for index in 0..<Self.tableLength {
                guard let third = unsafe Self.table(second, index, orMake: false) else { continue }
                for last in 0..<Self.tableLength {
                    // SAFETY: nobody else is left.
                    guard let block = unsafe third[last].load(ordering: .acquiring) else { continue }
                    let typed = unsafe block.assumingMemoryBound(to: MemoryBlock.self)
                    unsafe typed.deinitialize(count: 1)
                    unsafe typed.deallocate()
                }
                unsafe third.deallocate()
            }
            unsafe second.deallocate()
        }
        unsafe top.deallocate()
    }

    private static func makeTable(length: Int) -> UnsafeMutablePointer<Table> {
        let table = UnsafeMutablePointer<Table>.allocate(capacity: length)
        // SAFETY: all of the table is initialised.
        for index in 0..<length { unsafe (table + index).initialize(to: Table(nil)) }
        return unsafe table
    }

    /// The table that an entry of a table names; nil if there is none and none is to be made.
    private static func table(
        _ table: UnsafeMutablePointer<Table>, _ index: Int, orMake makes: Bool
    ) -> UnsafeMutablePointer<Table>? {
        // SAFETY: see `top`.
        if let next = unsafe table[index].load(ordering: .acquiring) {
            return unsafe next.assumingMemoryBound(to: Table.self)
        }
        guard makes else { return nil }
        let new = unsafe makeTable(length: tableLength)
        let outcome = unsafe table[index].compareExchange(
            expected: nil, desired: UnsafeMutableRawPointer(new), ordering: .acquiringAndReleasing)
        guard let first = unsafe outcome.original else { return unsafe new }
        // Somebody else was faster; atomics of pointers need no destruction.
        unsafe new.deallocate()
        return unsafe first.assumingMemoryBound(to: Table.self)
    }

    private static func makeBlock(
        in table: UnsafeMutablePointer<Table>, _ index: Int
    ) -> UnsafeMutablePointer<MemoryBlock> {
        let new = UnsafeMutablePointer<MemoryBlock>.allocate(capacity: 1)
        // SAFETY: the block is initialised before it is published.
        unsafe new.initialize(to: MemoryBlock())
        let outcome = unsafe table[index].compareExchange(
            expected: nil, desired: UnsafeMutableRawPointer(new), ordering: .acquiringAndReleasing)
        guard let first = unsafe outcome.original else { return unsafe new }
        unsafe new.deinitialize(count: 1)
        unsafe new.deallocate()
        return unsafe first.assumingMemoryBound(to: MemoryBlock.self)
    }

    /// The block a page is in; nil if nothing near it was ever written and none is to be made.
    private func block(_ page: UInt64, orMake makes: Bool) -> UnsafeMutablePointer<MemoryBlock>? {
        let address = page << 12
        let first = Int(address >> Self.topShift)
        guard first < topLength else { return nil }
        // SAFETY: see `top`; the indices lie within their tables.
        guard
            let second = unsafe Self.table(top, first, orMake: makes),
            let third = unsafe Self.table(second, Int(address >> 30) & (Self.tableLength - 1), orMake: makes)
        else { return nil }
        let index = Int(address >> 21) & (Self.tableLength - 1)
        if let block = unsafe third[index].load(ordering: .acquiring) {
            return unsafe block.assumingMemoryBound(to: MemoryBlock.self)
        }
        return makes ? unsafe Self.makeBlock(in: third, index) : nil
    }

    private static func place(_ page: UInt64) -> Int { Int(page) & (MemoryBlock.pages - 1) }

    private func withLock<Result>(of page: UInt64, _ body: () -> Result) -> Result {
        let lock = locks[Int(page) & (Self.lockCount - 1)]
        // The one lock in here that waits; whoever has it is about to give it back.
        while !lock.take(.exclusive) { sleepBlocking(.microseconds(1)) }
        defer { lock.releaseExclusive() }
        return body()
    }

    /// Always in the same order, so that two threads cannot wait for one another.
    private func withLocks(of first: UInt64, _ second: UInt64, _ body: () -> Void) {
        let (left, right) = (first % UInt64(Self.lockCount), second % UInt64(Self.lockCount))
        withLock(of: min(left, right)) {
            if left == right { body() } else { withLock(of: max(left, right), body) }
        }
    }

    func write(_ bytes: [UInt8], at address: UInt64) {
        // SAFETY: bytes have no padding, so all of the span's memory is initialised.
        unsafe write(bytes.span.bytes, at: address)
    }

    func write(_ bytes: RawSpan, at address: UInt64) {
        var done = 0
        while done < bytes.byteCount {
            let target = address + UInt64(done)
            let offset = Int(target & 0xfff)
            let length = min(Self.pageBytes - offset, bytes.byteCount - done)
            writePart(bytes.extracting(done..<done + length), page: target >> 12, offset: offset)
            done += length
        }
    }

    private func writePart(_ bytes: RawSpan, page: UInt64, offset: Int) {
        guard let block = unsafe block(page, orMake: true) else { return }
        let place = Self.place(page)
        withLock(of: page) {
            // SAFETY: the page's lock is held, and the range lies inside the page.
            if bytes.byteCount == Self.pageBytes, Self.isZero(bytes) {
                return unsafe block.pointee.remove(place, spareRoom)
            }
            let isNew = unsafe block.pointee[place] == nil
            let target = unsafe block.pointee.make(place, spareRoom)
            if isNew, bytes.byteCount < Self.pageBytes {
                unsafe target.initializeMemory(as: UInt8.self, repeating: 0, count: Self.pageBytes)
            }
            unsafe bytes.withUnsafeBytes { source in
                unsafe UnsafeMutableRawBufferPointer(start: target + offset, count: source.count)
                    .copyMemory(from: source)
            }
        }
    }

    /// Whether a page's bytes are zeroes, which need no store.
    private static func isZero(_ bytes: RawSpan) -> Bool {
        for offset in stride(from: 0, to: bytes.byteCount, by: 8) {
            // SAFETY: the offset lies inside the span, and an integer takes any bits.
            guard unsafe bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self) == 0 else { return false }
        }
        return true
    }

    /// Fills `target` with the bytes from `address` on, which must not leave their page.
    func read(at address: UInt64, into target: UnsafeMutableRawBufferPointer) {
        let offset = Int(address & 0xfff)
        precondition(offset + target.count <= Self.pageBytes, "a read of one page leaves it")
        let page = address >> 12
        guard let block = unsafe block(page, orMake: false) else {
            unsafe target.initializeMemory(as: UInt8.self, repeating: 0)
            return
        }
        withLock(of: page) {
            // SAFETY: the page's lock is held, and the range lies inside the page.
            if let bytes = unsafe block.pointee[Self.place(page)] {
                unsafe target.copyMemory(from: UnsafeRawBufferPointer(start: bytes + offset, count: target.count))
            } else {
                unsafe target.initializeMemory(as: UInt8.self, repeating: 0)
            }
        }
    }

    func read(at address: UInt64, count: Int) -> [UInt8] {
        // SAFETY: every byte of the buffer is filled, page by page.
        unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            while filled < count {
                let source = address + UInt64(filled)
                let length = min(Self.pageBytes - Int(source & 0xfff), count - filled)
                let rest = unsafe UnsafeMutableRawBufferPointer(buffer)[filled..<filled + length]
                unsafe read(at: source, into: UnsafeMutableRawBufferPointer(rebasing: rest))
                filled += length
            }
        }
    }

    /// A little-endian word at an address that is a multiple of 8.
    func word(at address: UInt64) -> UInt64 {
        var value: UInt64 = 0
        // SAFETY: an integer's own eight bytes.
        unsafe withUnsafeMutableBytes(of: &value) { unsafe read(at: address, into: $0) }
        return UInt64(littleEndian: value)
    }

    func setWord(_ value: UInt64, at address: UInt64) {
        let little = value.littleEndian
        // SAFETY: an integer's own eight bytes.
        unsafe withUnsafeBytes(of: little) { unsafe write(RawSpan(_unsafeBytes: $0), at: address) }
    }

    /// Makes one whole page the copy of another.
    func copyPage(from source: UInt64, to target: UInt64) {
        let (source, target) = (source >> 12, target >> 12)
        guard source != target else { return }
        let from = unsafe block(source, orMake: false)
        guard let to = unsafe block(target, orMake: unsafe from != nil) else { return }
        withLocks(of: source, target) {
            // SAFETY: both pages' locks are held, and a page is as long as the other.
            guard let bytes = unsafe from?.pointee[Self.place(source)] else {
                return unsafe to.pointee.remove(Self.place(target), spareRoom)
            }
            unsafe to.pointee.make(Self.place(target), spareRoom).copyMemory(from: bytes, byteCount: Self.pageBytes)
        }
    }

    /// Makes pages read as zero again, and forgets them.
    func clear(_ range: MemoryRange) {
        for page in (range.base >> 12)..<(range.end + 0xfff) >> 12 {
            guard let block = unsafe block(page, orMake: false) else { continue }
            // SAFETY: the page's lock is held.
            withLock(of: page) { unsafe block.pointee.remove(Self.place(page), spareRoom) }
        }
    }
}
