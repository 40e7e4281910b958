internal import Meters
internal import TDLifecycle

/// What the engine holds and has done, as metrics. Every state is there from the start, also those nothing is in.
struct EngineMetrics: MetricSource {
    let engine: Engine

    func write(to exposition: inout Exposition) {
        let census = engine.census
        let capacity = engine.capacity
        exposition.family("tdxd_tds", .gauge, "Trust domains, by phase; deleted ones as long as they can be read.") {
            for phase in Self.phases { $0.add(["phase": phase.rawValue], census.tds[phase, default: 0]) }
        }
        exposition.single(
            "tdxd_vcpus", .gauge, "Virtual processors that trust domains hold.", UInt64(capacity.vcpusHeld))
        writeOperations(census, &exposition)
        exposition.family("tdxd_keyids", .gauge, "Private KeyIDs that trust domains may get, by state.") {
            for state in Self.keyIDStates { $0.add(["state": state.rawValue], census.keyIDs[state, default: 0]) }
        }
        exposition.family("tdxd_pages", .gauge, "Pages of 4096 bytes that can be given to the module, by state.") {
            $0.add(["state": "free"], capacity.pages.free)
            $0.add(["state": "held"], capacity.pages.held)
            $0.add(["state": "quarantined"], capacity.pages.quarantined)
        }
        exposition.family("tdxd_td_pages", .gauge, "Pages that trust domains hold, by what the module uses them for.") {
            for kind in PageKind.allCases { $0.add(["kind": kind.rawValue], census.pages[kind, default: 0]) }
        }
    }

    private func writeOperations(_ census: Census, _ exposition: inout Exposition) {
        exposition.family("tdxd_operations_running", .gauge, "Operations that have not ended, by kind.") {
            for kind in Self.kinds { $0.add(["kind": kind.rawValue], census.unfinished[kind, default: 0]) }
        }
        exposition.family("tdxd_operations_total", .counter, "Operations that have ended, by kind and outcome.") {
            for kind in Self.kinds {
                for (outcome, count) in census.ended.filter({ $0.key.kind == kind }).sorted(by: {
                    $0.key.state.rawValue < $1.key.state.rawValue
                }) { $0.add(["kind": kind.rawValue, "outcome": outcome.state.rawValue], count) }
            }
        }
    }

    private static let phases: [Phase] = [
        .building, .initialized, .finalized, .tearingDown, .deleted, .failed, .quarantined, .lost, .unknown,
    ]
    private static let kinds: [Operation.Kind] = [.createTD, .createVCPUs, .addMemory, .finalizeTD, .deleteTD, .step]
    private static let keyIDStates: [KeyIDRow.State] = [
        .free, .reserved, .assigned, .flushed, .quarantined, .foreign, .unknown,
    ]
}
