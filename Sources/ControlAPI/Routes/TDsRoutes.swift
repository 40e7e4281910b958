internal import ControlSchema
internal import HTTPExchange
internal import HTTPTypes
internal import TDLifecycle
internal import TDXCalls

extension ControlAPI {
    static let tdRoutes: [Route] = [
        Route(
            .get, "/tds", "listTds", .viewer, parameters: ["limit", "cursor", "labelSelector", "includeDeleted"]
        ) { api, call throws(Refused) in try api.listTDs(call) },
        Route(.post, "/tds", "createTd", .operator, parameters: ["dryRun"]) { api, call throws(Refused) in
            try api.createTD(call)
        },
        Route(.get, "/tds/{id}", "getTd", .viewer) { api, call throws(Refused) in try api.showTD(call) },
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
                api.bodies.body(.actions(domain.id), revision: domain.revision) {
                    ControlJSON.encode(ActionList(domain, api.platform))
                }
            }
        },
    ]

    func reference(_ call: Call) -> TDReference { call.asked.td }

    /// The TD the path names, from the view.
    func td(_ call: Call) throws(Refused) -> Domain {
        try engine(call) { () throws(LifecycleError) in try engine.td(reference(call)) }
    }

    func body(_ domain: Domain) -> EncodedBody {
        bodies.body(.td(domain.id), revision: domain.revision) {
            let facts = TDFacts(domain)
            return tdTemplates.body(TD(domain, platform, facts.blanked), facts.list) { TD(domain, platform, facts) }
        }
    }

    /// `If-Match` of a change to a TD.
    func revisionWanted(_ call: Call) throws(Refused) -> UInt64? {
        try call.ifMatch { () throws(Refused) in try td(call).revision }
    }

    private func showTD(_ call: Call) throws(Refused) {
        // The view is large: it is copied only when its bytes have to be made.
        let (id, revision) = try engine(call) { () throws(LifecycleError) in try engine.tdRevision(reference(call)) }
        if let known = bodies.known(.td(id), revision: revision) { return answer(call, revision: revision, known) }
        let domain = try td(call)
        answer(call, revision: domain.revision) { body(domain) }
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
                nextCursor: listing.hasMore ? listing.rows.last.map { Cursor($0.id) } : nil, revision: listing.revision)
        }
    }

    private func createTD(_ call: Call) throws(Refused) {
        let body = try decode(CreateTDRequest.self, call)
        let module = platform.module
        guard let memory = body.spec.memory, !memory.isEmpty else {
            return try createTD(TDRequest(body, [], [], module: module), call)
        }
        try withContents(memory, pointer: "/spec/memory", call) { regions, contents throws(Refused) in
            try self.createTD(TDRequest(body, regions, contents, module: module), call)
        }
    }

    private func createTD(_ request: TDRequest, _ call: Call) throws(Refused) {
        let requester = requester(call)
        if call.isDryRun {
            try engine(call, spec: request.spec) { () throws(LifecycleError) in
                try engine.planTD(request, by: requester) { result in
                    self.answer(call, result, .createTD, spec: request.spec)
                }
            }
            return
        }
        let (td, operation) = try engine(call, spec: request.spec) { () throws(LifecycleError) in
            try engine.createTD(request, by: requester)
        }
        try follow(operation, call) { api, call, _ in
            guard let domain = try? api.engine.td(.id(td)) else {
                // Created and forgotten within one request: only a retention of nothing could do that.
                return api.answer(call, Refused(.notFound, "the TD has been deleted since"))
            }
            api.answer(
                call, .created, .shared(api.body(domain)),
                [.location: "/tds/\(td)", .eTag: Self.tag(domain.revision)])
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
        let revision = try revisionWanted(call)
        let domain = try engine(call) { () throws(LifecycleError) in
            try engine.changeTD(reference(call), change, ifRevision: revision, dryRun: call.isDryRun)
        }
        if call.isDryRun {
            answer(call, .ok, TD(domain, platform))
        } else {
            answer(call, .ok, .shared(body(domain)), [.eTag: Self.tag(domain.revision)])
        }
    }

    private func deleteTD(_ call: Call) throws(Refused) {
        let revision = try revisionWanted(call)
        if call.isDryRun {
            let planned = try engine(call) { () throws(LifecycleError) in
                try engine.planDeletion(reference(call), ifRevision: revision)
            }
            switch planned {
            case .running(let operation): answer(call, .ok, .shared(body(operation, call.role)))
            case .plan(let td, let plan):
                let now = engine.environment.wallClock.now
                answer(call, .ok, ControlSchema.Operation.planned(plan, kind: .deleteTD, td: td, call: call, now: now))
            }
            return
        }
        let requester = requester(call)
        let (_, operation) = try engine(call) { () throws(LifecycleError) in
            try engine.deleteTD(reference(call), ifRevision: revision, by: requester)
        }
        try follow(operation, call) { api, call, ended in api.answer(call, .ok, .shared(api.body(ended, call.role))) }
    }

    /// What the module would refuse if the plan came to that.
    func foreseen(_ spec: TDLifecycle.TDSpec, _ plan: TDLifecycle.Plan) -> [PlannedRefusal] {
        guard plan.entries.contains(where: { $0.leaf.number == Leaf.mngInit.number }) else { return [] }
        let code = CompletionInfo.named("TDX_OPERAND_INVALID")?.name.errorCode ?? OwnError.invalidSpec.code
        return spec.foreseenViolations(platform.module).map { _, violation in
            PlannedRefusal(code: code, detail: violation.reason, pointer: violation.pointer)
        }
    }

    private func listPages(_ call: Call) throws(Refused) {
        let (limit, cursor) = (try call.limit(), try call.idCursor(.page))
        let domain = try td(call)
        var found: [(ResourceID, EncodedBody)] = []
        // Ids ascend in the order in which pages were taken, so a cursor holds when its page is gone. Those that the TD
        // does not hold yet are left out.
        var place = cursor
        while found.count <= limit {
            let pages = domain.pages(after: place, limit: limit + 1)
            guard let last = pages.last else { break }
            for page in pages { if let body = body(page, of: domain, call.role) { found.append((page.id, body)) } }
            place = last.id
        }
        let shown = found.prefix(limit)
        answer(call, revision: domain.revision) {
            EncodedBody(
                list: shown.map { $0.1 }, nextCursor: found.count > limit ? shown.last.map { Cursor($0.0) } : nil,
                revision: domain.revision)
        }
    }

    /// Nil for a page that the TD does not hold yet.
    private func body(_ page: Page, of domain: Domain, _ role: Role) -> EncodedBody? {
        guard let record = PageRecord(page, of: domain, showAddresses: role.seesRegisters) else { return nil }
        return recordBodies.body(.page(page.id, isFull: role.seesRegisters), revision: page.since) {
            ControlJSON.encode(record)
        }
    }
}

