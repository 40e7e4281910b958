internal import ControlSchema
internal import HTTPTypes
internal import TDLifecycle
internal import TDXCalls

// The one place where what the engine could not do becomes an HTTP problem.

extension ControlAPI {
    /// - Parameter spec: what the TD was to be, to say which member of it a leaf refused.
    func refused(
        _ error: LifecycleError, role: Role, spec: TDLifecycle.TDSpec? = nil, operation: TDLifecycle.Operation? = nil
    ) -> Refused {
        var refused = basic(error, role: role, spec: spec)
        if let operation {
            refused.problem.instance = "/operations/\(operation.id)"
            refused.problem.operation = operation.id.description
            refused.problem.links = ["seamcalls": "/seamcalls?operation=\(operation.id)"]
            if let outcome = operation.outcomeSentence {
                refused.problem.detail = [refused.problem.detail, outcome].compactMap(\.self).joined(separator: " ")
            }
            refused.problem.residue = operation.residue.map { ControlSchema.Residue.list($0, of: operation) }
            if operation.kind == .createVCPUs {
                refused.problem.created = operation.residue?.vcpusCreated ?? []
                refused.problem.initialized = operation.residue?.vcpusInitialized ?? []
            }
        }
        return refused
    }

    private func basic(_ error: LifecycleError, role: Role, spec: TDLifecycle.TDSpec?) -> Refused {
        switch error {
        case .noSuchTD(let reference): Refused(.notFound, "there is no TD \(reference)")
        case .noSuchVCPU(let td, let number): Refused(.notFound, "TD \(td) has no vCPU \(number)")
        case .noSuchOperation: Refused(.notFound, "there is no such operation")
        case .noSuchPage(let page): violation(.unknownPage, "/page", "\(page) is not a page that the TD holds")
        case .noSuchElement(let field, let count): Refused(.unknownField, "\(field) has \(count) elements")
        case .noSuchProcessor(let processor, let index):
            violation(
                .unknownProcessor, index.map { "/processors/\($0)" } ?? "/processor",
                "this host has no logical processor \(processor.rawValue)")
        case .noSuchPackage(let package):
            violation(.unknownProcessor, "/package", "this host has no package \(package.rawValue)")
        case .processorNotInPackage(let processor, let package):
            violation(
                .unknownProcessor, "/processor",
                "logical processor \(processor.rawValue) is not in package \(package.rawValue)")
        case .wrongState(let state): wrongState(state)
        case .operationRunning(let id): operationRunning(id)
        case .notCancellable(let state): notCancellable(state)
        case .nameTaken(let name, let other): nameTaken(name, other)
        case .preconditionFailed(let revision): preconditionFailed(revision)
        case .capacity(let shortage): capacity(shortage)
        case .limitReached(let reached): limitReached(reached)
        case .maxVCPUsExceeded(let requested, let existing, let max):
            violation(
                .maxVcpusExceeded, spec == nil ? "/count" : "/spec/vcpuCount",
                "\(existing) vCPUs exist and are complete, \(requested) more are asked for, and maxVcpus is \(max)")
        case .cpuidNotConfigurable(let index):
            violation(
                .invalidSpec, "/spec/cpuid/\(index)",
                "this module does not let a TD be configured with that CPUID leaf and sub-leaf")
        case .memory(let violation):
            self.violation(.invalidMemory, violation.pointer(isCreation: spec != nil), violation.reason)
        case .contentFailed(let region, let reason):
            Refused(.memoryContentFailed, "region \(region): \(reason)")
        case .measurementDiffers(let difference): measurementDiffers(difference)
        case .lacksLeaf(let leaf): Refused(.backendLacksLeaf, "\(leaf.name) cannot be issued here")
        case .lacksVPInitX2APICID: Refused(.moduleLacksVpInitV1)
        case .refused(let record): moduleRefused(record, role: role, spec: spec)
        case .busy(let record): busy(record, role: role)
        case .port(let error, let record): portFailed(error, record, role: role)
        case .quarantined(let things, let record): quarantined(things, record, role: role)
        case .cancelled: Refused(.cancelled)
        case .draining: Refused(.draining)
        case .tooManyWaiting(let count): Refused(.busy, "\(count) field accesses wait for the TD already")
        }
    }

