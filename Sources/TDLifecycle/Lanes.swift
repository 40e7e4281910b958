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

    /// Lets the lane's operation go on that waits for what it asked for; it may not have come to waiting yet.
    func wakeLane(_ td: ResourceID) {
        let isWaiting = state.withLock { state -> Bool in
            guard let lane = state.lanes[td] else { return false }
            state.lanes[td]?.wasWoken = true
            if lane.awaitsWake { state.lanes[td]?.isPaused = false }
            return lane.awaitsWake
        }
        if isWaiting { schedule(td) }
    }

    func pauseUntilWoken(_ td: ResourceID, _ state: inout EngineState) {
        guard let lane = state.lanes[td], !lane.wasWoken else { return }
        state.lanes[td]?.isPaused = true
        state.lanes[td]?.awaitsWake = true
    }

    private enum Work {
        case access(FieldAccess, Domain)
        case step(Boxed<Domain>, Boxed<Operation>)
    }

    /// One turn of a lane: a field access or a step of the operation; if both wait, they take turns.
    private func runLane(_ td: ResourceID) {
        let work = state.withLock { state -> Work? in
            guard var lane = state.lanes[td], let domain = state.domains[td], !lane.isRunning else { return nil }
            lane.isScheduled = false
            defer { state.lanes[td] = lane }
            let operation = lane.isPaused ? nil : lane.operation.flatMap { state.operations[$0] }
            if !lane.accesses.isEmpty, operation == nil || !lane.accessWasLast {
                lane.isRunning = true
                lane.accessWasLast = true
                return .access(lane.accesses.removeFirst(), domain.value)
            }
            guard let operation else { return nil }
            lane.beginStep()
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
        guard var lane = state.lanes[td] else { return }
        lane.isRunning = false
        state.lanes[td] = lane.isIdle ? nil : lane
        if lane.hasWork { transaction.after.append { self.schedule(td) } }
    }
}
