internal import ControlSchema
internal import HTTPExchange
internal import HTTPTypes
internal import TDLifecycle

extension ControlAPI {
    static let tdRoutes: [Route] = [
        Route(
            .get, "/tds", "listTds", .viewer, parameters: ["limit", "cursor", "labelSelector", "includeDeleted"]
        ) { api, call throws(Refused) in try api.listTDs(call) },
        Route(.post, "/tds", "createTd", .operator, parameters: ["dryRun"]) { api, call throws(Refused) in
            try api.createTD(call)
        },
        Route(.get, "/tds/{id}", "getTd", .viewer) { api, call throws(Refused) in
            let domain = try api.td(call)
            api.answer(call, revision: domain.revision) { api.body(domain) }
        },
        Route(.patch, "/tds/{id}", "patchTd", .operator, parameters: ["dryRun"]) { api, call throws(Refused) in
            try api.patchTD(call)
        },
        Route(.delete, "/tds/{id}", "deleteTd", .operator, parameters: ["dryRun"]) { api, call throws(Refused) in
            try api.deleteTD(call)
        },
        Route(.get, "/tds/{id}/pages", "listPages", .viewer, parameters: ["limit", "cursor"]) {
            api, call throws(Refused) in try api.listPages(call)
        },
        Route(.get, "/tds/{id}/actions", "listActions", .viewer) { api, call throws(Refused) in
            let domain = try api.td(call)
            api.answer(call, revision: domain.revision) {
                EncodedBody(ControlJSON.encode(ActionList(domain, api.platform)))
            }
        },
    ]

    func reference(_ call: Call) -> TDReference { TDReference(call.path("id")) }

    /// The TD the path names, from the view.
    func td(_ call: Call) throws(Refused) -> Domain {
        try engine(call) { () throws(LifecycleError) in try engine.td(reference(call)) }
    }

    func body(_ domain: Domain) -> EncodedBody {
        bodies.body(.td(domain.id), revision: domain.revision) { ControlJSON.encode(TD(domain, platform)) }
    }

    /// `If-Match` of a change to a TD.
    func revisionWanted(_ call: Call) throws(Refused) -> UInt64? {
        try call.ifMatch { () throws(Refused) in try td(call).revision }
    }

    private func listTDs(_ call: Call) throws(Refused) {
        let (limit, cursor) = (try call.limit(), try call.idCursor(.td))
        let includeDeleted = try call.flag("includeDeleted")
        var selector: LabelSelector?
        if let text = call.query["labelSelector"] {
            do throws(LabelSelector.Malformed) { selector = try LabelSelector(text) } catch {
                throw .parameter("labelSelector", error.reason)
            }
        }
        let listing = engine.tds(after: cursor, limit: limit, includeDeleted: includeDeleted) { domain in
            selector?.matches(domain.labels) ?? true
        }
        answer(call, revision: listing.revision) {
            EncodedBody(
                list: listing.rows.map { body($0) },
                nextCursor: listing.hasMore ? listing.rows.last?.id.description : nil, revision: listing.revision)
        }
    }

    private func createTD(_ call: Call) throws(Refused) {
        let request = TDRequest(try decode(CreateTDRequest.self, call), module: platform.module)
        let requester = requester(call)
        if try call.isDryRun() {
            let plan = try engine(call, spec: request.spec) { () throws(LifecycleError) in
                try engine.planTD(request, by: requester)
            }
            answer(call, .ok, ControlSchema.Plan(plan, kind: .createTD))
            return
        }
        let (td, operation) = try engine(call, spec: request.spec) { () throws(LifecycleError) in
            try engine.createTD(request, by: requester)
        }
        try follow(operation, call, spec: request.spec) { api, _ in
            guard let domain = try? api.engine.td(.id(td)) else {
                // Created and forgotten within one request: only a retention of nothing could do that.
                return api.answer(call, Refused(.notFound, "the TD has been deleted since"))
            }
            api.answer(
                call, .created, .shared(api.body(domain)),
                [.location: "/tds/\(td)", .eTag: "\"r\(domain.revision)\""])
        }
    }

