public import TDXCalls
internal import Threading

// What can be asked of the engine. Each of these checks, reserves, commits the intent and returns; the
// steps come later. The same checks serve a dry run, which commits nothing.

/// What a creation asks for.
public struct TDRequest: Sendable {
    public var name: String?
    public var labels: [String: String]
    public var spec: TDSpec
    /// What the regions of `spec.memory` shall hold, one for each and in their order.
    public var contents: [any MemoryContent]

    public init(name: String?, labels: [String: String], spec: TDSpec, contents: [any MemoryContent] = []) {
        self.name = name
        self.labels = labels
        self.spec = spec
        self.contents = contents
    }
}

/// A new name or none, and labels as they shall be; nil = leave as it is.
public struct TDChange: Sendable {
    public enum Name: Sendable { case remove, set(String) }

    public var name: Name?
    public var labels: (@Sendable ([String: String]) -> [String: String])?

    public init(name: Name?, labels: (@Sendable ([String: String]) -> [String: String])?) {
        self.name = name
        self.labels = labels
    }
}

/// One leaf, as a lab asks for it.
public struct StepRequest: Sendable {
    public var call: Call
    public var processor: Processor?
    /// False: show the raw answer, do not retry.
    public var recover: Bool
    /// For `init` of a TD or a vCPU: what to initialise it with from now on.
    public var spec: TDSpec?
    public var vcpuSpec: VCPUSpec?

    public init(
        call: Call, processor: Processor? = nil, recover: Bool = true, spec: TDSpec? = nil, vcpuSpec: VCPUSpec? = nil
    ) {
        self.call = call
        self.processor = processor
        self.recover = recover
        self.spec = spec
        self.vcpuSpec = vcpuSpec
    }
}

extension Engine {
    // MARK: Creating

    public func createTD(
        _ request: TDRequest, by requester: Requester
    ) throws(LifecycleError) -> (td: ResourceID, operation: ResourceID) {
        try transact(.durable) { (state, transaction) throws(LifecycleError) in
            let (domain, plan) = try prepare(request, by: requester, &state, now: transaction.now)
            try state.allowances.checkOperations(requester.principal, limits)
            try state.ledger.promise(pages: plan.pageCount, keyIDs: plan.keyIDs, table: state.keyIDs)
            if let name = domain.name { state.names[name] = domain.id }
            state.placement.add(domain.home)
            let goal = Goal.build(until: domain.spec.buildUntil, vcpus: request.spec.vcpuSpecs)
            let run = request.contents.isEmpty ? nil : MemoryRun(request.contents, firstRegion: 0)
            let operation = begin(
                .createTD, goal, plan, for: domain, by: requester, &state, &transaction, filling: run)
            return (domain.id, operation)
        }
    }

    /// Without a predicted MRTD, for which the contents would have to be read.
    public func planTD(_ request: TDRequest, by requester: Requester) throws(LifecycleError) -> Plan {
        try state.withLock { (state) throws(LifecycleError) in
            let (_, plan) = try prepare(request, by: requester, &state, now: environment.wallClock.now)
            var ledger = state.ledger
            try ledger.promise(pages: plan.pageCount, keyIDs: plan.keyIDs, table: state.keyIDs)
            return plan
        }
    }

    private func prepare(
        _ request: TDRequest, by requester: Requester, _ state: inout EngineState, now: WallTime
    ) throws(LifecycleError) -> (Domain, Plan) {
        if state.isDraining { throw .draining }
        if let name = request.name, let other = state.names[name] { throw .nameTaken(name, by: other) }
        let spec = request.spec
        if spec.vcpuCount > Int(spec.maxVCPUs) {
            throw .maxVCPUsExceeded(requested: spec.vcpuCount, existing: 0, max: Int(spec.maxVCPUs))
        }
        if let index = spec.unencodableCPUID(for: platform.module) { throw .cpuidNotConfigurable(index: index) }
        var domain = Domain(
            id: ids.next(.td), name: request.name, labels: request.labels, createdAt: now,
            createdBy: requester.principal, spec: spec, home: state.placement.leastLoaded())
        try checkContents(request, for: domain, state.ledger)
        domain.plan(spec.memory, tablesFor: spec.eptLevels)
        let plan = Plan(.build(until: spec.buildUntil, vcpus: spec.vcpuSpecs), for: domain, on: platform)
        try state.allowances.check(requester.principal, keyIDs: plan.keyIDs, limits)
        return (domain, plan)
    }

    // MARK: vCPUs