extension ActionList {
    fileprivate init(_ domain: Domain, _ platform: TDLifecycle.Platform) {
        self.init(
            items: TDLifecycle.Action.allCases.flatMap { TDAction.all($0, of: domain, platform) },
            phase: TDPhase(rawValue: domain.phase.rawValue),
            lifecycleState: LifecycleState(rawValue: domain.lifecycle.rawValue),
            opState: domain.opState.map { ControlSchema.OpState(rawValue: $0.rawValue) }, revision: domain.revision)
    }
}

extension TDAction {
    /// An action, and beside it the single step where the contract has both under one name.
    fileprivate static func all(
        _ action: TDLifecycle.Action, of domain: Domain, _ platform: TDLifecycle.Platform
    ) -> [TDAction] {
        let td = "/tds/\(domain.id)"
        let obstacle = domain.obstacle(to: action, on: platform)
        func entry(_ method: String, _ path: String, _ role: RoleName, _ leaf: Leaf?) -> TDAction {
            TDAction(
                action: ActionName(rawValue: action.rawValue), method: method, href: td + path,
                leaf: leaf.map { LeafName($0) }, role: role, allowed: obstacle == nil, reason: obstacle)
        }
        return switch action {
        case .createVCPU:
            [entry("POST", "/vcpus", .operator, nil), entry("POST", "/vcpus/actions/create", .lab, .vpCreate)]
        case .addMemory: [entry("POST", "/memory", .operator, nil)]
        case .finalize: [entry("POST", "/actions/finalize", .operator, nil)]
        case .delete: [entry("DELETE", "", .operator, nil)]
        case .readField: [entry("GET", "/fields/{field}", .operator, action.leaf)]
        case .writeField: [entry("PATCH", "/fields/{field}", .lab, action.leaf)]
        default: [entry("POST", "/actions/\(action.rawValue)", .lab, action.leaf)]
        }
    }
}
