internal import Meters
internal import MicroHTTP
internal import TDLifecycle

/// Connections, and what the logs left out.
struct ServingMetrics: MetricSource {
    let listeners: [Listener]
    let engine: Engine

    func write(to exposition: inout Exposition) {
        exposition.family("tdxd_http_connections", .gauge, "Open connections, idle ones included, by listener.") {
            for listener in listeners { $0.add(["listener": listener.name], listener.connectionCount) }
        }
        exposition.family(
            "tdxd_log_lines_suppressed_total", .counter,
            "Log lines left out because clients brought about too many at once, by what they are about."
        ) {
            $0.add(["about": "connections"], listeners.reduce(0) { $0 + $1.suppressedLogLines })
            $0.add(["about": "seamcalls"], engine.suppressedLogLines)
        }
    }
}