    private func patchTD(_ call: Call) throws(Refused) {
        let patch = try decode(PatchTDRequest.self, call)
        let labels = try td(call).labels
        if patch.applied(to: labels).count > LabelSyntax.maximumCount { throw Refused(.tooManyLabels) }
        let name: TDChange.Name? =
            switch patch.name {
            case .keep: nil
            case .remove: .remove
            case .set(let name): .set(name)
            }
        let change = TDChange(name: name, labels: { patch.applied(to: $0) })
        let (dryRun, revision) = (try call.isDryRun(), try revisionWanted(call))
        let domain = try engine(call) { () throws(LifecycleError) in
            try engine.changeTD(reference(call), change, ifRevision: revision, dryRun: dryRun)
        }
        if dryRun {
            answer(call, .ok, TD(domain, platform))
        } else {
            answer(call, .ok, .shared(body(domain)), [.eTag: "\"r\(domain.revision)\""])
        }
    }

    private func deleteTD(_ call: Call) throws(Refused) {
        let revision = try revisionWanted(call)
        if try call.isDryRun() {
            let (td, plan) = try engine(call) { () throws(LifecycleError) in
                try engine.planDeletion(reference(call), ifRevision: revision)
            }
            let now = engine.environment.wallClock.now
            answer(call, .ok, ControlSchema.Operation.planned(plan, kind: .deleteTD, td: td, call: call, now: now))
            return
        }
        let requester = requester(call)
        let (_, operation) = try engine(call) { () throws(LifecycleError) in
            try engine.deleteTD(reference(call), ifRevision: revision, by: requester)
        }
        try follow(operation, call) { api, ended in api.answer(call, .ok, .shared(api.body(ended, call.role))) }
    }

    private func listPages(_ call: Call) throws(Refused) {
        let (limit, cursor) = (try call.limit(), try call.idCursor(.page))
        let domain = try td(call)
        var rest = domain.pages[...]
        if let cursor, let place = rest.firstIndex(where: { $0.id == cursor }) { rest = rest[(place + 1)...] }
        let records = rest.lazy.compactMap {
            PageRecord($0, of: domain, showAddresses: call.role.seesRegisters)
        }
        let page = Array(records.prefix(limit + 1))
        let shown = page.prefix(limit)
        answer(call, revision: domain.revision) {
            EncodedBody(
                ControlJSON.encode(
                    PageList(
                        items: Array(shown), nextCursor: page.count > limit ? shown.last?.id : nil,
                        revision: domain.revision)))
        }
    }
}

extension ActionList {
    fileprivate init(_ domain: Domain, _ platform: TDLifecycle.Platform) {
        self.init(
            items: TDLifecycle.Action.allCases.map { TDAction($0, of: domain, platform) },
            phase: TDPhase(rawValue: domain.phase.rawValue),
            lifecycleState: LifecycleState(rawValue: domain.lifecycle.rawValue),
            opState: domain.opState.map { ControlSchema.OpState(rawValue: $0.rawValue) }, revision: domain.revision)
    }
}

extension TDAction {
    fileprivate init(_ action: TDLifecycle.Action, of domain: Domain, _ platform: TDLifecycle.Platform) {
        let td = "/tds/\(domain.id)"
        let (method, path, role): (String, String, Role) =
            switch action {
            case .createVCPU: ("POST", "\(td)/vcpus", .operator)
            case .delete: ("DELETE", td, .operator)
            case .readField: ("GET", "\(td)/fields/{field}", .operator)
            case .writeField: ("PATCH", "\(td)/fields/{field}", .lab)
            default: ("POST", "\(td)/actions/\(action.rawValue)", .lab)
            }
        let obstacle = domain.obstacle(to: action, on: platform)
        self.init(
            action: ActionName(rawValue: action.rawValue), method: method, href: path,
            leaf: action.leaf.map { LeafName($0) }, role: RoleName(rawValue: role.rawValue),
            allowed: obstacle == nil, reason: obstacle)
    }
}
