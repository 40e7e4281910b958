internal import ControlSchema
internal import HTTPExchange
internal import HTTPTypes
internal import TDLifecycle

extension ControlAPI {
    static let serviceRoutes: [Route] = [
        Route(.get, "/", "getIndex", .viewer) { api, call in
            api.answer(call, revision: api.startRevision) { EncodedBody(ControlJSON.encode(api.index)) }
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
            if !accepts { fields[.retryAfter] = retryAfter }
            api.answer(call, accepts ? .ok : .serviceUnavailable, readiness, fields)
        },
        Route(.get, "/openapi.json", "getOpenApi", .viewer) { api, call in
            let revision = api.startRevision
            api.answer(call, revision: revision) {
                api.bodies.body(.document, revision: revision) { Array(OpenAPIDocument.json.utf8) }
            }
        },
    ]

    private var index: ServiceIndex {
        ServiceIndex(
            service: "tdxd", version: service.version, apiVersions: ["v1"],
            links: [
                "self": "/", "openapi": "/openapi.json", "host": "/host", "capacity": "/host/capacity",
                "keyIds": "/host/keyids", "processors": "/host/processors", "tds": "/tds",
                "operations": "/operations", "seamcalls": "/seamcalls", "errors": "/errors",
                "livez": "/livez", "readyz": "/readyz",
            ])
    }
}