    private func measurementDiffers(_ difference: TDLifecycle.MeasurementDifference) -> Refused {
        let place = difference.index.map { " after \($0) calls" } ?? ""
        var refused = Refused(.measurementDiffers, "they part\(place): \(difference.reason.rawValue)")
        refused.problem.difference = ControlSchema.MeasurementDifference(difference)
        return refused
    }

    private func operationRunning(_ id: ResourceID) -> Refused {
        var refused = Refused(.operationRunning, "operation \(id) is at work on the TD")
        refused.problem.operation = id.description
        refused.problem.links = ["operation": "/operations/\(id)"]
        return refused
    }

    private func notCancellable(_ state: TDLifecycle.Operation.State) -> Refused {
        var refused = Refused(.notCancellable, "the operation is \(state.rawValue)")
        refused.problem.currentState = CurrentState(operationState: OperationState(rawValue: state.rawValue))
        return refused
    }

    private func nameTaken(_ name: String, _ other: ResourceID) -> Refused {
        var refused = violation(.nameTaken, "/name", "'\(name)' is the name of \(other)")
        refused.problem.links = ["td": "/tds/\(other)"]
        return refused
    }

    private func preconditionFailed(_ revision: UInt64) -> Refused {
        var refused = Refused(.preconditionFailed, "the revision is \(revision)")
        refused.fields[.eTag] = Self.tag(revision)
        return refused
    }

    private func portFailed(_ error: PortError, _ record: CallRecord?, role: Role) -> Refused {
        var refused = Refused(error.ownError, error.explanation)
        refused.problem.seamcall = record.map { self.record($0, role) }
        if error.reason == .exhausted { refused.problem.capacity = scarcest }
        return refused
    }

    /// What the ledger has least of, when the host had less than the ledger thought.
    private var scarcest: CapacityShortage {
        let capacity = engine.capacity
        let keyIDs = capacity.keyIDs
        if let total = keyIDs.total, total > 0, keyIDs.free.map({ $0 <= 0 }) ?? false {
            return CapacityShortage(
                resource: .keyIds, limit: total, used: keyIDs.held, quarantined: keyIDs.quarantined,
                foreign: keyIDs.foreign ?? 0)
        }
        let pages = capacity.pages
        return CapacityShortage(
            resource: .pages, limit: pages.total, used: pages.held, quarantined: pages.quarantined, foreign: 0)
    }

    private func violation(_ error: OwnError, _ pointer: String, _ reason: String) -> Refused {
        var refused = Refused(error, "\(pointer): \(reason)")
        refused.problem.violations = [Violation(pointer: pointer, reason: reason)]
        return refused
    }

    private func wrongState(_ state: WrongState) -> Refused {
        wrongState(
            state.reason, phase: state.phase, lifecycle: state.lifecycle, opState: state.opState,
            allowed: state.allowed)
    }

    func wrongState(_ domain: Domain, _ reason: String) -> Refused {
        wrongState(
            reason, phase: domain.phase, lifecycle: domain.lifecycle, opState: domain.opState,
            allowed: domain.allowedActions(on: platform))
    }

    private func wrongState(
        _ reason: String, phase: Phase, lifecycle: Lifecycle, opState: TDLifecycle.OpState?,
        allowed: [TDLifecycle.Action]
    ) -> Refused {
        var refused = Refused(.wrongState, reason)
        refused.problem.currentState = CurrentState(
            phase: TDPhase(rawValue: phase.rawValue), lifecycleState: LifecycleState(rawValue: lifecycle.rawValue),
            opState: opState.map { ControlSchema.OpState(rawValue: $0.rawValue) })
        refused.problem.allowedActions = allowed.map { ActionName(rawValue: $0.rawValue) }
        return refused
    }

    private func limitReached(_ reached: LimitReached) -> Refused {
        limitRefusals.count(reached.kind)
        return Refused(reached)
    }

