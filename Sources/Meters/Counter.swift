internal import Synchronization

/// A number that only ever grows. Counting is one atomic addition: no lock, no allocation.
public final class Counter: Sendable {
    private let count = Atomic<UInt64>(0)

    public init() {}

    public func add(_ amount: UInt64 = 1) { count.wrappingAdd(amount, ordering: .relaxed) }

    public var value: UInt64 { count.load(ordering: .relaxed) }
}
