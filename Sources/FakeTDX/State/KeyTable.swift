internal import Synchronization

/// State of a KeyID; the value is the module's code.
enum KeyState: UInt8, Sendable {
    case free = 0, assigned = 1, flushed = 2, reserved = 3
}

/// The key ownership table (KOT): one word for each KeyID the platform has.
///
/// CREATE, VPFLUSHDONE and FREEID hold the table exclusively, CACHE.WB shared: several packages write back at
/// once, so a KeyID's word is atomic.
@safe final class KeyTable: @unchecked Sendable {
    private let locks = LockBlock(count: 1)
    private let count: Int
    // SAFETY of all uses: `count` words, initialised in init and destroyed in deinit by this owner alone.
    private let words: UnsafeMutablePointer<Atomic<UInt64>>
    /// How often each KeyID's lines left all caches.
    private let generations: AtomicWords
    /// What was last done with each KeyID.
    private let deeds: AtomicWords

    init(count: Int) {
        self.count = count
        generations = AtomicWords(count: count)
        deeds = AtomicWords(count: count)
        unsafe words = .allocate(capacity: count)
        for index in 0..<count { unsafe (words + index).initialize(to: Atomic(0)) }
    }

    deinit {
        // SAFETY: see `words`.
        unsafe words.deinitialize(count: count)
        unsafe words.deallocate()
    }

    var lock: LockReference { locks[0] }

    func state(_ keyID: UInt16) -> KeyState {
        KeyState(rawValue: UInt8(truncatingIfNeeded: load(keyID))) ?? .reserved
    }

    /// A bit for each package whose cache has not been written back since the KeyID was flushed.
    func pendingPackages(_ keyID: UInt16) -> UInt64 { load(keyID) >> 8 }

    /// The table is held exclusively.
    func set(_ keyID: UInt16, _ state: KeyState, pendingPackages: UInt64 = 0) {
        precondition(Int(keyID) < count, "a KeyID beyond the key table")
        // SAFETY: inside the table.
        unsafe words[Int(keyID)].store(UInt64(state.rawValue) | pendingPackages << 8, ordering: .relaxed)
    }

    /// The table is held shared; other packages may be doing the same.
    func writtenBack(_ keyID: UInt16, package: Int) {
        precondition(Int(keyID) < count, "a KeyID beyond the key table")
        // SAFETY: inside the table.
        let outcome = unsafe words[Int(keyID)].bitwiseAnd(~(1 << UInt64(8 + package)), ordering: .relaxed)
        if outcome.oldValue >> 8 != 0, outcome.newValue >> 8 == 0 { generations.add(1, to: Int(keyID)) }
    }

    /// Counts on whenever the lines under a KeyID have left the caches of all packages.
    func generation(_ keyID: UInt16) -> UInt32 {
        Int(keyID) < count ? UInt32(truncatingIfNeeded: generations[Int(keyID)]) : 0
    }

    /// What was last done with a KeyID that a report would name.
    func lastDeed(_ keyID: UInt16) -> Deed { Deed(rawValue: deeds[Int(keyID)]) }

    func note(_ deed: Deed, on keyID: UInt16) { deeds[Int(keyID)] = deed.rawValue }

    func word(_ keyID: UInt16) -> UInt64 { load(keyID) }

    private func load(_ keyID: UInt16) -> UInt64 {
        precondition(Int(keyID) < count, "a KeyID beyond the key table")
        // SAFETY: inside the table.
        return unsafe words[Int(keyID)].load(ordering: .relaxed)
    }
}
