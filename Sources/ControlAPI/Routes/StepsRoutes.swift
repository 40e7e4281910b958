internal import ControlSchema
internal import HTTPExchange
internal import HTTPTypes
internal import TDLifecycle
internal import TDXCalls

extension ControlAPI {
    /// One path and one operation id a leaf, never a verb in the path's variables.
    static let stepRoutes: [Route] = [
        step("/tds/{id}/actions/configure-key", "configureKey") { api, call throws(Refused) in
            let body = try api.decode(ConfigureKeyRequest.self, call)
            return StepRequest(.configureKey(Package(body.package)), body.choices)
        },
        step("/tds/{id}/actions/add-tdcs-page", "addTdcsPage", .addTDCSPage),
        step("/tds/{id}/actions/init", "initTd") { api, call throws(Refused) in
            let body = try api.decode(InitTDRequest.self, call)
            var request = StepRequest(.initialize, body.choices)
            if let parameters = body.spec {
                let before = try api.td(call).spec
                request.spec = TDLifecycle.TDSpec(
                    parameters, vcpuCount: before.vcpuCount, buildUntil: before.buildUntil,
                    module: api.platform.module)
            }
            return request
        },
        step("/tds/{id}/actions/flush-done", "flushDone", .flushDone),
        step("/tds/{id}/actions/write-back", "writeBack") { api, call throws(Refused) in
            let body = try api.decode(WriteBackRequest.self, call)
            return StepRequest(.writeBack(Package(body.package), resume: body.resume ?? false), body.choices)
        },
        step("/tds/{id}/actions/free-key", "freeKey", .freeKey),
        step("/tds/{id}/actions/reclaim-page", "reclaimPage") { api, call throws(Refused) in
            let body = try api.decode(ReclaimPageRequest.self, call)
            guard let id = ResourceID(body.page), id.kind == .page else {
                throw Refused(.unknownPage, "\(body.page) is not the id of a page")
            }
            return StepRequest(.reclaimPage(id), body.choices)
        },
        step("/tds/{id}/actions/write-back-tdr", "writeBackTdr", .writeBackTDR),
        step("/tds/{id}/vcpus/actions/create", "createVcpuStep", .createVCPU(TDLifecycle.VCPUSpec())),
        step("/tds/{id}/vcpus/{n}/actions/add-tdcx-page", "addTdcxPage") { api, call throws(Refused) in
            let body = try api.decode(ControlSchema.StepRequest.self, call)
            return StepRequest(.addTDCXPage(vcpu: try call.pathNumber("n")), body.choices)
        },
        step("/tds/{id}/vcpus/{n}/actions/init", "initVcpu") { api, call throws(Refused) in
            let body = try api.decode(InitVCPURequest.self, call)
            var request = StepRequest(.initializeVCPU(try call.pathNumber("n")), body.choices)
            if body.initialRcx != nil || body.x2apicId != nil {
                request.vcpuSpec = TDLifecycle.VCPUSpec(
                    initialRCX: body.initialRcx?.rawValue ?? 0, x2apicID: body.x2apicId.map { UInt32(clamping: $0) })
            }
            return request
        },
        step("/tds/{id}/vcpus/{n}/actions/flush", "flushVcpu") { api, call throws(Refused) in
            let body = try api.decode(ControlSchema.StepRequest.self, call)
            return StepRequest(.flushVCPU(try call.pathNumber("n")), body.choices)
        },
    ]

    private typealias StepRequest = TDLifecycle.StepRequest
    private typealias Package = TDXCalls.Package

    private static func step(_ path: String, _ operationID: String, _ leaf: TDLifecycle.Call) -> Route {
        step(path, operationID) { api, call throws(Refused) in
            TDLifecycle.StepRequest(leaf, try api.decode(ControlSchema.StepRequest.self, call).choices)
        }
    }

    private static func step(
        _ path: String, _ operationID: String,
        _ request: @escaping @Sendable (ControlAPI, Call) throws(Refused) -> TDLifecycle.StepRequest
    ) -> Route {
        Route(.post, path, operationID, .lab, parameters: ["dryRun"]) { api, call throws(Refused) in
            try api.step(try request(api, call), call)
        }
    }

    private func step(_ request: TDLifecycle.StepRequest, _ call: Call) throws(Refused) {
        let requester = requester(call)
        let revision = try revisionWanted(call)
        if call.isDryRun {
            let record = try engine(call) { () throws(LifecycleError) in
                try engine.planStep(reference(call), request, ifRevision: revision, by: requester)
            }
            answer(call, .ok, self.record(record, call.role))
            return
        }
        let (_, operation) = try engine(call) { () throws(LifecycleError) in
            try engine.step(reference(call), request, ifRevision: revision, by: requester)
        }
        try follow(operation, call) { api, call, ended in
            guard let record = ended.stepRecord else {
                return api.answer(call, Refused(.internalError, "the step left no record"))
            }
            api.answer(call, .ok, .shared(api.body(record, call.role)))
        }
    }
}

extension TDLifecycle.StepRequest {
    fileprivate init(_ call: TDLifecycle.Call, _ choices: StepChoices) {
        self.init(
            call: call, processor: choices.processor.map { TDXCalls.Processor(rawValue: UInt32(clamping: $0)) },
            recover: choices.recover ?? true)
    }
}

extension TDXCalls.Package {
    fileprivate init(_ number: Int) { self.init(rawValue: UInt32(clamping: number)) }
}
