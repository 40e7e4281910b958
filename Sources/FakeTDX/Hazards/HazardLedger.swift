internal import Synchronization
internal import TDXCalls
internal import Threading

/// Hazards found so far: the first of them kept, all of them counted.
final class HazardLedger: Sendable {
    /// Hazards that are kept; those beyond are counted only.
    static let keptMax = 256

    private let kept = Locked<[FakeHazard]>([])
    private let counts = AtomicWords(count: HazardRule.allCases.count)
    private let total = Atomic<UInt64>(0)
    private let deeds = Atomic<UInt64>(0)
    private let observer: (@Sendable (FakeHazard) -> Void)?

    init(observer: (@Sendable (FakeHazard) -> Void)?) { self.observer = observer }

    /// The number of a deed that a report could name.
    func nextDeed() -> UInt64 { deeds.wrappingAdd(1, ordering: .relaxed).newValue }

    func report(
        _ rule: HazardRule, page: UInt64? = nil, keyID: UInt16? = nil, earlier: FakeHazardDeed?, later: FakeHazardDeed
    ) {
        let hazard = FakeHazard(
            number: total.wrappingAdd(1, ordering: .relaxed).newValue, rule: rule, page: page,
            keyID: keyID.map { KeyID(rawValue: $0) }, earlier: earlier, later: later)
        if let index = HazardRule.allCases.firstIndex(of: rule) { counts.add(1, to: index) }
        kept.withLock { if $0.count < Self.keptMax { $0.append(hazard) } }
        observer?(hazard)
    }

    var all: [FakeHazard] { kept.withLock { $0 }.sorted { $0.number < $1.number } }

    func count(_ rule: HazardRule) -> UInt64 { HazardRule.allCases.firstIndex(of: rule).map { counts[$0] } ?? 0 }

    var count: UInt64 { total.load(ordering: .relaxed) }
}

extension FakeTDX {
    /// Hazards found so far, oldest first; at most ``hazardsKept`` are kept.
    public var hazards: [FakeHazard] { state.hazards.all }

    /// How many hazards were found in all, of a rule or of any.
    public func hazardCount(_ rule: HazardRule? = nil) -> UInt64 {
        rule.map { state.hazards.count($0) } ?? state.hazards.count
    }

    /// Hazards that are kept; those beyond are counted only.
    public static var hazardsKept: Int { HazardLedger.keptMax }
}
