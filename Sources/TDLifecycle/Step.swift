internal import TDXCalls
internal import Threading

/// One bounded run of leaves for one TD, on a copy of its rows. Nothing is seen of it until it is committed.
struct Step {
    enum End {
        /// There is more to do.
        case again
        /// There is more to do, but not before this has passed.
        case after(Duration)
        /// Somebody else is writing back the caches of a package this TD waits for.
        case parked(Package)
        case ended
    }

    let engine: Engine
    let log: AttemptLog
    let module: TDXModule
    var domain: Domain
    var operation: Operation
    var records: [CallRecord] = []
    /// KeyID rows as they shall change, in order.
    var keyIDChanges: [(KeyID, @Sendable (inout KeyIDRow) -> Void)] = []
    /// Write-backs this step completed.
    var writeBacksDone: [Package] = []
    /// Pages and KeyIDs that go back to the host once the step is committed.
    var pagesToFree: [PageAddress<HostOwned>] = []
    var keyIDsToFree: [KeyID] = []
    var pagesTaken = 0
    var keyIDsTaken = 0
    var pagesQuarantined = 0
    /// Processors that gained or lost something bound to them.
    var bound: [Processor] = []
    var unbound: [Processor] = []
    private var callsMade = 0
    private var retriesInPlace = 0

    init(_ engine: Engine, _ operation: Operation, on domain: Domain) {
        self.engine = engine
        self.operation = operation
        self.domain = domain
        log = AttemptLog(engine.calls, engine.environment)
        module = TDXModule(calls: log, host: engine.host)
    }

    var limits: EngineLimits { engine.limits }
    var now: WallTime { engine.environment.wallClock.now }
    private var elapsed: UInt64 { engine.environment.elapsedClock.nanoseconds }

    mutating func run() -> End {
        let end = elapsed + limits.stepDuration.nanoseconds
        if operation.startedAt == nil {
            operation.startedAt = now
            operation.state = operation.isCancelRequested ? .cancelling : .running
        }
        if operation.isCancelRequested, operation.rollback == .notNeeded, operation.failure == nil { cancel() }
        repeat {
            guard let call = nextCall() else { return finish() }
            if call.takesPage, domain.pagesReserved == 0 {
                // Written down before the first is handed over: the step that uses them comes after the commit.
                return records.isEmpty ? reserve() : .again
            }
            if let end = execute(call) { return end }
        } while callsMade < limits.stepCalls && elapsed < end
        return .again
    }

    /// The goal's next leaf; an interrupted write-back goes on where it stopped.
    private func nextCall() -> Call? {
        if operation.failure == nil, case .step = operation.goal, operation.stepRecord != nil { return nil }
        guard let call = operation.goal.next(for: domain, on: engine.platform) else { return nil }
        if case .writeBack(let package, false) = call, operation.resuming == package {
            return .writeBack(package, resume: true)
        }
        return call
    }

    // MARK: Taking from the host

    private mutating func reserve() -> End {
        do throws(PortError) {
            if domain.td == nil, domain.keyID == nil {
                let number = try engine.host.allocateKeyID()
                domain.keyID = number
                keyIDsTaken += 1
                operation.promised.keyIDs -= 1
                let owner = domain.id
                keyIDChanges.append(
                    (
                        number,
                        {
                            $0.state = .reserved; $0.owner = owner
                        }
                    ))
            }
            for _ in 0..<min(limits.reservationPages, max(operation.promised.pages, 1)) {
                let address = try engine.host.allocatePage()
                domain.pages.append(
                    Page(
                        id: engine.ids.next(.page), address: PageAddress(rawValue: address.rawValue),
                        state: .reserved, vcpu: nil, since: engine.nextSequence(), sinceTime: now))
                pagesTaken += 1
                operation.promised.pages -= 1
            }
            operation.retry = nil
            return .again
        } catch {
            // The ledger had promised it: what was just given back may not have reached the host yet.
            if error.reason == .exhausted, pagesTaken > 0 { return .again }
            if error.reason == .exhausted, let pause = pauseBeforeRetry() { return .after(pause) }
            fail(.port(error, nil))
            return .again
        }
    }

    // MARK: One call

