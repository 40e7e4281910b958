internal import Meters
internal import TDLifecycle

/// Counts requests refused for a limit of the client's own.
final class LimitMeter: Sendable, MetricSource {
    private let rate = Counter()
    private let operations = Counter()
    private let keyIDs = Counter()

    func countRate() { rate.add() }

    func count(_ kind: LimitReached.Kind) {
        switch kind {
        case .operations: operations.add()
        case .keyIDs: keyIDs.add()
        }
    }

    func write(to exposition: inout Exposition) {
        exposition.family(
            "tdxd_limit_refusals_total", .counter, "Requests refused for a limit of the client's own, by limit."
        ) {
            $0.add(["limit": "request_rate"], rate.value)
            $0.add(["limit": "operations"], operations.value)
            $0.add(["limit": "keyids"], keyIDs.value)
        }
    }
}
