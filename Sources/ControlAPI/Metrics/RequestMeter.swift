internal import HTTPTypes
internal import Meters

/// Counts requests by route, method and status, and how long they took. Everything is set up beforehand, so that
/// counting takes no lock and no memory.
final class RequestMeter: Sendable {
    /// Nanoseconds. Most answers are copies of what is ready; the long ones wait for an operation.
    static let bounds: [UInt64] = [
        25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 10_000_000, 50_000_000, 250_000_000,
        1_000_000_000, 2_500_000_000, 10_000_000_000,
    ]
    /// Methods that have a name in a label; the rest, which a client may invent, share one.
    static let methods: [HTTPRequest.Method] = [.get, .head, .post, .patch, .delete, .put, .options]
    static let otherMethod = "other"
    /// The route of what reached none.
    static let noRoute = "none"

    /// One method on one route.
    private final class Row: Sendable {
        let route: String
        let method: String
        let statuses = (0...RequestMeter.statuses.count).map { _ in Counter() }
        let durations = Histogram(bounds: RequestMeter.bounds)

        init(_ route: String, _ method: String) {
            self.route = route
            self.method = method
        }
    }

    /// Every status that is answered with; the last counter of a row is for the others.
    private static let statuses = [
        200, 201, 202, 204, 304, 400, 403, 404, 405, 406, 408, 409, 410, 412, 413, 414, 415, 417, 422, 429, 431, 500,
        501, 503, 507,
    ]
    /// By status, its place in a row.
    private static let places: [Int] = {
        var places = [Int](repeating: statuses.count, count: 600)
        for (place, status) in statuses.enumerated() { places[status] = place }
        return places
    }()

    /// For each route its own method and, beside GET, HEAD.
    private let rows: [Row]
    private let unrouted: [Row]
    private let begun = Counter()
    /// Answers to what never began: refused before the body was read, or by the server itself.
    private let early = Counter()

    init(_ routes: [Route]) {
        rows = routes.flatMap { [Row($0.path, $0.method.rawValue), Row($0.path, HTTPRequest.Method.head.rawValue)] }
        unrouted = (Self.methods.map(\.rawValue) + [Self.otherMethod]).map { Row(Self.noRoute, $0) }
    }

    /// A request has reached the API.
    func begin() { begun.add() }

    /// One that has not begun is about to be answered.
    func beginEarly() { early.add() }

    func count(_ method: HTTPRequest.Method?, route: Int?, status: Int, nanoseconds: UInt64) {
        let row: Row
        if let route {
            row = rows[2 * route + (method == .head ? 1 : 0)]
        } else {
            row = unrouted[method.flatMap { Self.methods.firstIndex(of: $0) } ?? Self.methods.count]
        }
        row.statuses[status < Self.places.count ? Self.places[max(0, status)] : Self.statuses.count].add()
        row.durations.observe(nanoseconds: nanoseconds)
    }

    /// Begun and not answered.
    private var inFlight: UInt64 {
        // Read in this order, what ends meanwhile can only make the number too small.
        let begun = begun.value + early.value
        let answered = (rows + unrouted).reduce(0) { $0 + $1.durations.snapshot.count }
        return begun > answered ? begun - answered : 0
    }
}

extension RequestMeter: MetricSource {
    func write(to exposition: inout Exposition) {
        let seen = (rows + unrouted).filter { $0.durations.snapshot.count > 0 }
        exposition.family("tdxd_http_requests_total", .counter, "Requests answered, by route, method and status.") {
            for row in seen {
                for (place, counter) in row.statuses.enumerated() where counter.value > 0 {
                    let status = place < Self.statuses.count ? String(Self.statuses[place]) : "other"
                    $0.add(["route": row.route, "method": row.method, "status": status], counter.value)
                }
            }
        }
        exposition.family(
            "tdxd_http_request_duration_seconds", .histogram,
            "From a request's last byte to its answer, waits that the client asked for included."
        ) {
            for row in seen { $0.add(["route": row.route, "method": row.method], row.durations) }
        }
        exposition.single(
            "tdxd_http_requests_in_flight", .gauge, "Requests that have arrived and are not answered.", inFlight)
    }
}
