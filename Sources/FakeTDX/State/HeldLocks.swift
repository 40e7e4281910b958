/// What one call holds, to be given back in reverse when it ends, however it ends.
struct HeldLocks: ~Copyable {
    /// No leaf takes more: SEPT.ADD version 1 with three L2 pages comes closest.
    static let capacity = 24

    private var held: InlineArray<24, Held> = InlineArray(repeating: .none)
    private var count = 0

    init() {}

    enum Held: Sendable {
        case none
        case lock(LockReference, LockMode)
        case entry(SEPTEntryReference)
    }

    mutating func add(_ lock: LockReference, _ mode: LockMode) { append(.lock(lock, mode)) }

    mutating func add(_ entry: SEPTEntryReference) { append(.entry(entry)) }

    /// The last one added was promoted.
    mutating func promoteLast() {
        guard case .lock(let lock, .shared) = held[count - 1] else {
            preconditionFailure("only a shared hold can be promoted")
        }
        held[count - 1] = .lock(lock, .exclusive)
    }

    /// Gives back the one taken last, before the call ends.
    mutating func releaseLast() {
        precondition(count > 0, "nothing is held")
        count -= 1
        Self.release(held[count])
        held[count] = .none
    }

    mutating func releaseAll() {
        while count > 0 {
            count -= 1
            Self.release(held[count])
            held[count] = .none
        }
    }

    /// Moves what is held out of the call: a vCPU inside its TD goes on holding it.
    mutating func takeAll() -> [Held] {
        var taken: [Held] = []
        for index in 0..<count {
            taken.append(held[index])
            held[index] = .none
        }
        count = 0
        return taken
    }

    static func release(_ held: Held) {
        switch held {
        case .none: break
        case .lock(let lock, let mode): lock.release(mode)
        case .entry(let entry): entry.unlock()
        }
    }

    private mutating func append(_ new: Held) {
        precondition(count < Self.capacity, "a call holds more locks than any leaf takes")
        held[count] = new
        count += 1
    }
}
