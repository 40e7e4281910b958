internal import TDXCalls
internal import Threading

// One TD's steps are serial, TDs are independent: each TD has a lane, and the scheduler runs lanes.

extension Engine {
    /// Has the TD's lane run soon, unless it runs, is queued already, or has nothing to do.
    func schedule(_ td: ResourceID) {
        let isNew = state.withLock { state -> Bool in
            guard var lane = state.lanes[td], !lane.isRunning, !lane.isScheduled, lane.hasWork else { return false }
            lane.isScheduled = true
            state.lanes[td] = lane
            return true
        }
        if isNew { environment.scheduler.enqueue { self.runLane(td) } }
    }

    /// Lets the lane's operation go on after a pause.
    func resumeLane(_ td: ResourceID) {
        state.withLock { $0.lanes[td]?.isPaused = false }
        schedule(td)
    }

    private enum Work {
        case access(FieldAccess, Domain)
        case step(Domain, Operation)
    }

    /// One turn of a lane: a field access if one waits, else a step of the operation.
    private func runLane(_ td: ResourceID) {
        let work = state.withLock { state -> Work? in
            guard var lane = state.lanes[td], let domain = state.domains[td], !lane.isRunning else { return nil }
            lane.isScheduled = false
            defer { state.lanes[td] = lane }
            if !lane.accesses.isEmpty {
                lane.isRunning = true
                return .access(lane.accesses.removeFirst(), domain)
            }
            guard !lane.isPaused, let id = lane.operation, let operation = state.operations[id] else { return nil }
            lane.isRunning = true
            return .step(domain, operation)
        }
        switch work {
        case .access(let access, let domain): run(access, on: domain)
        case .step(let domain, let operation): run(operation, on: domain)
        case nil: break
        }
    }

    /// Ends a lane's turn and sees to the next.
    func releaseLane(_ td: ResourceID, _ state: inout EngineState, _ transaction: inout Transaction) {
        state.lanes[td]?.isRunning = false
        if state.lanes[td]?.isIdle == true { state.lanes[td] = nil }
        transaction.after.append { self.schedule(td) }
    }
}
