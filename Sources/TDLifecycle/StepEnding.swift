internal import TDXCalls
internal import Threading

// How a step's operation ends, and what it says it has left.

extension Step {
    /// The goal has no next call: the operation is done, or what it had to take back is taken back.
    mutating func finish() -> End {
        guard case .destroy = operation.goal else {
            guard let failure = operation.failure else {
                if operation.kind == .createVCPUs { domain.interruptedVCPUs = nil }
                return end(.succeeded, nil)
            }
            return end(operation.stateAfter(failure), failure)
        }
        guard domain.quarantine.isEmpty else {
            // Children that cannot be freed hold the TDR.
            if let cause = domain.quarantine.last { quarantineAll(Cause(cause), touchedBy: nil) }
            return end(.quarantined, operation.failure ?? .quarantined(domain.quarantine, nil))
        }
        if operation.rollback == .running { operation.rollback = .done }
        releaseReserved()
        markDeleted()
        return end(operation.failure.map(operation.stateAfter) ?? .succeeded, operation.failure)
    }

    mutating func end(_ state: Operation.State, _ failure: LifecycleError?) -> End {
        releaseReserved()
        // A lab may have taken everything back by itself.
        if case .step = operation.goal, domain.td == nil, domain.pages.isEmpty, domain.quarantine.isEmpty {
            markDeleted()
        }
        operation.state = state
        // A rollback that could not be ended has a failure of its own; the first one is why there was a rollback.
        operation.failure = operation.failure ?? failure
        operation.endedAt = now
        endTries()
        operation.sweep = nil
        operation.progress.step = nil
        noteRollback()
        noteMemory(state)
        if state != .succeeded { noteResidue() }
        domain.activeOperation = nil
        return .ended
    }

    private mutating func markDeleted() {
        domain.deletedAt = now
        // Thousands of these are kept; the buffers are of no more use.
        domain.pages = []
        domain.dropMemory()
        domain.heldCounts = PageCounts()
        domain.associated = []
    }

    private mutating func noteRollback() {
        if operation.rollback == .running { operation.rollback = .incomplete }
        // A creation that quarantined its TD had no chance to take anything back.
        if operation.kind == .createTD, operation.state == .quarantined { operation.rollback = .incomplete }
    }

    /// Pages and a KeyID that were taken for calls that were not accepted go back unused.
    private mutating func releaseReserved() {
        pagesToFree += domain.memory.pages.removeReserved().map { PageAddress(rawValue: $0) }
        pagesToFree += domain.pages[domain.firstReserved...].map { PageAddress(rawValue: $0.address.rawValue) }
        domain.pages.removeSubrange(domain.firstReserved...)
        // A KeyID that the module may have taken all the same is quarantined, and stays so.
        if domain.td == nil, domain.lifecycle == .none, domain.quarantine.isEmpty, let number = domain.keyID {
            domain.keyID = nil
            keyIDsToFree.append(number)
            change(number) { $0.release(neverUsed: true) }
        }
    }

    private mutating func noteResidue() {
        if operation.kind == .createVCPUs { domain.interruptedVCPUs = operation.vcpus }
        guard operation.rollback != .done else { return }
        let existing = operation.vcpus.map { domain.vcpus.indices.clamped(to: $0) } ?? 0..<0
        // Nothing was there before a creation; what any other operation gave is what there is more of.
        let pages =
            operation.kind == .createTD
            ? domain.firstReserved + domain.memory.pages.heldCount : operation.pagesGiven
        var residue = Residue(
            vcpusCreated: Array(existing),
            vcpusInitialized: existing.filter { domain.vcpus[$0].state != .uninitialized }, pages: pages,
            quarantined: domain.quarantine)
        if operation.kind == .addMemory { noteMemory(&residue) }
        if !residue.isEmpty { operation.residue = residue }
    }
}