    private func capacity(_ shortage: Shortage) -> Refused {
        let detail =
            switch shortage.resource {
            case .keyIDs, .pages:
                "\(shortage.requested) \(shortage.resource == .keyIDs ? "KeyIDs" : "pages") are needed; of "
                    + "\(shortage.limit), \(shortage.used) are in use"
                    + (shortage.quarantined > 0 ? " and \(shortage.quarantined) quarantined" : "")
            case .largePages:
                "\(shortage.requested) pages of 2 MiB are needed, each of 512 free ones in a row; such places that are "
                    + "free: \(shortage.limit - shortage.used) of \(shortage.limit)"
            }
        var refused = Refused(.capacityExhausted, detail)
        refused.problem.capacity = CapacityShortage(
            resource: CapacityResource(rawValue: shortage.resource.rawValue), limit: shortage.limit,
            used: shortage.used, quarantined: shortage.quarantined, foreign: shortage.foreign)
        return refused
    }

    private func busy(_ record: CallRecord, role: Role) -> Refused {
        let answer = record.completion?.description ?? "nothing"
        var refused = Refused(.busy, "\(record.leaf.name) answered \(answer), \(record.attempt) times")
        refused.problem.seamcall = self.record(record, role)
        return refused
    }

    private func quarantined(_ things: [Quarantined], _ record: CallRecord?, role: Role) -> Refused {
        var refused = Refused(
            .quarantined, "\(things.count) pages or KeyIDs could not be freed and will not be handed out again")
        refused.problem.seamcall = record.map { self.record($0, role) }
        return refused
    }

    // MARK: What the module refused

    private func moduleRefused(_ record: CallRecord, role: Role, spec: TDLifecycle.TDSpec?) -> Refused {
        let completion = record.completion ?? TDXCalls.Completion(rawValue: 0)
        let code = completion.name?.errorCode ?? OwnError.unknownCompletion.code
        var problem = Problem(
            type: "/errors/\(code)", title: completion.info?.title ?? OwnError.unknownCompletion.title,
            status: completion.httpStatus, code: code, detail: "\(record.leaf.name) answered \(completion).",
            retryable: completion.outcome == .recoverable)
        problem.seamcall = self.record(record, role)
        if let violation = spec?.violation(record, platform.module) {
            problem.violations = [violation]
            problem.detail = "\(record.leaf.name) refused \(violation.pointer ?? ""): \(violation.reason)."
        }
        if [.mngRD, .vpRD].contains(record.leaf), case .metadataFieldNotReadable = completion {
            let context: FieldID.Context = record.leaf == .mngRD ? .td : .vp
            let found = FieldInfo.find(FieldID(rawValue: record.input.rdx), in: context)
            if let found, found.info.debug.readMask != 0 { problem.readableWhen = "debug" }
        }
        return Refused(problem: problem)
    }
}

extension MemoryViolation {
    /// In the body of a creation, or in that of a region alone.
    fileprivate func pointer(isCreation: Bool) -> String {
        guard isCreation else { return "/\(member.rawValue)" }
        switch member {
        case .buildUntil, .vcpuCount, .memory: return "/spec/\(member.rawValue)"
        case .gpa, .sizeBytes, .pageSizeBytes:
            return "/spec/memory" + (region.map { "/\($0)" } ?? "") + "/\(member.rawValue)"
        }
    }
}

extension CompletionInfo {
    /// The explanation, as a title.
    var title: String { explanation.prefix(1).uppercased() + explanation.dropFirst() }
}

extension TDXCalls.Completion {
    /// By class; a code nobody knows is not the client's fault.
    var httpStatus: Int {
        if isFatal { return 409 }
        switch self {
        case .maxVCPUsExceeded, .tdcxNumIncorrect: return 422
        case .operandInvalid where operand == .rax: return 501
        default: break
        }
        switch classCode {
        case 0x01, 0x09, 0x0a, 0x0c: return 422
        case 0x02, 0x05: return 503
        case 0x03, 0x04, 0x06, 0x07, 0x08, 0x0b, 0x0d, 0x0e: return 409
        default: return 500
        }
    }
}

extension TDLifecycle.Operation {
    /// What became of what the operation had done already.
    fileprivate var outcomeSentence: String? {
        switch rollback {
        case .done: return "What had been built was taken back: its pages and KeyID are free again."
        case .incomplete: return "What had been built could not be taken back entirely; see the operation's residue."
        case .notNeeded, .running:
            guard kind == .createVCPUs, let residue, !residue.vcpusCreated.isEmpty else { return nil }
            return "\(residue.vcpusCreated.count) vCPUs were created, \(residue.vcpusInitialized.count) of them "
                + "initialised; the same request again goes on from there."
        }
    }
}
