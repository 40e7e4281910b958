internal import Synchronization

/// A secure EPT page: 512 entries, and for each the table it links to.
///
/// A bare pointer, because walks are the fake's hottest path: whoever made the page destroys it. The metadata entry
/// of the page owns it, and a TD its root.
@safe struct SEPTPage: @unchecked Sendable {
    static let entryCount = 512
    /// Entries, then the tables they link to.
    private static let wordCount = 2 * entryCount

    // SAFETY of all uses: 1024 words, initialised in init; nobody uses the page after `destroy`.
    private let words: UnsafeMutablePointer<UInt64>

    /// An empty page.
    init() {
        unsafe words = .allocate(capacity: Self.wordCount)
        unsafe words.initialize(repeating: 0, count: Self.wordCount)
    }

    fileprivate init?(bits: UInt64) {
        guard let words = unsafe UnsafeMutablePointer<UInt64>(bitPattern: UInt(bits)) else { return nil }
        // SAFETY: the bits are those of a page that an entry links to; see `SEPTEntryReference.table`.
        unsafe self.words = unsafe words
    }

    fileprivate var bits: UInt64 { unsafe UInt64(UInt(bitPattern: words)) }

    /// Frees the memory; nothing may refer to the page any more.
    func destroy() {
        // SAFETY: see `words`.
        unsafe words.deallocate()
    }

    subscript(index: Int) -> SEPTEntryReference {
        precondition(index >= 0 && index < Self.entryCount, "no such secure EPT entry")
        // SAFETY: inside the page; an atomic word has the layout of the word.
        return unsafe SEPTEntryReference(
            UnsafeMutableRawPointer(words + index).assumingMemoryBound(to: Atomic<UInt64>.self))
    }

    var isEmpty: Bool { (0..<Self.entryCount).allSatisfy { self[$0].load() == .free } }
}

/// Names one secure EPT entry. Its page stays while the TD's tree lock, or its TDR exclusively, is held.
@safe struct SEPTEntryReference: @unchecked Sendable {
    // SAFETY of all uses: see the type; the word itself is atomic, as is the one that says where its table is.
    private let word: UnsafeMutablePointer<Atomic<UInt64>>

    fileprivate init(_ word: UnsafeMutablePointer<Atomic<UInt64>>) { unsafe self.word = unsafe word }

    /// From ``bits`` of a reference.
    init(bits: UInt) {
        guard let word = unsafe UnsafeMutablePointer<Atomic<UInt64>>(bitPattern: bits) else {
            preconditionFailure("no secure EPT entry lies at address zero")
        }
        // SAFETY: the bits came from a reference; see `word`.
        unsafe self.word = unsafe word
    }

    /// The entry's address, a multiple of eight.
    var bits: UInt { unsafe UInt(bitPattern: word) }

    /// The table that the entry links to; nil if it links to none.
    var table: SEPTPage? {
        // SAFETY: see `word`; the second half of the entry's page is as long as the first.
        SEPTPage(bits: unsafe word[SEPTPage.entryCount].load(ordering: .acquiring))
    }

    /// Writes an entry that the caller has locked, and keeps it locked: it links to a table.
    func linkLocked(_ value: SEPTWord, to table: SEPTPage) {
        // SAFETY: see `table`. The table first: whoever sees the link finds it.
        unsafe word[SEPTPage.entryCount].store(table.bits, ordering: .releasing)
        storeLocked(value)
    }

    func load() -> SEPTWord {
        // SAFETY: see `word`.
        SEPTWord(rawValue: unsafe word.pointee.load(ordering: .acquiring)).unlocked
    }

    /// Writes an entry that the caller has locked, and keeps it locked.
    func storeLocked(_ value: SEPTWord) {
        // SAFETY: see `word`.
        unsafe word.pointee.store(value.rawValue | SEPTWord.lockBit, ordering: .releasing)
    }

    /// Writes an entry where a lock on the whole keeps others out: an exclusive TDR, or a page not yet linked.
    func store(_ value: SEPTWord) {
        // SAFETY: see `word`.
        unsafe word.pointee.store(value.rawValue, ordering: .releasing)
    }

    func tryLock() -> Bool {
        // SAFETY: see `word`.
        let before = unsafe word.pointee.bitwiseOr(SEPTWord.lockBit, ordering: .acquiring).oldValue
        return before & SEPTWord.lockBit == 0
    }

    func unlock() {
        // SAFETY: see `word`.
        let before = unsafe word.pointee.bitwiseAnd(~SEPTWord.lockBit, ordering: .releasing).oldValue
        precondition(before & SEPTWord.lockBit != 0, "a secure EPT entry was unlocked that was not locked")
    }
}
