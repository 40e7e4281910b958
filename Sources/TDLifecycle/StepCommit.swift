internal import Logging
internal import Synchronization
internal import TDXCalls
internal import Threading

extension Engine {
    /// Runs one step of an operation and commits what came of it.
    func run(_ operation: Boxed<Operation>, on domain: Boxed<Domain>, isInPlace: Bool = false) {
        var step = Step(self, operation.value, on: domain.value, isInPlace: isInPlace)
        let end = step.run()
        commit(&step, end)
    }

    private func commit(_ step: inout Step, _ end: Step.End) {
        let phaseBefore = transact(.grouped, records: step.records) { state, transaction -> Phase? in
            let td = step.domain.id
            let before = state.domains[td]
            // Names, labels, the expected MRTD and the wish to cancel may have changed while the step ran.
            step.domain.name = before?.value.name
            if let before {
                step.domain.labels = before.value.labels
                step.domain.expect(asFoundIn: before.value)
            }
            let wasCancelled = state.operations[step.operation.id]?.value.isCancelRequested == true
            if wasCancelled, !step.operation.state.isTerminal {
                step.operation.isCancelRequested = true
                // What fails meanwhile is taken back anyway, and has failed.
                if step.operation.failure == nil { step.operation.state = .cancelling }
            }
            for (number, change) in step.keyIDChanges { state.updateKeyID(number, &transaction, change) }
            finishWriteBacks(step, end, &state, &transaction)
            account(step, end, &state)
            if step.domain.isDeleted, before?.value.isDeleted == false { bury(step.domain, &state, transaction.now) }
            state.put(step.domain, &transaction)
            if case .ended = end { release(&step.operation, &transaction) }
            state.put(step.operation, &transaction)
            giveBack(step, &transaction)
            advance(td, end, &state, &transaction)
            return before?.value.phase
        }
        logPhase(of: step, from: phaseBefore)
    }

    private func account(_ step: borrowing Step, _ end: Step.End, _ state: inout EngineState) {
        state.ledger.redeem(pages: step.pagesTaken, keyIDs: step.keyIDsTaken)
        state.ledger.changeHeld(by: step.pagesTaken - step.pagesToFree.count)
        state.ledger.quarantine(pages: step.pagesQuarantined)
        if case .ended = end {
            state.ledger.redeem(
                pages: step.operation.promised.pages, keyIDs: step.operation.promised.keyIDs)
        }
        for processor in step.bound { state.placement.add(processor) }
        for processor in step.unbound { state.placement.remove(processor) }
    }

    /// What it used to fill memory, and the contents, once it has ended.
    private func release(_ operation: inout Operation, _ transaction: inout Transaction) {
        guard let run = operation.memoryRun.take() else { return }
        let isComplete = operation.state == .succeeded
        transaction.after.append { run.end(isComplete, self.host) }
    }

    /// A deleted TD keeps its record, but neither its name nor its place.
    private func bury(_ domain: Domain, _ state: inout EngineState, _ now: WallTime) {
        if let name = domain.name, state.names[name] == domain.id { state.names[name] = nil }
        state.placement.remove(domain.home)
        state.tombstones.append(domain.id, at: now)
    }

    /// To the host, once nobody can read any more that we hold it.
    private func giveBack(_ step: borrowing Step, _ transaction: inout Transaction) {
        guard !step.pagesToFree.isEmpty || !step.keyIDsToFree.isEmpty else { return }
        let host = host
        let pages = step.pagesToFree
        let keyIDs = step.keyIDsToFree
        returning.add(1, ordering: .relaxed)
        transaction.after.append {
            for page in pages {
                host.clear(page)
                host.free(page)
            }
            for keyID in keyIDs { host.freeKeyID(keyID) }
            self.returning.subtract(1, ordering: .releasing)
        }
    }

    private func advance(
        _ td: ResourceID, _ end: Step.End, _ state: inout EngineState, _ transaction: inout Transaction
    ) {
        switch end {
        case .again:
            break
        case .after(let pause):
            state.lanes[td]?.isPaused = true
            transaction.after.append { self.environment.scheduler.enqueue(after: pause) { self.resumeLane(td) } }
        case .awaitingWake:
            pauseUntilWoken(td, &state)
        case .parked(let package):
            // It may have been finished since the step looked.
            if state.writeBacks[package]?.owner != nil {
                state.lanes[td]?.isPaused = true
                state.waitingForWriteBack[package, default: []].append(td)
            }
        case .ended:
            state.lanes[td]?.operation = nil
            state.lanes[td]?.isPaused = false
        }
        releaseLane(td, &state, &transaction)
    }

    // MARK: Logging

    func logRefusal(_ record: CallRecord, of domain: Domain) {
        let now = MonotonicTime(nanoseconds: environment.elapsedClock.nanoseconds)
        guard case .write(let suppressed) = refusalLog.spend(at: now) else { return }
        if suppressed > 0 {
            logger.error("Refused SEAMCALLs were left out of the log", metadata: ["count": "\(suppressed)"])
        }
        logger.error(
            "SEAMCALL refused",
            metadata: [
                "leaf": "\(record.leaf.name)", "completion": "\(record.completion.map(\.description) ?? "none")",
                "rcx": "0x\(String(record.input.rcx, radix: 16))", "rdx": "0x\(String(record.input.rdx, radix: 16))",
                "td": "\(domain.id)", "operation": "\(record.operation.map(\.description) ?? "none")",
                "processor": "\(record.processor.rawValue)",
            ])
    }

    private func logPhase(of step: borrowing Step, from before: Phase?) {
        let after = step.domain.phase
        guard let before, before != after else { return }
        logger.notice(
            "TD phase changed",
            metadata: [
                "td": "\(step.domain.id)", "from": "\(before.rawValue)", "to": "\(after.rawValue)",
                "operation": "\(step.operation.id)", "principal": "\(step.operation.requester.principal)",
            ])
    }
}
