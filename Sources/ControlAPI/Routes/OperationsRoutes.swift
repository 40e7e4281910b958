internal import ControlSchema
internal import HTTPExchange
internal import HTTPTypes
internal import TDLifecycle
internal import TDXCalls

extension ControlAPI {
    static let operationRoutes: [Route] = [
        Route(
            .get, "/operations", "listOperations", .viewer, parameters: ["limit", "cursor"]
        ) { api, call throws(Refused) in try api.listOperations(call) },
        Route(.get, "/operations/{id}", "getOperation", .viewer, parameters: ["waitSeconds"]) {
            api, call throws(Refused) in try api.getOperation(call)
        },
        Route(
            .post, "/operations/{id}/actions/cancel", "cancelOperation", .operator, parameters: ["dryRun"]
        ) { api, call throws(Refused) in try api.cancelOperation(call) },
    ]

    /// Answers with what an operation came to if it ends within the wait, else with the operation itself.
    func follow(
        _ id: ResourceID, _ call: Call,
        succeeded: @escaping @Sendable (ControlAPI, Call, TDLifecycle.Operation) -> Void
    ) throws(Refused) {
        if let claim = call.idempotency { idempotency.note(claim, operation: id.description) }
        try engine(call) { () throws(LifecycleError) in
            try engine.awaitEnd(of: id, timeout: call.preferences.wait) { operation in
                var call = call
                call.visit.operation = id
                // Who wants no wait is told of the operation, however fast it was.
                let isAsync = call.preferences.wait == .zero || !operation.state.isTerminal
                call.preferenceApplied = call.preferences.applied(toStep: operation.kind == .step, isAsync: isAsync)
                if isAsync {
                    self.answerLater(operation, call)
                } else if operation.state == .succeeded || Self.isResult(operation, call) {
                    succeeded(self, call, operation)
                } else {
                    self.answer(call, self.failure(of: operation, call.role))
                }
            }
        }
    }

    /// Whether a failure is what was asked for: a lab step's record, unless asked for strictly.
    private static func isResult(_ operation: TDLifecycle.Operation, _ call: Call) -> Bool {
        operation.kind == .step && operation.stepRecord != nil && !call.preferences.isStrict
    }

    private func answerLater(_ operation: TDLifecycle.Operation, _ call: Call) {
        answer(
            call, .accepted, .shared(body(operation, call.role)),
            [.location: "/operations/\(operation.id)", .retryAfter: Self.retryAfter])
    }

    func failure(of operation: TDLifecycle.Operation, _ role: Role) -> Refused {
        refused(operation.failure ?? .cancelled, role: role, spec: operation.spec, operation: operation)
    }

    func body(_ operation: TDLifecycle.Operation, _ role: Role) -> EncodedBody {
        bodies.body(.operation(operation.id, isFull: role.seesRegisters), revision: operation.revision) {
            var problem = operation.failure.map { _ in failure(of: operation, role).problem }
            problem?.requestId = operation.requester.requestID.description
            let facts = OperationFacts(operation)
            return operationTemplates.body(
                ControlSchema.Operation(operation, problem: problem, facts.blanked), facts.list
            ) { ControlSchema.Operation(operation, problem: problem, facts) }
        }
    }

    private func operationID(_ call: Call) throws(Refused) -> ResourceID {
        guard let id = ResourceID(call.path("id")), id.kind == .operation else {
            throw Refused(.notFound, "there is no such operation")
        }
        return id
    }

    private func listOperations(_ call: Call) throws(Refused) {
        let (limit, cursor) = (try call.limit(), try call.idCursor(.operation))
        let listing = engine.operations(after: cursor, limit: limit)
        answer(call, revision: listing.revision) {
            EncodedBody(
                list: listing.rows.map { body($0, call.role) },
                nextCursor: listing.hasMore ? listing.rows.last.map { Cursor($0.id) } : nil, revision: listing.revision)
        }
    }

    private func getOperation(_ call: Call) throws(Refused) {
        let id = try operationID(call)
        let wait = try call.integer("waitSeconds", in: 0...Preferences.waitMax) ?? 0
        try engine(call) { () throws(LifecycleError) in
            try engine.awaitEnd(of: id, timeout: .seconds(wait)) { operation in
                let fields: HTTPFields = operation.state.isTerminal ? [:] : [.retryAfter: Self.retryAfter]
                self.answer(call, revision: operation.revision, fields) { self.body(operation, call.role) }
            }
        }
    }

    private func cancelOperation(_ call: Call) throws(Refused) {
        _ = try decode(CancelRequest.self, call)
        let id = try operationID(call)
        let revision = try call.ifMatch { () throws(Refused) in
            try engine(call) { () throws(LifecycleError) in try engine.operation(id).revision }
        }
        let operation = try engine(call) { () throws(LifecycleError) in
            let operation = try engine.operation(id)
            if call.isDryRun {
                if let revision, revision != operation.revision {
                    throw .preconditionFailed(revision: operation.revision)
                }
                if !operation.isCancellable, operation.state != .cancelling { throw .notCancellable(operation.state) }
                return operation
            }
            return try engine.cancel(id, ifRevision: revision)
        }
        answer(call, .ok, .shared(body(operation, call.role)), [.eTag: Self.tag(operation.revision)])
    }
}

extension Call {
    func idParameter(_ name: String, _ kind: ResourceID.Kind) throws(Refused) -> ResourceID? {
        guard let text = query[name] else { return nil }
        guard let id = ResourceID(text), id.kind == kind else {
            throw .parameter(name, "must be an id that begins with \(kind.rawValue)-")
        }
        return id
    }
}
