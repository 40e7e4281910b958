public import TDXCalls

/// One KeyID as the ledger sees it. No leaf reads the key table back, so all of it is inferred.
public struct KeyIDRow: Hashable, Sendable {
    public enum State: String, CaseIterable, Sendable {
        case free
        /// Taken for a TD, not yet given to the module.
        case reserved
        case assigned, flushed, quarantined, foreign, unknown
    }

    public enum Role: String, Sendable { case td, moduleGlobal, foreign }

    public enum WriteBack: String, Sendable { case notNeeded, pending, done }

    public struct PackageState: Hashable, Sendable {
        public let package: Package
        public internal(set) var isConfigured: Bool
        public internal(set) var writeBack: WriteBack
    }

    public struct Failure: Hashable, Sendable {
        /// Nil where a daemon before this one made the call.
        public let record: ResourceID?
        /// Nil where no call made the doubt.
        public let leaf: Leaf?
        public let completion: Completion?
        public let at: WallTime
        /// In words, where there is no record.
        public var reason: String? = nil
    }

    public let number: KeyID
    public let role: Role
    public internal(set) var state: State
    public internal(set) var owner: ResourceID?
    public internal(set) var tdr: PageAddress<TDR>?
    public internal(set) var packages: [PackageState]
    public internal(set) var revision: UInt64
    public internal(set) var since: WallTime
    public internal(set) var sinceSequence: UInt64
    /// How many TDs have had it before.
    public internal(set) var reuseCount: Int
    public internal(set) var lastFailure: Failure?

    /// The name of the state in the module's table; nil where nobody can know.
    public var kotState: String? {
        if role == .moduleGlobal { return "RESERVED" }
        return switch state {
        case .free, .reserved: "FREE"
        case .assigned: "ASSIGNED"
        case .flushed: "FLUSHED"
        case .quarantined, .foreign, .unknown: nil
        }
    }
}

extension KeyIDRow {
    mutating func change(_ package: Package, _ change: (inout PackageState) -> Void) {
        if let place = packages.firstIndex(where: { $0.package == package }) { change(&packages[place]) }
    }

    /// The KeyID is flushed: each package's caches are to be written back before it is free.
    mutating func expectWriteBacks() {
        state = .flushed
        for place in packages.indices { packages[place].writeBack = .pending }
    }

    /// Back to the free ones.
    mutating func release(neverUsed: Bool = false) {
        state = .free
        owner = nil
        tdr = nil
        if !neverUsed { reuseCount += 1 }
        for place in packages.indices {
            packages[place].isConfigured = false
            packages[place].writeBack = .notNeeded
        }
    }
}

/// Every KeyID the host may use, and the module's own.
struct KeyIDTable: Sendable {
    private(set) var rows: [KeyID: KeyIDRow] = [:]
    /// TDs' KeyIDs by state, counted as rows change.
    private var counts = [Int](repeating: 0, count: KeyIDRow.State.allCases.count)
    private let packages: [Package]
    private let startedAt: WallTime
    /// Others take from the same KeyIDs: one that we have given back may be anybody's.
    private let isShared: Bool

    init(_ platform: Platform, capacity: HostCapacity, now: WallTime) {
        packages = platform.packages
        startedAt = now
        isShared = capacity.source == .kernelAllocator
        let global = platform.module.globalKeyID
        // A back end that does not know the module's own KeyID says 0, which is nobody's.
        if global.rawValue != 0 { add(global, .moduleGlobal, isShared ? .unknown : .assigned) }
        guard let usable = capacity.keyIDs else { return }
        // Where the allocator is shared, a KeyID nobody gave us may be somebody's.
        for number in usable.lowerBound.rawValue...usable.upperBound.rawValue where number != global.rawValue {
            add(KeyID(rawValue: number), .td, isShared ? .unknown : .free)
        }
    }

    private mutating func add(_ number: KeyID, _ role: KeyIDRow.Role, _ state: KeyIDRow.State) {
        let blank = packages.map {
            KeyIDRow.PackageState(package: $0, isConfigured: role == .moduleGlobal, writeBack: .notNeeded)
        }
        let row = KeyIDRow(
            number: number, role: role, state: state, packages: blank, revision: 0, since: startedAt,
            sinceSequence: 0, reuseCount: 0)
        _ = put(row)
    }

    mutating func update(
        _ number: KeyID, sequence: UInt64, now: WallTime, _ change: (inout KeyIDRow) -> Void
    ) {
        if rows[number] == nil { add(number, .td, .unknown) }
        guard let place = rows.index(forKey: number) else { return }
        let before = rows.values[place].state
        change(&rows.values[place])
        if isShared, rows.values[place].state == .free { rows.values[place].state = .unknown }
        let after = rows.values[place].state
        rows.values[place].revision = sequence
        guard after != before else { return }
        rows.values[place].since = now
        rows.values[place].sinceSequence = sequence
        if rows.values[place].role == .td {
            counts[before.place] -= 1
            counts[after.place] += 1
        }
    }

    /// Gives back the row that was there.
    mutating func put(_ row: KeyIDRow) -> KeyIDRow? {
        let before = rows.updateValue(row, forKey: row.number)
        if let before, before.role == .td { counts[before.state.place] -= 1 }
        if row.role == .td { counts[row.state.place] += 1 }
        return before
    }

    func count(_ state: KeyIDRow.State) -> Int { counts[state.place] }

    var held: Int { count(.reserved) + count(.assigned) + count(.flushed) }
    var flushed: [KeyIDRow] {
        count(.flushed) == 0 ? [] : rows.values.filter { $0.role == .td && $0.state == .flushed }
    }
}

extension KeyIDRow.State {
    /// Among all states.
    fileprivate var place: Int {
        switch self {
        case .free: 0
        case .reserved: 1
        case .assigned: 2
        case .flushed: 3
        case .quarantined: 4
        case .foreign: 5
        case .unknown: 6
        }
    }
}