    public func createVCPUs(
        _ reference: TDReference, _ specs: [VCPUSpec], ifRevision: UInt64? = nil, by requester: Requester
    ) throws(LifecycleError) -> (td: ResourceID, operation: ResourceID) {
        try transact(.durable) { (state, transaction) throws(LifecycleError) in
            var (domain, goal, plan) = try prepareVCPUs(reference, specs, ifRevision, &state)
            try state.allowances.checkOperations(requester.principal, limits)
            try state.ledger.promise(pages: plan.pageCount, keyIDs: 0, table: state.keyIDs)
            domain.adopt(specs, goal)
            let operation = begin(.createVCPUs, goal, plan, for: domain, by: requester, &state, &transaction)
            return (domain.id, operation)
        }
    }

    public func planVCPUs(
        _ reference: TDReference, _ specs: [VCPUSpec], ifRevision: UInt64? = nil
    ) throws(LifecycleError) -> Plan {
        try state.withLock { (state) throws(LifecycleError) in
            let (_, _, plan) = try prepareVCPUs(reference, specs, ifRevision, &state)
            var ledger = state.ledger
            try ledger.promise(pages: plan.pageCount, keyIDs: 0, table: state.keyIDs)
            return plan
        }
    }

    private func prepareVCPUs(
        _ reference: TDReference, _ specs: [VCPUSpec], _ ifRevision: UInt64?, _ state: inout EngineState
    ) throws(LifecycleError) -> (Domain, Goal, Plan) {
        let domain = try claimable(reference, ifRevision, &state)
        for (index, spec) in specs.enumerated() {
            if let processor = spec.processor { try known(processor, index: index) }
            if spec.x2apicID != nil, !platform.module.hasVPInitX2APICID { throw .lacksVPInitX2APICID }
        }
        // A call that failed half way is taken up where it stopped, rather than donating more pages.
        let count = specs.count
        let interrupted = domain.interruptedVCPUs.flatMap {
            $0.count == count && domain.isUnfinished($0) ? $0.lowerBound : nil
        }
        let first = interrupted ?? domain.firstUnfinishedVCPU
        if first + count > Int(domain.spec.maxVCPUs) {
            throw .maxVCPUsExceeded(requested: count, existing: first, max: Int(domain.spec.maxVCPUs))
        }
        guard domain.obstacle(to: .createVCPU, on: platform) == nil else {
            throw .wrongState(domain.wrongState(for: .createVCPU, on: platform))
        }
        let goal = Goal.vcpus(first: first, specs: specs)
        return (domain, goal, Plan(goal, for: domain, on: platform))
    }

    // MARK: Deleting

    /// Takes a TD down. Asked again while that runs, it names the operation that does it.
    public func deleteTD(
        _ reference: TDReference, ifRevision: UInt64? = nil, by requester: Requester
    ) throws(LifecycleError) -> (td: ResourceID, operation: ResourceID) {
        try transact(.durable) { (state, transaction) throws(LifecycleError) in
            if let running = try runningDeletion(of: reference, state) { return (running.td, running.id) }
            let domain = try claimable(reference, ifRevision, &state)
            try state.allowances.checkOperations(requester.principal, limits)
            let plan = Plan(.destroy, for: domain, on: platform)
            let operation = begin(.deleteTD, .destroy, plan, for: domain, by: requester, &state, &transaction)
            return (domain.id, operation)
        }
    }

    /// What a deletion would do: the plan, or the operation that is taking the TD down already.
    public enum PlannedDeletion: Sendable {
        case plan(td: ResourceID, Plan)
        case running(Operation)
    }

    public func planDeletion(
        _ reference: TDReference, ifRevision: UInt64? = nil
    ) throws(LifecycleError) -> PlannedDeletion {
        try state.withLock { (state) throws(LifecycleError) in
            if let running = try runningDeletion(of: reference, state) { return .running(running) }
            let domain = try claimable(reference, ifRevision, &state)
            return .plan(td: domain.id, Plan(.destroy, for: domain, on: platform))
        }
    }

    private func runningDeletion(
        of reference: TDReference, _ state: EngineState
    ) throws(LifecycleError) -> Operation? {
        guard let id = try state.domain(reference).activeOperation, let operation = state.operations[id]?.value,
            operation.kind == .deleteTD
        else { return nil }
        return operation
    }

    // MARK: One leaf

    public func step(
        _ reference: TDReference, _ request: StepRequest, ifRevision: UInt64? = nil, by requester: Requester
    ) throws(LifecycleError) -> (td: ResourceID, operation: ResourceID) {
        try transact(.durable) { (state, transaction) throws(LifecycleError) in
            let (domain, goal, plan) = try prepareStep(reference, request, ifRevision, &state)
            try state.allowances.checkOperations(requester.principal, limits)
            try state.ledger.promise(pages: plan.pageCount, keyIDs: 0, table: state.keyIDs)
            let operation = begin(.step, goal, plan, for: domain, by: requester, &state, &transaction)
            return (domain.id, operation)
        }
    }

