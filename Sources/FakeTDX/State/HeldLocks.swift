/// What one call holds, to be given back in reverse when it ends, however it ends.
struct HeldLocks: ~Copyable {
    /// No leaf takes more: SEPT.ADD version 1 with three L2 pages comes closest.
    static let capacity = 24

    // One word a lock: every call starts with these, most end with three or four in use.
    private var held: InlineArray<24, Held> = InlineArray(repeating: Held())
    private var count = 0

    init() {}

    /// One lock and how it is held, in a word: locks lie at multiples of four, so the low two bits are free.
    struct Held: Sendable {
        private enum Kind {
            static let shared: UInt = 0
            static let exclusive: UInt = 1
            static let entry: UInt = 2
            static let mask: UInt = 3
        }

        private let bits: UInt

        /// Nothing.
        init() { bits = 0 }

        init(_ lock: LockReference, _ mode: LockMode) {
            bits = lock.bits | (mode == .exclusive ? Kind.exclusive : Kind.shared)
        }

        init(_ entry: SEPTEntryReference) { bits = entry.bits | Kind.entry }

        /// The same lock held exclusively; it was held shared.
        var promoted: Held {
            precondition(bits & Kind.mask == Kind.shared, "only a shared hold can be promoted")
            return Held(LockReference(bits: bits), .exclusive)
        }

        func release() {
            switch bits & Kind.mask {
            case Kind.shared: LockReference(bits: bits).releaseShared()
            case Kind.exclusive: LockReference(bits: bits & ~Kind.mask).releaseExclusive()
            default: SEPTEntryReference(bits: bits & ~Kind.mask).unlock()
            }
        }
    }

    mutating func add(_ lock: LockReference, _ mode: LockMode) { append(Held(lock, mode)) }

    mutating func add(_ entry: SEPTEntryReference) { append(Held(entry)) }

    /// The last one added was promoted.
    mutating func promoteLast() { held[count - 1] = held[count - 1].promoted }

    /// Gives back the one taken last, before the call ends.
    mutating func releaseLast() {
        precondition(count > 0, "nothing is held")
        count -= 1
        held[count].release()
    }

    mutating func releaseAll() {
        while count > 0 {
            count -= 1
            held[count].release()
        }
    }

    /// Moves what is held out of the call: a vCPU inside its TD goes on holding it.
    mutating func takeAll() -> [Held] {
        let taken = (0..<count).map { held[$0] }
        count = 0
        return taken
    }

    private mutating func append(_ new: Held) {
        precondition(count < Self.capacity, "a call holds more locks than any leaf takes")
        held[count] = new
        count += 1
    }
}
