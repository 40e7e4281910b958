internal import ControlSchema
internal import TDLifecycle
internal import TDXCalls

/// An operation on 65,535 vCPUs does not name them all, and neither does what it left behind.
private let listedMax = 1_000

extension ControlSchema.Operation {
    init(_ operation: TDLifecycle.Operation, problem: Problem?) {
        self.init(operation, problem: problem, OperationFacts(operation))
    }

    /// - Parameter facts: the operation's own, or blanks in their place.
    init(_ operation: TDLifecycle.Operation, problem: Problem?, _ facts: OperationFacts) {
        let td = "/tds/" + facts.td
        let path = "/operations/" + facts.id
        var links = ["self": path, "seamcalls": "/seamcalls?operation=" + facts.id, "td": td]
        switch operation.kind {
        case .createTD, .deleteTD: links["result"] = td
        case .addMemory: links["result"] = td + "/memory"
        case .finalizeTD: links["result"] = td + "/measurement"
        case .createVCPUs: links["result"] = td + "/vcpus"
        case .step: links["result"] = operation.stepRecord == nil ? nil : links["seamcalls"]
        }
        if operation.isCancellable { links["cancel"] = path + "/actions/cancel" }
        self.init(
            id: facts.id, kind: OperationKind(rawValue: operation.kind.rawValue),
            state: OperationState(rawValue: operation.state.rawValue),
            target: OperationTarget(
                tdId: facts.td, vcpuNumbers: operation.vcpus.map { Array($0.prefix(listedMax)) }, link: td),
            createdBy: operation.requester.principal, requestId: facts.requestID,
            idempotencyKey: operation.requester.idempotencyKey, createdAt: facts.createdAt,
            startedAt: facts.startedAt, endedAt: facts.endedAt, revision: facts.revision,
            progress: Progress(
                done: operation.progress.done, total: operation.progress.total, unit: "seamcalls",
                bytesDone: operation.progress.bytes?.done, bytesTotal: operation.progress.bytes?.total,
                step: operation.progress.step?.name),
            cancellable: operation.isCancellable, rollback: RollbackState(rawValue: operation.rollback.rawValue),
            residue: operation.residue.map { ControlSchema.Residue.list($0, of: operation) },
            stuck: operation.stuck.map { stuck in
                Stuck(
                    since: Timestamp(stuck.since), seamcall: stuck.record?.description, reason: stuck.reason,
                    attempts: stuck.attempts)
            },
            plan: ControlSchema.Plan(operation.plan, kind: operation.kind), problem: problem, links: links)
    }

    /// What a dry run of a deletion answers: an operation that does not exist, with its plan.
    static func planned(
        _ plan: TDLifecycle.Plan, kind: TDLifecycle.Operation.Kind, td: ResourceID, call: Call, now: WallTime
    ) -> ControlSchema.Operation {
        ControlSchema.Operation(
            id: IDKind.operation.nilID, kind: OperationKind(rawValue: kind.rawValue), state: .planned,
            target: OperationTarget(tdId: td.description, link: "/tds/\(td)"), createdBy: call.principal,
            requestId: call.requestID, createdAt: Timestamp(now), revision: 0,
            progress: Progress(done: 0, total: plan.callCount, unit: "seamcalls"), cancellable: false,
            rollback: .notNeeded, plan: ControlSchema.Plan(plan, kind: kind), links: ["td": "/tds/\(td)"])
    }
}

extension TDLifecycle.Operation.Progress {
    /// Nil where no memory is added.
    fileprivate var bytes: (done: Int, total: Int)? {
        bytesTotal == 0 ? nil : (Int(clamping: bytesDone), Int(clamping: bytesTotal))
    }
}

extension ControlSchema.Residue {
    static func list(
        _ residue: TDLifecycle.Residue, of operation: TDLifecycle.Operation
    ) -> [ControlSchema.Residue] {
        let td = operation.td.description
        var list = residue.vcpusCreated.prefix(listedMax).map { number in
            let isReady = residue.vcpusInitialized.contains(number)
            return ControlSchema.Residue(
                kind: .vcpu,
                description: "vCPU \(number) was created\(isReady ? " and initialised" : ", not initialised"); "
                    + "its pages come back when the TD is deleted",
                tdId: td, vcpuNumber: number)
        }
        list += memory(residue, td: td)
        for thing in residue.quarantined.prefix(listedMax) {
            let record = thing.record?.description
            let cause =
                thing.leaf.map { "\($0.name) answered \(thing.completion?.name ?? "nothing")" }
                ?? thing.reason ?? "whose it is cannot be known"
            let what = "could not be freed: \(cause)"
            switch thing.thing {
            case .page(let id):
                list.append(
                    ControlSchema.Residue(
                        kind: .page, description: "page \(id) \(what)", tdId: td, pageId: id.description,
                        seamcall: record))
            case .keyID(let number):
                list.append(
                    ControlSchema.Residue(
                        kind: .keyId, description: "KeyID \(number.rawValue) \(what)", tdId: td,
                        keyId: Int(number.rawValue), seamcall: record))
            }
        }
        return list
    }
}

extension ControlSchema.Plan {
    /// - Parameter foreseen: what the module is bound to refuse of the plan.
    init(_ plan: TDLifecycle.Plan, kind: TDLifecycle.Operation.Kind, foreseen: [PlannedRefusal] = []) {
        self.init(
            kind: OperationKind(rawValue: kind.rawValue),
            leaves: plan.entries.map { entry in
                PlannedLeaf(
                    leaf: LeafName(entry.leaf),
                    // What adds memory writes tables back, and no TDR.
                    wrapper: LeafInfo.wrapperName(of: entry.leaf, isOfTDR: ![.createTD, .addMemory].contains(kind)),
                    times: entry.times, where: PlannedPlace(rawValue: entry.place.rawValue))
            },
            pages: PlannedPages(
                tdr: plan.pages[.tdr] ?? 0, tdcs: plan.pages[.tdcs] ?? 0, tdvpr: plan.pages[.tdvpr] ?? 0,
                tdcx: plan.pages[.tdcx] ?? 0, sept: plan.pages[.sept] ?? 0, guest: plan.pages[.guest] ?? 0),
            keyIds: plan.keyIDs, predictedMrtd: plan.predictedMRTD.map { Hex384(full: $0) }, wouldFail: foreseen)
    }
}
