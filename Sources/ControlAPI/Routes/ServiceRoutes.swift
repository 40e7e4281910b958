internal import ControlSchema
internal import HTTPExchange
internal import HTTPTypes
internal import TDLifecycle

extension ControlAPI {
    static let serviceRoutes: [Route] = [
        Route(.get, "/", "getIndex", .viewer) { api, call in
            api.answer(
                call, .ok,
                ServiceIndex(
                    service: "tdxd", version: api.service.version, apiVersions: ["v1"],
                    links: [
                        "self": "/", "openapi": "/openapi.json", "host": "/host", "capacity": "/host/capacity",
                        "keyIds": "/host/keyids", "processors": "/host/processors", "tds": "/tds",
                        "operations": "/operations", "seamcalls": "/seamcalls", "errors": "/errors",
                        "livez": "/livez", "readyz": "/readyz",
                    ]))
        },
        Route(.get, "/livez", "getLiveness", nil) { api, call in
            api.answer(call, .ok, Liveness(live: true, version: api.service.version), [.cacheControl: "no-store"])
        },
        Route(.get, "/readyz", "getReadiness", nil) { api, call in
            let accepts = !api.isDraining
            let readiness = Readiness(
                ready: accepts,
                checks: [
                    ReadinessCheck(name: "module", ok: true, detail: api.service.backend.description),
                    ReadinessCheck(
                        name: "accepting", ok: accepts, detail: accepts ? nil : "the daemon is stopping"),
                ])
            var fields: HTTPFields = [.cacheControl: "no-store"]
            if !accepts { fields[.retryAfter] = "1" }
            api.answer(call, accepts ? .ok : .serviceUnavailable, readiness, fields)
        },
        Route(.get, "/openapi.json", "getOpenApi", .viewer) { api, call in
            api.answer(call, revision: 1) {
                api.bodies.body(.document, revision: 1) { Array(OpenAPIDocument.json.utf8) }
            }
        },
    ]
}
