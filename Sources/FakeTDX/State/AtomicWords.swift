internal import Synchronization

/// Words that several calls may read and write at once.
@safe final class AtomicWords: @unchecked Sendable {
    let count: Int
    // SAFETY of all uses: `count` words, initialised in init and destroyed in deinit by this owner alone.
    private let words: UnsafeMutablePointer<Atomic<UInt64>>

    init(count: Int) {
        self.count = count
        unsafe words = .allocate(capacity: count)
        for index in 0..<count { unsafe (words + index).initialize(to: Atomic(0)) }
    }

    deinit {
        // SAFETY: see `words`.
        unsafe words.deinitialize(count: count)
        unsafe words.deallocate()
    }

    subscript(index: Int) -> UInt64 {
        get {
            precondition(index >= 0 && index < count, "no such word")
            // SAFETY: inside the words.
            return unsafe words[index].load(ordering: .relaxed)
        }
        set {
            precondition(index >= 0 && index < count, "no such word")
            // SAFETY: inside the words.
            unsafe words[index].store(newValue, ordering: .relaxed)
        }
    }

    func add(_ delta: UInt64, to index: Int) {
        precondition(index >= 0 && index < count, "no such word")
        // SAFETY: inside the words.
        unsafe words[index].wrappingAdd(delta, ordering: .relaxed)
    }

    /// Whether the word still was `expected` and is `desired` now.
    func exchange(_ index: Int, expected: UInt64, desired: UInt64) -> Bool {
        precondition(index >= 0 && index < count, "no such word")
        // SAFETY: inside the words.
        return unsafe words[index].compareExchange(expected: expected, desired: desired, ordering: .relaxed).exchanged
    }

    var all: [UInt64] { (0..<count).map { self[$0] } }
}
