internal import Synchronization
internal import TDXCalls
internal import Threading

/// Who waits for the invariants to be looked at. One look at a time, whoever asks: those who come meanwhile share the
/// next, since this one may be of an instant before they asked. They are no more than there are connections.
final class Inspections: Sendable {
    typealias Completion = @Sendable (InvariantReport) -> Void

    private struct State: Sendable {
        var waiting: [Completion] = []
        var isUnderWay = false
    }

    private let state = Locked(State())

    /// Whether the one who joins is to begin.
    func join(_ completion: @escaping Completion) -> Bool {
        state.withLock { state in
            state.waiting.append(completion)
            defer { state.isUnderWay = true }
            return !state.isUnderWay
        }
    }

    /// Those for whom a look begins now; if there are none it is over.
    func takeWaiting() -> [Completion] {
        state.withLock { state in
            defer { state.waiting = [] }
            if state.waiting.isEmpty { state.isUnderWay = false }
            return state.waiting
        }
    }
}

extension Engine {
    /// Looks at all invariants on the engine's threads, one after the other, so that steps have their turns in between.
    /// The ledger is taken at one instant after this was asked.
    public func inspect(_ completion: @escaping @Sendable (InvariantReport) -> Void) {
        if inspections.join(completion) { beginInspection() }
    }

    private func beginInspection() {
        environment.scheduler.enqueue {
            let waiting = self.inspections.takeWaiting()
            if waiting.isEmpty { return }
            let snapshot = self.ledgerSnapshot()
            self.goOn(snapshot, Invariant.allCases[...], [], for: waiting)
        }
    }

    private func goOn(
        _ snapshot: LedgerSnapshot, _ rest: ArraySlice<Invariant>, _ findings: [InvariantFinding],
        for waiting: [Inspections.Completion]
    ) {
        guard let next = rest.first else {
            let report = InvariantReport(revision: snapshot.revision, findings: findings)
            for completion in waiting { completion(report) }
            return beginInspection()
        }
        let findings = findings + [look(at: next, snapshot)]
        environment.scheduler.enqueue { self.goOn(snapshot, rest.dropFirst(), findings, for: waiting) }
    }

    /// The same at once, on this thread.
    func inspectNow() -> InvariantReport {
        let snapshot = ledgerSnapshot()
        return InvariantReport(
            revision: snapshot.revision, findings: Invariant.allCases.map { look(at: $0, snapshot) })
    }

    private func look(at invariant: Invariant, _ snapshot: LedgerSnapshot) -> InvariantFinding {
        switch invariant {
        case .pagesHaveOneOwner: snapshot.pagesHaveOneOwner()
        case .pageKindsMatchTheirTD: snapshot.pageKindsMatchTheirTD()
        case .vcpuPagesMatch: snapshot.vcpuPagesMatch()
        case .pagesAddUp: snapshot.pagesAddUp()
        case .keyIDsHaveOneOwner: snapshot.keyIDsHaveOneOwner()
        case .keyIDsAddUp: snapshot.keyIDsAddUp()
        case .lifecycleMatchesHoldings: snapshot.lifecycleMatchesHoldings()
        case .guestMemoryMatches: snapshot.guestMemoryMatches()
        case .quarantineHasReasons: snapshot.quarantineHasReasons()
        case .operationsHaveOneTarget: snapshot.operationsHaveOneTarget()
        case .namesAreUnique: snapshot.namesAreUnique()
        case .associationsAddUp: snapshot.associationsAddUp()
        case .allowancesAddUp: snapshot.allowancesAddUp()
        case .modulePagesAgree: compare(invariant) { snapshot.comparePages(with: $0) }
        case .moduleKeysAgree: compare(invariant) { snapshot.compareKeyIDs(with: $0) }
        case .hostPoolAgrees: checkPool()
        }
    }

    private var noTables: String { "the back end \(platform.module.backend) does not show its tables" }

    private func compare(
        _ invariant: Invariant, _ body: (any ModuleTables) -> Comparison
    ) -> InvariantFinding {
        guard let tables else { return InvariantFinding(invariant, notChecked: noTables) }
        let comparison = body(tables)
        var finding = comparison.finding
        if comparison.suspicions.isEmpty { return finding }
        let judgements = state.withLock { state in comparison.suspicions.map { state.judge($0, tables) } }
        for judgement in judgements {
            switch judgement {
            case .agrees: break
            case .differs(let counterexample): finding.breaks(counterexample)
            case .inMotion:
                finding.examined -= 1
                finding.skipped += 1
            }
        }
        return finding
    }

    private func checkPool() -> InvariantFinding {
        guard let tables else { return InvariantFinding(.hostPoolAgrees, notChecked: noTables) }
        for _ in 0..<Self.poolAttemptsMax {
            let finding = state.withLock { state in
                returning.load(ordering: .acquiring) == 0 ? state.checkPool(tables, platform: platform) : nil
            }
            if let finding { return finding }
        }
        return InvariantFinding(.hostPoolAgrees, notChecked: "steps were under way whenever it was looked at")
    }

    private static var poolAttemptsMax: Int { 16 }
}