    /// Issues a call and takes in the answer; says if the step ends with it.
    private mutating func execute(_ call: Call) -> End? {
        operation.progress.step = call.leaf
        var covered = true
        if case .writeBack(let package, let resume) = call {
            switch engine.enterWriteBack(package, of: domain, resume: resume, isRaw: isRaw) {
            case .go: break
            case .covered: covered = false
            case .wait: return .parked(package)
            }
        }
        guard covered else {
            domain.apply(
                call, .plain, on: domain.home, platform: engine.platform, sequence: engine.nextSequence(), time: now)
            return nil
        }
        let processor = place(call)
        let answer = engine.keyTable.with(call.keyTableMode) { module.issue(call, for: domain, on: processor) }
        callsMade += 1
        switch answer {
        case .accepted(let accepted):
            let record = take(call, as: nil)
            note(call, accepted, on: processor, record)
            return nil
        case .refused(let error):
            return refused(call, error, on: processor)
        }
    }

    /// A lab step that wants the raw answer.
    private var isRaw: Bool {
        if case .step(_, _, recover: false) = operation.goal { true } else { false }
    }

    private func place(_ call: Call) -> Processor {
        var asked: Processor?
        if case .step(_, let processor, _) = operation.goal { asked = processor }
        var placement = engine.state.withLock { $0.placement }
        // What this step has bound is not committed yet.
        for processor in bound { placement.add(processor) }
        return domain.processor(for: call, asked: asked, engine.platform, placement)
    }

    private mutating func note(_ call: Call, _ accepted: Accepted, on processor: Processor, _ record: CallRecord) {
        let before = domain
        operation.retry = nil
        operation.stuck = nil
        operation.resuming = nil
        retriesInPlace = 0
        if operation.rollback == .notNeeded { operation.progress.done += 1 }
        let returned = returnedPage(call)
        noteKeyID(call)
        domain.apply(
            call, accepted, on: processor, platform: engine.platform, sequence: record.sequence, time: record.at)
        if case .writeBack(let package, _) = call { writeBacksDone.append(package) }
        if let returned { pagesToFree.append(returned) }
        noteBinding(call, before)
        if case .step = operation.goal { operation.stepRecord = record }
    }

    /// The page a reclaim or the TDR's write-back gives back; a reclaimed TDR stays until it is written back.
    private func returnedPage(_ call: Call) -> PageAddress<HostOwned>? {
        switch call {
        case .reclaimPage(let id):
            guard let page = domain.page(id), page.state != .held(.tdr) else { return nil }
            return PageAddress(rawValue: page.address.rawValue)
        case .writeBackTDR:
            return domain.pages.first { $0.state == .reclaimedTDR }.map { PageAddress(rawValue: $0.address.rawValue) }
        default:
            return nil
        }
    }

    private mutating func noteKeyID(_ call: Call) {
        guard let number = domain.keyID else { return }
        switch call {
        case .create:
            let tdr = domain.pages.first { $0.state == .reserved }.map {
                PageAddress<TDR>(rawValue: $0.address.rawValue)
            }
            keyIDChanges.append(
                (
                    number,
                    {
                        $0.state = .assigned; $0.tdr = tdr
                    }
                ))
        case .configureKey(let package):
            keyIDChanges.append((number, { $0.change(package) { $0.isConfigured = true } }))
        case .flushDone:
            keyIDChanges.append(
                (
                    number,
                    { row in
                        row.state = .flushed
                        for place in row.packages.indices { row.packages[place].writeBack = .pending }
                    }
                ))
        case .freeKey:
            keyIDChanges.append((number, { $0.release() }))
            keyIDsToFree.append(number)
        default:
            break
        }
    }

    private mutating func noteBinding(_ call: Call, _ before: Domain) {
        switch call {
        case .initializeVCPU(let number):
            if let association = domain.vcpus[number].association { bound.append(association.processor) }
        case .flushVCPU(let number):
            if let association = before.vcpus[number].association { unbound.append(association.processor) }
        default:
            break
        }
    }

    // MARK: Refusals

