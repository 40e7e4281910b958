internal import TDXCalls
internal import Threading

// TDH.PHYMEM.CACHE.WB works on a package, not on a TD: one run of it serves every KeyID that was flushed when
// it started, and a second start would throw an interrupted one away. So runs are shared, and taken in turn.

enum WriteBackEntry {
    /// Issue it: the package is yours until it is done.
    case go
    /// A run that began after this TD's KeyID was flushed has ended: nothing to do.
    case covered
    /// Another TD's run is under way.
    case wait
}

extension Engine {
    func enterWriteBack(_ package: Package, of domain: Domain, resume: Bool, isRaw: Bool) -> WriteBackEntry {
        state.withLock { state in
            if !isRaw, let number = domain.keyID, let row = state.keyIDs.rows[number], row.state == .flushed,
                row.packages.contains(where: { $0.package == package && $0.writeBack == .done })
            {
                return .covered
            }
            if let run = state.writeBacks[package] {
                if run.owner == domain.id || (resume && run.owner == nil) {
                    if resume { return .go }
                } else if run.owner != nil, !isRaw {
                    return .wait
                }
            }
            // A raw step may well trample on somebody's run: that is what it asked for, and the owner starts over.
            var covers = [KeyID: ResourceID]()
            for row in state.keyIDs.flushed { if let owner = row.owner { covers[row.number] = owner } }
            // This TD's own may have been flushed in this very step.
            if domain.lifecycle == .blocked, let number = domain.keyID { covers[number] = domain.id }
            if isRaw, state.writeBacks[package]?.owner != nil { return .go }
            state.writeBacks[package] = EngineState.WriteBackRun(owner: domain.id, covers: covers)
            return .go
        }
    }

    /// Notes what this step's runs have covered, and lets those go on that waited for them.
    func finishWriteBacks(
        _ step: Step, _ end: Step.End, _ state: inout EngineState, _ transaction: inout Transaction
    ) {
        let td = step.domain.id
        for package in step.writeBacksDone {
            guard let run = state.writeBacks[package], run.owner == td else { continue }
            state.writeBacks[package] = nil
            for (number, owner) in run.covers {
                guard let row = state.keyIDs.rows[number], row.state == .flushed, row.owner == owner else { continue }
                state.updateKeyID(number, &transaction) { $0.change(package) { $0.writeBack = .done } }
            }
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
