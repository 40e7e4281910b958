internal import ControlSchema
internal import HTTPExchange
internal import HTTPTypes
internal import TDLifecycle

extension ControlAPI {
    static let vcpuRoutes: [Route] = [
        Route(.get, "/tds/{id}/vcpus", "listVcpus", .viewer, parameters: ["limit", "cursor"]) {
            api, call throws(Refused) in try api.listVCPUs(call)
        },
        Route(.post, "/tds/{id}/vcpus", "createVcpus", .operator, parameters: ["dryRun"]) {
            api, call throws(Refused) in try api.createVCPUs(call)
        },
        Route(.get, "/tds/{id}/vcpus/{n}", "getVcpu", .viewer) { api, call throws(Refused) in
            let domain = try api.td(call)
            let number = try call.pathNumber("n")
            guard domain.vcpus.indices.contains(number) else {
                throw Refused(.notFound, "TD \(domain.id) has no vCPU \(number)")
            }
            api.answer(call, revision: domain.revision) { api.body(domain.vcpus[number], of: domain) }
        },
    ]

    private func body(_ vcpu: TDLifecycle.VCPU, of domain: Domain) -> EncodedBody {
        bodies.body(.vcpu(domain.id, vcpu.number), revision: domain.revision) {
            ControlJSON.encode(ControlSchema.VCPU(vcpu, of: domain, platform))
        }
    }

    private func listVCPUs(_ call: Call) throws(Refused) {
        let (limit, cursor) = (try call.limit(), try call.numberCursor())
        let domain = try td(call)
        let rest = cursor.map { domain.vcpus.dropFirst(Int(clamping: $0)).dropFirst() } ?? domain.vcpus[...]
        let page = rest.prefix(limit)
        let next = page.count < rest.count ? page.last.map { Cursor(number: UInt64($0.number)) } : nil
        answer(call, revision: domain.revision) {
            EncodedBody(list: page.map { body($0, of: domain) }, nextCursor: next, revision: domain.revision)
        }
    }

    private func createVCPUs(_ call: Call) throws(Refused) {
        let specs = try decode(CreateVCPUsRequest.self, call).specs
        let revision = try revisionWanted(call)
        if call.isDryRun {
            let plan = try engine(call) { () throws(LifecycleError) in
                try engine.planVCPUs(reference(call), specs, ifRevision: revision)
            }
            answer(call, .ok, ControlSchema.Plan(plan, kind: .createVCPUs))
            return
        }
        let requester = requester(call)
        let (td, operation) = try engine(call) { () throws(LifecycleError) in
            try engine.createVCPUs(reference(call), specs, ifRevision: revision, by: requester)
        }
        try follow(operation, call) { api, call, ended in
            // The TD may be on its way out already; what was made is said all the same.
            guard let domain = try? api.engine.td(.id(td)), let numbers = ended.vcpus else {
                return api.answer(call, Refused(.notFound, "the TD has been deleted since"))
            }
            let made = domain.vcpus[domain.vcpus.indices.clamped(to: numbers)]
            api.answer(
                call, .created,
                .shared(
                    EncodedBody(
                        list: made.map { api.body($0, of: domain) }, revision: domain.revision,
                        extra: #","operation":"\#(ended.id)""#)),
                [.location: "/tds/\(td)/vcpus", .eTag: Self.tag(domain.revision)])
        }
    }
}