    private mutating func refused(_ call: Call, _ error: SEAMCALLError, on processor: Processor) -> End? {
        guard case .refused(let completion) = error.cause else { return portFailed(call, error) }
        if completion.isFatal { domain.isFatal = true }
        let disposition = isRaw ? Disposition.fail : Disposition(completion, for: call)
        switch disposition {
        case .treatAsDone:
            let record = take(call, as: .treatedAsDone)
            note(call, .plain, on: processor, record)
            return nil
        case .resume:
            if case .writeBack(let package, _) = call { operation.resuming = package }
            take(call, as: .resumed)
            return nil
        case .retry:
            return retry(call)
        case .fail:
            let record = take(call, as: .failed)
            noteFailure(call, completion, record)
            return giveUp(call, .refused(record))
        }
    }

    private mutating func retry(_ call: Call) -> End? {
        operation.resuming = nil
        let attempts = operation.retry?.attempts ?? 0
        guard let pause = pauseBeforeRetry() else {
            let record = take(call, as: .failed, attempt: attempts + 1)
            if let completion = record.completion { noteFailure(call, completion, record) }
            return giveUp(call, .busy(record))
        }
        let record = take(call, as: .retried, attempt: attempts + 1)
        if retriesInPlace < limits.retriesInPlace {
            retriesInPlace += 1
            return nil
        }
        operation.stuck = Operation.Stuck(
            since: operation.stuck?.since ?? record.at, record: record.id,
            reason: record.completion?.name ?? "unknown", attempts: attempts + 1)
        return .after(pause)
    }

    /// Counts a try and says how long to wait before the next; nil when the budget is spent.
    private mutating func pauseBeforeRetry() -> Duration? {
        let retry = operation.retry ?? Operation.Retry(since: elapsed, attempts: 0)
        operation.retry = Operation.Retry(since: retry.since, attempts: retry.attempts + 1)
        guard elapsed - retry.since < limits.retryBudget.nanoseconds else { return nil }
        let doublings = min(max(retry.attempts - limits.retriesInPlace, 0), 16)
        return min(limits.retryPauseFirst * (1 << doublings), limits.retryPauseMax)
    }

    private mutating func portFailed(_ call: Call, _ error: SEAMCALLError) -> End? {
        guard case .port(let reason) = error.cause else { return nil }
        let record = log.take().isEmpty ? nil : take(call, as: .failed)
        let failure = LifecycleError.port(reason, record)
        if reason.reason == .outcomeUnknown {
            // What the call touched may be the module's or ours: nobody can say, so nobody gets it.
            quarantineAll(call, record)
            return end(.quarantined, failure)
        }
        return giveUp(call, failure)
    }

    /// A call that cannot be made: what that means depends on what it was for.
    private mutating func giveUp(_ call: Call, _ failure: LifecycleError) -> End? {
        switch operation.goal {
        case .build:
            fail(failure)
            return nil
        case .vcpus:
            return end(.failed, failure)
        case .step:
            operation.stepRecord = failure.record
            return end(.failed, failure)
        case .destroy:
            return teardownRefused(call, failure)
        }
    }

    /// A creation that failed takes everything back, by the same leaves as any teardown.
    mutating func fail(_ failure: LifecycleError) {
        operation.failure = failure
        operation.retry = nil
        operation.stuck = nil
        guard case .build = operation.goal else {
            // Nothing was tried yet: the loop finds no next call and ends.
            operation.goal = .vcpus(first: 0, specs: [])
            return
        }
        operation.goal = .destroy
        operation.rollback = .running
    }

    private mutating func cancel() {
        switch operation.goal {
        case .build: fail(.cancelled)
        case .vcpus:
            operation.failure = .cancelled
            operation.goal = .vcpus(first: 0, specs: [])
        case .destroy, .step: break
        }
    }

    private mutating func noteFailure(_ call: Call, _ completion: Completion, _ record: CallRecord) {
        engine.logRefusal(record, of: domain)
        guard let number = domain.keyID else { return }
        switch call {
        case .create, .configureKey, .flushDone, .writeBack, .freeKey:
            let failure = KeyIDRow.Failure(record: record.id, leaf: record.leaf, completion: completion, at: record.at)
            keyIDChanges.append((number, { $0.lastFailure = failure }))
        default:
            break
        }
    }
}

extension LifecycleError {
    /// The call that failed, where there was one.
    public var record: CallRecord? {
        switch self {
        case .refused(let record), .busy(let record): record
        case .port(_, let record), .quarantined(_, let record): record
        default: nil
        }
    }
}
