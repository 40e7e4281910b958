internal import TDXCalls
internal import Threading

// TDH.PHYMEM.CACHE.WB works on a package, not on a TD: one run of it serves every KeyID that was flushed when
// it started, and a second start would throw an interrupted one away. So runs are shared, and taken in turn.

/// A write-back in progress on a package, over all its interruptions.
struct WriteBackRun: Sendable {
    /// Who goes on with it; nil once a lab step has left it interrupted.
    var owner: ResourceID?
    /// KeyIDs that were flushed when it started, with their TDs: the module writes back for those, and no others.
    var covers: [KeyID: ResourceID]
}

enum WriteBackEntry {
    /// Issue it; when it is done, it is done for these.
    case go(covers: [KeyID: ResourceID])
    /// A run that began after this TD's KeyID was flushed has ended: nothing to do.
    case covered
    /// Another TD's run is under way.
    case wait
}

extension Engine {
    func enterWriteBack(_ package: Package, of domain: Domain, resume: Bool, as goal: Goal) -> WriteBackEntry {
        var isLab = false
        var isRaw = false
        if case .step(_, _, let recover) = goal { (isLab, isRaw) = (true, !recover) }
        return state.withLock { state in
            // A lab that asks for the leaf gets the leaf.
            if !isLab, let number = domain.keyID, let row = state.keyIDs.rows[number], row.owner == domain.id,
                row.isWrittenBack(package)
            {
                return .covered
            }
            let run = state.writeBacks[package]
            let other = run?.owner.flatMap { $0 == domain.id ? nil : $0 }
            // A raw step may well trample on somebody's run: that is what it asked for, and the owner starts over.
            if other != nil, !isRaw { return .wait }
            let covers = resume ? run?.covers ?? [:] : state.flushedKeyIDs(with: domain)
            state.writeBacks[package] = WriteBackRun(owner: other ?? domain.id, covers: covers)
            return .go(covers: covers)
        }
    }

    /// Notes what this step's runs have covered, and lets those go on that waited for them.
    func finishWriteBacks(
        _ step: borrowing Step, _ end: Step.End, _ state: inout EngineState, _ transaction: inout Transaction
    ) {
        let td = step.domain.id
        for (package, covers) in step.writeBacksDone {
            for (number, owner) in covers {
                guard let row = state.keyIDs.rows[number], row.state == .flushed, row.owner == owner else { continue }
                state.updateKeyID(number, &transaction) { row in row.change(package) { $0.writeBack = .done } }
            }
            // A raw step has ended another's run; if this one's turn is over, somebody else's has begun since.
            if step.isLab || state.writeBacks[package]?.owner == td { state.writeBacks[package] = nil }
            wake(package, &state, &transaction)
        }
        guard case .ended = end else { return }
        // An operation that ends with its run unfinished leaves it to whoever resumes or starts over.
        for (package, run) in state.writeBacks where run.owner == td {
            state.writeBacks[package]?.owner = nil
            wake(package, &state, &transaction)
        }
    }

    private func wake(_ package: Package, _ state: inout EngineState, _ transaction: inout Transaction) {
        let waiting = state.waitingForWriteBack.removeValue(forKey: package) ?? []
        transaction.after.append { for td in waiting { self.resumeLane(td) } }
    }
}

extension EngineState {
    /// What a write-back that starts now is good for; this TD's own KeyID may have been flushed in this very step.
    fileprivate func flushedKeyIDs(with domain: Domain) -> [KeyID: ResourceID] {
        var covers: [KeyID: ResourceID] = [:]
        for row in keyIDs.flushed { if let owner = row.owner { covers[row.number] = owner } }
        if domain.lifecycle == .blocked, let number = domain.keyID { covers[number] = domain.id }
        return covers
    }
}

extension KeyIDRow {
    fileprivate func isWrittenBack(_ package: Package) -> Bool {
        state == .flushed && packages.contains { $0.package == package && $0.writeBack == .done }
    }
}
