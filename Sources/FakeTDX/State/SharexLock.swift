internal import Synchronization

/// One of the module's locks: shared or exclusive, tried and never waited for.
struct SharexLock: ~Copyable {
    /// Bit 31: held exclusively. Bits 30:0: how many hold it shared.
    private let word = Atomic<UInt32>(0)
    private static let exclusive: UInt32 = 1 << 31

    init() {}

    /// Fails only if somebody holds the lock exclusively; other shared takers do not get in the way.
    func tryShared() -> Bool {
        var current = word.load(ordering: .relaxed)
        while current & Self.exclusive == 0 {
            let outcome = word.weakCompareExchange(
                expected: current, desired: current + 1, successOrdering: .acquiring, failureOrdering: .relaxed)
            if outcome.exchanged { return true }
            current = outcome.original
        }
        return false
    }

    func tryExclusive() -> Bool {
        word.compareExchange(
            expected: 0, desired: Self.exclusive, successOrdering: .acquiring, failureOrdering: .relaxed
        ).exchanged
    }

    /// Turns the caller's shared hold into an exclusive one; fails, keeping it shared, if others share it.
    func tryPromote() -> Bool {
        word.compareExchange(
            expected: 1, desired: Self.exclusive, successOrdering: .acquiring, failureOrdering: .relaxed
        ).exchanged
    }

    func releaseShared() {
        let before = word.wrappingSubtract(1, ordering: .releasing).oldValue
        precondition(before != 0 && before & Self.exclusive == 0, "a shared hold was released that was not there")
    }

    func releaseExclusive() {
        let before = word.exchange(0, ordering: .releasing)
        precondition(before == Self.exclusive, "an exclusive hold was released that was not there")
    }

    var isHeld: Bool { word.load(ordering: .relaxed) != 0 }
}

enum LockMode: Hashable, Sendable {
    case shared, exclusive
}

/// Names a lock that stays where it is: in a metadata table or in a ``LockBlock``.
@safe struct LockReference: @unchecked Sendable {
    // SAFETY of all uses: the tables and blocks outlive every call, and a call gives back what it holds
    // before it gives back the page that keeps a block alive.
    private let lock: UnsafePointer<SharexLock>

    init(_ lock: UnsafePointer<SharexLock>) { unsafe self.lock = unsafe lock }

    /// From ``bits`` of a reference.
    init(bits: UInt) {
        guard let lock = unsafe UnsafePointer<SharexLock>(bitPattern: bits) else {
            preconditionFailure("no lock lies at address zero")
        }
        // SAFETY: the bits came from a reference; see `lock`.
        unsafe self.lock = unsafe lock
    }

    /// The lock's address, a multiple of four.
    var bits: UInt { unsafe UInt(bitPattern: lock) }

    func take(_ mode: LockMode) -> Bool {
        // SAFETY: see `lock`.
        switch mode {
        case .shared: unsafe lock.pointee.tryShared()
        case .exclusive: unsafe lock.pointee.tryExclusive()
        }
    }

    func promote() -> Bool {
        // SAFETY: see `lock`.
        unsafe lock.pointee.tryPromote()
    }

    func releaseShared() {
        // SAFETY: see `lock`.
        unsafe lock.pointee.releaseShared()
    }

    func releaseExclusive() {
        // SAFETY: see `lock`.
        unsafe lock.pointee.releaseExclusive()
    }

    var isHeld: Bool {
        // SAFETY: see `lock`.
        unsafe lock.pointee.isHeld
    }
}

/// A few locks at addresses that do not change, owned by the structure they protect.
@safe final class LockBlock: @unchecked Sendable {
    private let locks: UnsafeMutablePointer<SharexLock>
    private let count: Int

    init(count: Int) {
        self.count = count
        // SAFETY: all `count` locks are initialised here and destroyed in deinit, by this owner alone.
        unsafe locks = .allocate(capacity: count)
        for index in 0..<count { unsafe (locks + index).initialize(to: SharexLock()) }
    }

    deinit {
        // SAFETY: see init.
        unsafe locks.deinitialize(count: count)
        unsafe locks.deallocate()
    }

    subscript(index: Int) -> LockReference {
        precondition(index >= 0 && index < count, "no such lock")
        // SAFETY: inside the block, which its owner keeps alive.
        return unsafe LockReference(UnsafePointer(locks + index))
    }
}
