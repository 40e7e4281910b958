public import Logging
internal import Synchronization
public import TDXCalls
internal import Threading

/// Owns the lives of trust domains on one host: takes intents, runs them step by step, and knows who holds
/// which page and KeyID.
///
/// A synchronous state machine: no call waits for a SEAMCALL. Submissions commit their intent and return;
/// steps run where the scheduler puts them; ends are told by callback. Reads copy published views.
public final class Engine: Sendable {
    public let platform: Platform
    public let limits: EngineLimits
    public let environment: EngineEnvironment
    public let logger: Logger
    let host: any HostPort
    let calls: any SEAMCALLPort
    let store: any LifecycleStore
    let ids: IdentifierSource
    /// Whether an operation begins on the thread of whoever asks for it: it has ended then, mostly, when he is told its
    /// id, and no other thread had to be woken.
    let startsInPlace: Bool
    /// Whether what is reserved is written down, and seen, before it is used. Not where nothing outlives the process and
    /// no call takes long enough for anybody to look in between.
    let commitsReservations: Bool
    let keyTable = KeyTableLock()
    let measuredStates: MeasuredStates
    /// For what clients can bring about as often as they like: refused leaves.
    let refusalLog = LineBudget()
    let state: Locked<EngineState>
    let views: Locked<Views>
    /// What the module's own tables are compared through; nil where the back end does not show them.
    let tables: (any ModuleTables)?
    let inspections = Inspections()
    /// Steps whose pages and KeyIDs are in no row any more, and not with the host again yet.
    let returning = Atomic(0)
    /// The one sequence: revisions, ETags, record numbers. Never reused.
    private let lastSequence = Atomic<UInt64>(0)

    /// - Parameter tables: the back end's own, where it shows them.
    public init(
        calls: any SEAMCALLPort, host: any HostPort, tables: (any ModuleTables)? = nil,
        environment: EngineEnvironment, store: any LifecycleStore = InMemoryStore(),
        limits: EngineLimits = EngineLimits(), logger: Logger
    ) {
        self.calls = calls
        self.tables = tables
        self.host = host
        self.environment = environment
        self.store = store
        self.limits = limits
        self.logger = logger
        commitsReservations = store.isLasting || !calls.isPrompt
        startsInPlace = environment.startsInPlace && calls.isPrompt && !store.isLasting
        platform = Platform(host: host)
        measuredStates = MeasuredStates(statesMax: limits.measuredStatesMax)
        ids = IdentifierSource(clock: environment.wallClock, random: environment.random)
        let capacity = host.capacity
        let keyIDs = KeyIDTable(platform, capacity: capacity, now: environment.wallClock.now)
        let ledger = Ledger(capacity, platform: platform)
        state = Locked(EngineState(keyIDs: keyIDs, ledger: ledger, placement: Placement(platform)))
        views = Locked(Views(keyIDs: keyIDs, ledger: ledger, limits: limits, source: capacity.source))
    }

    public func makeRequestID() -> ResourceID { ids.next(.request) }

    /// Log lines about refused SEAMCALLs that were left out because there were too many at once.
    public var suppressedLogLines: UInt64 { refusalLog.suppressed }

    func nextSequence() -> UInt64 {
        lastSequence.wrappingAdd(1, ordering: .relaxed).newValue
    }

    /// The last one: while it stays the same nothing has been changed.
    public var sequence: UInt64 { lastSequence.load(ordering: .relaxed) }

    /// Changes the state in one go, writes what changed, and publishes it once that is as durable as asked.
    @discardableResult
    func transact<Result, Failure: Error>(
        _ durability: Durability, records: [CallRecord] = [],
        _ body: (inout EngineState, inout Transaction) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let pending = PendingCommit()
        let result = try state.withLock { (state) throws(Failure) -> Result in
            // Under the lock, so that batches and records reach the store in the order of their sequences: whoever
            // reads from the last one he has seen on misses none.
            for record in records { record.number(nextSequence()) }
            var transaction = Transaction(sequence: nextSequence(), now: environment.wallClock.now)
            let result = try body(&state, &transaction)
            if !transaction.changedKeyIDs.isEmpty { state.putKeyIDs(&transaction) }
            pending.add(transaction.after)
            guard !transaction.changes.isEmpty || !records.isEmpty else {
                pending.isSafe()
                return result
            }
            let ledger = state.ledger
            let batch = Batch(
                sequence: transaction.sequence, at: transaction.now, changes: transaction.changes,
                records: records)
            store.commit(batch, durability: durability) { outcome in
                if case .failure(let error) = outcome {
                    // What could not be written must not be seen; without its store the engine cannot go on.
                    fatalError("the store refused a batch: \(error.explanation)")
                }
                pending.add(self.views.withLock { $0.publish(batch, ledger: ledger, self.environment.scheduler) })
                pending.isSafe()
            }
            return result
        }
        pending.isUnlocked()
        return result
    }

    /// Refuses everything new from now on. Operations that run go on.
    public func drain() {
        state.withLock { $0.isDraining = true }
    }

    public var isDraining: Bool { state.withLock { $0.isDraining } }

    /// Operations that have not ended.
    public var unfinishedOperations: [ResourceID] {
        state.withLock { state in state.operations.values.filter { !$0.value.state.isTerminal }.map(\.value.id) }
    }
}

/// Runs what comes after a commit once it is safe and the state's lock is released, whichever is later.
private final class PendingCommit: Sendable {
    private struct State: Sendable {
        var actions: [@Sendable () -> Void] = []
        var isSafe = false
        var isUnlocked = false
    }

    private let state = Locked(State())

    func add(_ actions: [@Sendable () -> Void]) { state.withLock { $0.actions += actions } }
    func isSafe() { run { $0.isSafe = true } }
    func isUnlocked() { run { $0.isUnlocked = true } }

    private func run(_ note: (inout State) -> Void) {
        let actions = state.withLock { state -> [@Sendable () -> Void] in
            note(&state)
            guard state.isSafe, state.isUnlocked else { return [] }
            defer { state.actions = [] }
            return state.actions
        }
        for action in actions { action() }
    }
}
