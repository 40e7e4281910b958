internal import TDXCalls
internal import Threading

// What can be asked about guest memory and the measurement.

extension Engine {
    /// Adds a region to a TD that is initialised and not finalised. The operation's kind is `memory.add`.
    ///
    /// What it has added when it fails or is cancelled stays: its residue says what, and the TD gets the condition
    /// `MeasurementDiverged`.
    ///
    /// - Parameter content: is the engine's from here on, unless this throws.
    public func addMemory(
        _ reference: TDReference, _ region: MemoryRegion, _ content: any MemoryContent, ifRevision: UInt64? = nil,
        by requester: Requester
    ) throws(LifecycleError) -> (td: ResourceID, operation: ResourceID) {
        try transact(.durable) { (state, transaction) throws(LifecycleError) in
            let (domain, goal, plan) = try prepareMemory(reference, region, content, ifRevision, &state)
            try state.allowances.checkOperations(requester.principal, limits)
            try state.ledger.promise(pages: plan.pageCount, keyIDs: 0, table: state.keyIDs)
            let run = MemoryRun([content], firstRegion: domain.memory.regions.count - 1)
            let operation = begin(
                .addMemory, goal, plan, for: domain, by: requester, &state, &transaction, filling: run)
            return (domain.id, operation)
        }
    }

    /// What adding a region would take, with the MRTD that the TD would have then, if that can be known. The content is
    /// read, by jobs of the engine's, and `completion` is called once; nothing changes.
    ///
    /// - Parameter content: is the engine's from here on, unless this throws.
    public func planMemory(
        _ reference: TDReference, _ region: MemoryRegion, _ content: any MemoryContent, ifRevision: UInt64? = nil,
        completion: @escaping @Sendable (Result<(td: ResourceID, plan: Plan), LifecycleError>) -> Void
    ) throws(LifecycleError) {
        let (domain, plan) = try state.withLock { (state) throws(LifecycleError) -> (Domain, Plan) in
            let (domain, _, plan) = try prepareMemory(reference, region, content, ifRevision, &state)
            var ledger = state.ledger
            try ledger.promise(pages: plan.pageCount, keyIDs: 0, table: state.keyIDs)
            return (domain, plan)
        }
        let (id, expectation) = (domain.id, domain.memory.expectation)
        guard expectation.lost == nil else {
            content.end(false)
            return completion(.success((id, plan)))
        }
        let before = expectation.rest(to: domain.memory.regions.count - 1, of: domain.memory.regions)
        predict(plan, after: expectation.hash, before + [MeasuredSource(region, content)]) { result in
            completion(result.map { (id, $0) })
        }
    }

    private func prepareMemory(
        _ reference: TDReference, _ region: MemoryRegion, _ content: any MemoryContent, _ ifRevision: UInt64?,
        _ state: inout EngineState
    ) throws(LifecycleError) -> (Domain, Goal, Plan) {
        var domain = try claimable(reference, ifRevision, &state)
        guard domain.obstacle(to: .addMemory, on: platform) == nil else {
            throw .wrongState(domain.wrongState(for: .addMemory, on: platform))
        }
        try check([region], [content], for: domain, state.ledger)
        domain.plan([region], tablesFor: domain.spec.eptLevels)
        let place = domain.memory.regions.count - 1
        let goal = Goal.memory(place..<place + 1)
        return (domain, goal, Plan(goal, for: domain, on: platform))
    }

    // MARK: Finalising

    /// Closes the measurement and reads it back. The operation's kind is `td.finalize`.
    ///
    /// - Parameter completion: is called once: from this thread, or from an engine's if what MRTD ought to be has to be
    ///   hashed before it can be compared with the manifest's.
    public func finalizeTD(
        _ reference: TDReference, _ request: FinalizeRequest = FinalizeRequest(), ifRevision: UInt64? = nil,
        by requester: Requester,
        completion: @escaping @Sendable (Result<(td: ResourceID, operation: ResourceID), LifecycleError>) -> Void
    ) throws(LifecycleError) {
        if let begun = try beginFinalizing(reference, request, ifRevision, requester) {
            return completion(.success(begun))
        }
        try measuredTD(reference) { measured in
            completion(
                measured.flatMap { domain in
                    do throws(LifecycleError) {
                        if let begun = try self.beginFinalizing(.id(domain.id), request, ifRevision, requester) {
                            return .success(begun)
                        }
                        // Memory was added meanwhile.
                        return .failure(.preconditionFailed(revision: domain.revision))
                    } catch {
                        return .failure(error)
                    }
                })
        }
    }