    /// Checks a step as far as can be without issuing it, and gives the record it would make.
    public func planStep(
        _ reference: TDReference, _ request: StepRequest, ifRevision: UInt64? = nil, by requester: Requester
    ) throws(LifecycleError) -> CallRecord {
        try state.withLock { (state) throws(LifecycleError) in
            let (domain, goal, plan) = try prepareStep(reference, request, ifRevision, &state)
            var ledger = state.ledger
            try ledger.promise(pages: plan.pageCount, keyIDs: 0, table: state.keyIDs)
            guard case .step(let call, _, _) = goal else { preconditionFailure("a step is a step") }
            let processor = domain.processor(for: call, asked: request.processor, platform) {
                state.placement.leastLoaded()
            }
            return .planned(call, for: domain, on: processor, platform, by: requester, now: environment.wallClock.now)
        }
    }

    private func prepareStep(
        _ reference: TDReference, _ request: StepRequest, _ ifRevision: UInt64?, _ state: inout EngineState
    ) throws(LifecycleError) -> (Domain, Goal, Plan) {
        var domain = try claimable(reference, ifRevision, &state)
        if let processor = request.processor { try known(processor, index: nil) }
        let action = request.call.action
        guard domain.td != nil, action.takesDown || !domain.isFatal else {
            throw .wrongState(domain.wrongState(for: action, on: platform))
        }
        switch request.call {
        case .create:
            preconditionFailure("TDH.MNG.CREATE is a creation, not a step of something created")
        case .configureKey(let package), .writeBack(let package, _):
            guard platform.packages.contains(package) else { throw .noSuchPackage(package) }
            if let processor = request.processor, platform.package(of: processor) != package {
                throw .processorNotInPackage(processor, package)
            }
        case .addTDCXPage(let number), .initializeVCPU(let number), .flushVCPU(let number):
            guard number >= 0, number < domain.vcpus.count else {
                throw .noSuchVCPU(td: domain.id, number: number)
            }
            if let spec = request.vcpuSpec, domain.vcpus[number].state == .uninitialized {
                domain.vcpus[number].spec = spec
            }
        case .reclaimPage(let id):
            guard let page = domain.page(id), case .held = page.state else {
                throw .noSuchPage(id.description)
            }
        case .writeBackTDR:
            guard domain.pages.contains(where: { $0.state == .reclaimedTDR || $0.state == .held(.tdr) }) else {
                throw .wrongState(domain.wrongState(for: .writeBackTDR, on: platform))
            }
        case .initialize:
            if let spec = request.spec {
                if let index = spec.unencodableCPUID(for: platform.module) {
                    throw .cpuidNotConfigurable(index: index)
                }
                // Of an initialised TD the spec says what it is; the module will refuse to make it another.
                if domain.opState != .initialized, domain.opState != .runnable { domain.spec = spec }
            }
        case .addTable, .addPage, .extend, .promote, .writeBackTable, .readMRTD:
            preconditionFailure("\(request.call.leaf.name) is part of an operation on memory, and no step")
        case .addTDCSPage, .createVCPU, .flushDone, .freeKey, .finalize:
            break
        }
        if !platform.module.leaves.contains(request.call.leaf.number) { throw .lacksLeaf(request.call.leaf) }
        let goal = Goal.step(request.call, on: request.processor, recover: request.recover)
        return (domain, goal, Plan(goal, for: domain, on: platform))
    }

    // MARK: Changing what is not hardware

    public func changeTD(
        _ reference: TDReference, _ change: TDChange, ifRevision: UInt64? = nil, dryRun: Bool = false
    ) throws(LifecycleError) -> Domain {
        try transact(.durable) { (state, transaction) throws(LifecycleError) in
            if state.isDraining { throw .draining }
            var domain = try state.domain(reference)
            if let ifRevision, ifRevision != domain.revision { throw .preconditionFailed(revision: domain.revision) }
            if domain.isDeleted { throw .wrongState(domain.wrongState(for: .delete, on: platform)) }
            let (before, labelsBefore) = (domain.name, domain.labels)
            switch change.name {
            case .set(let name):
                if let other = state.names[name], other != domain.id { throw .nameTaken(name, by: other) }
                domain.name = name
            case .remove: domain.name = nil
            case nil: break
            }
            if let labels = change.labels { domain.labels = labels(domain.labels) }
            let isSame = domain.name == before && domain.labels == labelsBefore
            guard !dryRun, !isSame else { return domain }
            if let before { state.names[before] = nil }
            if let name = domain.name { state.names[name] = domain.id }
            state.put(domain, &transaction)
            return state.domains[domain.id]?.value ?? domain
        }
    }

