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
        Route(.get, "/readyz", "getReadiness", nil) { api, call throws(Refused) in
            if api.isDraining { throw Refused(.draining) }
            let readiness = Readiness(
                ready: true,
                checks: [
                    ReadinessCheck(name: "module", ok: true, detail: api.service.backend.description),
                    ReadinessCheck(name: "accepting", ok: true),
                ])
            api.answer(call, .ok, readiness, [.cacheControl: "no-store"])
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
                "images": "/images", "operations": "/operations", "seamcalls": "/seamcalls",
                "invariants": "/invariants", "errors": "/errors", "livez": "/livez", "metrics": "/metrics",
                "readyz": "/readyz",
            ])
    }
}
