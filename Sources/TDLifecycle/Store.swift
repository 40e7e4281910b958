/// How safe a batch must be before anything of it is seen.
public enum Durability: Sendable {
    /// Survives a power cut.
    case durable
    /// May be grouped with what follows; survives a crash of the process.
    case grouped
}

/// A row as it is after a change.
public enum Change: Sendable {
    case domain(Boxed<Domain>)
    case operation(Boxed<Operation>)
    case keyID(KeyIDRow)
    /// A deleted TD or an old operation is forgotten.
    case forgotten(ResourceID)
}

/// What is written together or not at all. Its sequence is the revision of every row in it.
public struct Batch: Sendable {
    public let sequence: UInt64
    public let at: WallTime
    public let changes: [Change]
    public let records: [CallRecord]
}

public struct StoreError: Error, Hashable, Sendable {
    public let explanation: String

    public init(_ explanation: String) { self.explanation = explanation }
}

/// Where the engine's state is kept. Batches come in ascending sequence and are completed in that order.
public protocol LifecycleStore: Sendable {
    /// Whether what it keeps outlives the process. If not, nothing need be written down before it is used, and every
    /// batch is complete when its commit returns.
    var isLasting: Bool { get }

    /// Makes a batch as durable as asked, then calls `completion`, on any thread, this one included.
    func commit(
        _ batch: Batch, durability: Durability, completion: @escaping @Sendable (Result<Void, StoreError>) -> Void)
}

extension LifecycleStore {
    public var isLasting: Bool { true }
}

/// Keeps nothing: the engine's own rows are all there is, and end with the process.
public struct InMemoryStore: LifecycleStore {
    public init() {}

    public var isLasting: Bool { false }

    public func commit(
        _ batch: Batch, durability: Durability, completion: @escaping @Sendable (Result<Void, StoreError>) -> Void
    ) {
        completion(.success(()))
    }
}
