internal import HTTPExchange
internal import HTTPTypes
internal import Meters

extension ControlAPI {
    static let metricsRoutes: [Route] = [
        Route(.get, "/metrics", "getMetrics", .metrics, produces: Exposition.contentType) { api, call in
            api.answer(
                call,
                Response(
                    status: .ok, fields: [.contentType: Exposition.contentType, .cacheControl: "no-store"],
                    body: .bytes(Array(api.metrics.utf8))))
        }
    ]
}