    /// Nil if the expected MRTD has to be known first.
    private func beginFinalizing(
        _ reference: TDReference, _ request: FinalizeRequest, _ ifRevision: UInt64?, _ requester: Requester
    ) throws(LifecycleError) -> (td: ResourceID, operation: ResourceID)? {
        try transact(.durable) { (state, transaction) throws(LifecycleError) in
            guard let (domain, plan) = try prepareFinalizing(reference, request, ifRevision, &state) else { return nil }
            try state.allowances.checkOperations(requester.principal, limits)
            let operation = begin(.finalizeTD, .finalized, plan, for: domain, by: requester, &state, &transaction)
            return (domain.id, operation)
        }
    }

    /// - Parameter completion: is called once, as that of ``measuredTD(_:completion:)``.
    public func planFinalizing(
        _ reference: TDReference, _ request: FinalizeRequest = FinalizeRequest(), ifRevision: UInt64? = nil,
        completion: @escaping @Sendable (Result<(td: ResourceID, plan: Plan), LifecycleError>) -> Void
    ) throws(LifecycleError) {
        // What is refused all the same needs no hash.
        let td = try state.withLock { (state) throws(LifecycleError) -> ResourceID in
            _ = try prepareFinalizing(reference, request, ifRevision, &state)
            return try state.domain(reference).id
        }
        try measuredTD(.id(td)) { measured in
            completion(
                measured.flatMap { domain in
                    do throws(LifecycleError) {
                        let planned = try self.state.withLock { (state) throws(LifecycleError) in
                            try self.prepareFinalizing(.id(td), request, ifRevision, &state)
                        }
                        guard let (now, checked) = planned else {
                            return .failure(.preconditionFailed(revision: domain.revision))
                        }
                        var plan = checked
                        plan.predictedMRTD = now.memory.measurement.expected
                        return .success((now.id, plan))
                    } catch {
                        return .failure(error)
                    }
                })
        }
    }

    /// Nil if the manifest has an MRTD, and what it is to be compared with is not hashed yet.
    private func prepareFinalizing(
        _ reference: TDReference, _ request: FinalizeRequest, _ ifRevision: UInt64?, _ state: inout EngineState
    ) throws(LifecycleError) -> (Domain, Plan)? {
        let domain = try claimable(reference, ifRevision, &state)
        if !platform.module.leaves.contains(Leaf.mrFinalize.number) { throw .lacksLeaf(.mrFinalize) }
        if domain.isFatal || domain.obstacleToFinalizing != nil
            || (domain.memory.measurement.isDiverged && !request.force)
        {
            throw .wrongState(domain.wrongState(for: .finalize, on: platform))
        }
        if !request.force, let manifest = request.manifest {
            if manifest.expectedMRTD != nil, domain.isExpectationOpen { return nil }
            if let difference = domain.difference(from: manifest) { throw .measurementDiffers(difference) }
        }
        return (domain, Plan(.finalized, for: domain, on: platform))
    }

    // MARK: Creating

    /// What a creation would take, with the MRTD that the TD would have, where memory is added or it is finalised. The
    /// contents are read, by jobs of the engine's, and `completion` is called once: from one of them, or from this
    /// thread if there is nothing to read. Nothing changes.
    ///
    /// - Parameter request: its contents are the engine's from here on, unless this throws.
    public func planTD(
        _ request: TDRequest, by requester: Requester,
        completion: @escaping @Sendable (Result<Plan, LifecycleError>) -> Void
    ) throws(LifecycleError) {
        let plan = try planTD(request, by: requester)
        guard !request.contents.isEmpty || request.spec.buildUntil == .finalized else {
            completion(.success(plan))
            return
        }
        let sources = zip(request.spec.memory, request.contents).map { MeasuredSource($0, $1) }
        predict(plan, after: MRTDHash(), sources, completion)
    }
}