    /// Asks a creation to stop at the end of its step; it then takes back what it has done.
    public func cancel(_ id: ResourceID, ifRevision: UInt64? = nil) throws(LifecycleError) -> Operation {
        try transact(.durable) { (state, transaction) throws(LifecycleError) in
            guard var operation = state.operations[id]?.value else { throw .noSuchOperation }
            if let ifRevision, ifRevision != operation.revision {
                throw .preconditionFailed(revision: operation.revision)
            }
            if operation.state == .cancelling { return operation }
            guard operation.isCancellable else { throw .notCancellable(operation.state) }
            operation.isCancelRequested = true
            operation.state = .cancelling
            state.put(operation, &transaction)
            let td = operation.td
            state.lanes[td]?.isPaused = false
            // A step that runs now may be about to wait for its content, which it is not to do any more.
            state.lanes[td]?.wasWoken = true
            transaction.after.append { self.schedule(td) }
            return state.operations[id]?.value ?? operation
        }
    }

    // MARK: What they share

    /// The TD, if a new operation may begin on it.
    func claimable(
        _ reference: TDReference, _ ifRevision: UInt64?, _ state: inout EngineState
    ) throws(LifecycleError) -> Domain {
        if state.isDraining { throw .draining }
        let domain = try state.domain(reference)
        if let ifRevision, ifRevision != domain.revision { throw .preconditionFailed(revision: domain.revision) }
        if let active = domain.activeOperation { throw .operationRunning(active) }
        if domain.obstacle(to: .delete, on: platform) != nil {
            throw .wrongState(domain.wrongState(for: .delete, on: platform))
        }
        return domain
    }

    func known(_ processor: Processor, index: Int?) throws(LifecycleError) {
        if platform.package(of: processor) == nil { throw .noSuchProcessor(processor, index: index) }
    }

    func begin(
        _ kind: Operation.Kind, _ goal: Goal, _ plan: Plan, for domain: consuming Domain, by requester: Requester,
        _ state: inout EngineState, _ transaction: inout Transaction, filling memory: MemoryRun? = nil
    ) -> ResourceID {
        state.prune(limits, &transaction)
        var operation = Operation(
            id: ids.next(.operation), kind: kind, td: domain.id, requester: requester, createdAt: transaction.now,
            progress: Operation.Progress(done: 0, total: plan.callCount), spec: domain.spec, plan: plan, goal: goal,
            promised: (plan.pageCount, plan.keyIDs))
        if case .vcpus(let first, let specs) = goal { operation.vcpus = first..<first + specs.count }
        if case .build(_, let specs) = goal, !specs.isEmpty { operation.vcpus = 0..<specs.count }
        if let memory { operation.fill(memory, &domain) }
        domain.activeOperation = operation.id
        domain.lastOperation = operation.id
        let td = domain.id
        var lane = state.lanes[td] ?? EngineState.Lane()
        // Contents may come from a disk, which is not for that thread to wait for.
        let isHere = startsInPlace && memory == nil && lane.isIdle && !lane.isScheduled
        lane.operation = operation.id
        if isHere { lane.beginStep() }
        state.lanes[td] = lane
        // What begins here is seen, a moment later, as its first step has left it.
        let begun = state.put(domain, &transaction, isWritten: !isHere)
        let pending = state.put(operation, &transaction, isWritten: !isHere)
        transaction.after.append {
            if isHere { self.run(pending, on: begun, isInPlace: true) } else { self.schedule(td) }
        }
        return operation.id
    }
}

extension TDSpec {
    var vcpuSpecs: [VCPUSpec] { Array(repeating: VCPUSpec(), count: vcpuCount) }
}

extension Domain {
    fileprivate func isUnfinished(_ numbers: Range<Int>) -> Bool {
        numbers.upperBound > vcpus.count || vcpus[numbers].contains { $0.state == .uninitialized }
    }

    /// Where to go on: the vCPUs at the end that are not initialised, and then those that are not there.
    fileprivate var firstUnfinishedVCPU: Int {
        (vcpus.lastIndex { $0.state != .uninitialized } ?? -1) + 1
    }

    /// vCPUs that exist but are not initialised yet take the settings they are asked for now.
    mutating func adopt(_ specs: [VCPUSpec], _ goal: Goal) {
        guard case .vcpus(let first, _) = goal else { return }
        for (offset, spec) in specs.enumerated() where first + offset < vcpus.count {
            if vcpus[first + offset].state == .uninitialized { vcpus[first + offset].spec = spec }
        }
    }
}
