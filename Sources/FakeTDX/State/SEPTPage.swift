internal import Synchronization

/// A secure EPT page: 512 entries.
@safe final class SEPTPage: @unchecked Sendable {
    static let entryCount = 512

    // SAFETY of all uses: 512 words, initialised in init and destroyed in deinit by this owner alone.
    private let entries: UnsafeMutablePointer<Atomic<UInt64>>

    init() {
        unsafe entries = .allocate(capacity: Self.entryCount)
        for index in 0..<Self.entryCount { unsafe (entries + index).initialize(to: Atomic(0)) }
    }

    deinit {
        // SAFETY: see `entries`.
        unsafe entries.deinitialize(count: Self.entryCount)
        unsafe entries.deallocate()
    }

    subscript(index: Int) -> SEPTEntryReference {
        precondition(index >= 0 && index < Self.entryCount, "no such secure EPT entry")
        // SAFETY: inside the page.
        return unsafe SEPTEntryReference(entries + index)
    }

    var isEmpty: Bool { (0..<Self.entryCount).allSatisfy { self[$0].load() == .free } }
}

/// Names one secure EPT entry. Its page stays while the TD's tree lock, or its TDR exclusively, is held.
@safe struct SEPTEntryReference: @unchecked Sendable {
    // SAFETY of all uses: see the type; the word itself is atomic.
    private let word: UnsafeMutablePointer<Atomic<UInt64>>

    fileprivate init(_ word: UnsafeMutablePointer<Atomic<UInt64>>) { unsafe self.word = unsafe word }

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
