internal import TDXCalls
internal import Threading

// What a step makes of a call that was not accepted: try again, go on, give up, take back.

extension Step {
    mutating func refused(_ call: Call, _ error: SEAMCALLError, on processor: Processor) -> End? {
        guard case .refused(let completion) = error.cause else { return portFailed(call, error) }
        if completion.isFatal { domain.isFatal = true }
        switch disposition(of: completion, for: call) {
        case .treatAsDone:
            treatAsDone(call, on: processor)
            return nil
        case .resume:
            return resume(call)
        case .retry:
            return retry(call, completion)
        case .fail:
            if operation.sweep != nil {
                // This vCPU cannot be where the sweep asks, or the next VPFLUSHDONE will say so.
                treatAsDone(call, on: processor)
                return nil
            }
            let record = take(call, as: handling(of: completion, for: call))
            noteFailure(call, completion, record)
            return giveUp(call, .refused(record), isFinal: true)
        }
    }

    /// A lab decides for itself whether it wants an answer or its cure.
    private func disposition(of completion: Completion, for call: Call) -> Disposition {
        guard case .step(let asked, _, let recover) = operation.goal else { return Disposition(completion, for: call) }
        if !recover { return .fail }
        // It asked to resume: to start instead is another call.
        if case (.writeBack(_, resume: true), .wbCacheResumeError) = (asked, completion) { return .fail }
        return Disposition(completion, for: call)
    }

    private mutating func treatAsDone(_ call: Call, on processor: Processor) {
        let record = take(call, as: .treatedAsDone)
        if case .flushVCPU(let number) = call, let association = domain.vcpus[number].association,
            association.processor != processor
        {
            // Not with this processor, and still with the other.
            endTries()
            if operation.sweep == nil { advanceProgress() }
            if isLab { operation.stepRecord = record }
            advanceSweep()
            return
        }
        note(call, .plain, on: processor, record)
    }

    private mutating func resume(_ call: Call) -> End? {
        operation.resumptions += 1
        guard operation.resumptions <= limits.resumptionsMax else {
            let record = take(call, as: .failed)
            return giveUp(call, .busy(record), isFinal: false)
        }
        if case .writeBack(let package, _) = call { operation.resuming = package }
        take(call, as: .resumed)
        operation.tries = 0
        return nil
    }

    private mutating func retry(_ call: Call, _ completion: Completion) -> End? {
        // A resumption that met a lock has lost nothing; one that finds nothing to resume starts anew.
        if case .wbCacheResumeError = completion { operation.resuming = nil }
        guard let pause = pauseBeforeRetry() else {
            let record = take(call, as: .failed)
            noteFailure(call, completion, record)
            return giveUp(call, .busy(record), isFinal: false)
        }
        let record = take(call, as: .retried)
        if let retry = operation.retry, retry.count <= limits.retriesInPlace { return nil }
        operation.stuck = Operation.Stuck(
            since: operation.stuck?.since ?? record.at, record: record.id, reason: completion.description,
            attempts: operation.tries)
        return .after(pause)
    }

    /// Counts a try and says how long to wait before the next; nil when the budget is spent.
    mutating func pauseBeforeRetry() -> Duration? {
        let retry = operation.retry ?? Operation.Retry(since: elapsed, count: 0)
        operation.retry = Operation.Retry(since: retry.since, count: retry.count + 1)
        guard elapsed - retry.since < limits.retryBudget.nanoseconds else { return nil }
        let doublings = min(max(retry.count - limits.retriesInPlace, 0), Self.pauseDoublingsMax)
        return min(limits.retryPauseFirst * (1 << doublings), limits.retryPauseMax)
    }

    /// Enough to reach any sensible longest pause; more would only overflow.
    private static var pauseDoublingsMax: Int { 16 }

    private mutating func portFailed(_ call: Call, _ error: SEAMCALLError) -> End? {
        guard case .port(let reason) = error.cause else { preconditionFailure("a refusal is not the port's failure") }
        let isUnknown = reason.reason == .outcomeUnknown
        // Without a trace it failed before there was a call, for want of host memory for instance.
        let record = log.isEmpty ? nil : take(call, as: isUnknown ? .quarantined : .failed)
        let failure = LifecycleError.port(reason, record)
        guard isUnknown else { return giveUp(call, failure, isFinal: false) }
        // What the call touched may be the module's or ours: nobody can say, so nobody gets it.
        if isLab { operation.stepRecord = record }
        quarantineAll(Cause(call.leaf, record), touchedBy: call)
        return end(.quarantined, operation.failure ?? failure)
    }

    /// A call that cannot be made: what that means depends on what it was for.
    private mutating func giveUp(_ call: Call, _ failure: LifecycleError, isFinal: Bool) -> End? {
        endTries()
        switch operation.goal {
        case .build:
            fail(failure)
            return nil
        case .vcpus, .finalized:
            return end(.failed, failure)
        case .memory:
            fail(failure)
            return nil
        case .step:
            operation.stepRecord = failure.record
            return end(.failed, failure)
        case .destroy:
            if isFinal { return teardownRefused(call, failure) }
            // What passes, or never reached the module, leaves the rest as it is: a DELETE goes on from there.
            if domain.quarantine.isEmpty { return end(operation.stateAfter(failure), failure) }
            // Unless something is quarantined already: such a TD is not touched again.
            quarantineAll(Cause(call.leaf, failure.record), touchedBy: nil)
            return end(.quarantined, failure)
        }
    }

    /// A creation that failed takes everything back, by the same leaves as any teardown.
    mutating func fail(_ failure: LifecycleError) {
        operation.failure = failure
        endTries()
        pagesToFree += domain.memory.pages.removeReserved().map { PageAddress(rawValue: $0) }
        guard case .build = operation.goal else {
            // The loop finds no next call and ends.
            operation.goal = .vcpus(first: 0, specs: [])
            return
        }
        operation.goal = .destroy
        operation.rollback = .running
    }

    mutating func cancel() {
        switch operation.goal {
        case .build, .vcpus, .memory: fail(.cancelled)
        case .destroy, .step, .finalized: break
        }
    }

    private mutating func noteFailure(_ call: Call, _ completion: Completion, _ record: CallRecord) {
        engine.logRefusal(record, of: domain)
        guard let number = domain.keyID else { return }
        switch call {
        case .create, .configureKey, .flushDone, .writeBack, .freeKey:
            let failure = KeyIDRow.Failure(record: record.id, leaf: record.leaf, completion: completion, at: record.at)
            change(number) { $0.lastFailure = failure }
        case .addTDCSPage, .initialize, .createVCPU, .addTDCXPage, .initializeVCPU, .flushVCPU, .reclaimPage,
            .writeBackTDR, .addTable, .addPage, .extend, .promote, .writeBackTable, .finalize, .readMRTD:
            break
        }
        if case (.initializeVCPU, .inconsistentMSR) = (call, completion) {
            // Module 1.5.01 has counted the vCPU before it looks at the MSR, and does not take that back.
            domain.nextVCPUIndex += 1
        }
    }
}

extension Operation {
    /// How an operation ends that something else than a quarantine stopped.
    func stateAfter(_ failure: LifecycleError) -> State {
        if case .cancelled = self.failure ?? failure { .cancelled } else { .failed }
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
