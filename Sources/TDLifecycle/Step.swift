internal import TDXCalls
internal import Threading

/// One bounded run of leaves for one TD, on a copy of its rows. Nothing is seen of it until it is committed.
///
/// Not copyable: rows and records are changed in place from leaf to leaf.
struct Step: ~Copyable {
    enum End {
        /// There is more to do.
        case again
        /// There is more to do, but not before this has passed.
        case after(Duration)
        /// Somebody else is writing back the caches of a package this TD waits for.
        case parked(Package)
        /// Content that is not there yet, or a hash that is behind, will wake the lane.
        case awaitingWake
        case ended
    }

    let engine: Engine
    /// After so many calls, or so long, others have their turn.
    let callsMax: Int
    let durationMax: Duration
    let log: AttemptLog
    let module: TDXModule
    let context: CallContext
    var domain: Domain
    var operation: Operation
    var records: [CallRecord] = []
    /// KeyID rows as they shall change, in order.
    var keyIDChanges: [(KeyID, @Sendable (inout KeyIDRow) -> Void)] = []
    /// What the write-back at hand is good for, and those this step completed.
    var writeBackCovers: [KeyID: ResourceID] = [:]
    var writeBacksDone: [(package: Package, covers: [KeyID: ResourceID])] = []
    /// Pages and KeyIDs that go back to the host once the step is committed.
    var pagesToFree: [PageAddress<HostOwned>] = []
    var keyIDsToFree: [KeyID] = []
    var pagesTaken = 0
    var keyIDsTaken = 0
    var pagesQuarantined = 0
    /// Processors that gained or lost something bound to them.
    var bound: [Processor] = []
    var unbound: [Processor] = []
    /// Guest memory this step has filled, in bytes, and the calls that did it, summed up.
    var bytesFilled: UInt64 = 0
    var callRuns: [CallRun] = []
    var callsMade = 0

    init(_ engine: Engine, _ operation: Operation, on domain: Domain, isInPlace: Bool) {
        self.engine = engine
        callsMax = isInPlace ? engine.limits.stepCallsInPlace : engine.limits.stepCalls
        durationMax = isInPlace ? engine.limits.stepDurationInPlace : engine.limits.stepDuration
        self.operation = operation
        self.domain = domain
        log = AttemptLog(engine.calls, engine.environment)
        module = TDXModule(calls: log, host: engine.host)
        context = CallContext(td: domain.id, operation: operation.id, requester: operation.requester)
    }

    var limits: EngineLimits { engine.limits }
    /// Nothing was called yet: what is reserved now is written down before it is used.
    var isUntouched: Bool { records.isEmpty && callRuns.isEmpty }
    var isLab: Bool { if case .step = operation.goal { true } else { false } }
    var now: WallTime { engine.environment.wallClock.now }
    var elapsed: UInt64 { engine.environment.elapsedClock.nanoseconds }

    mutating func run() -> End {
        let end = runCalls()
        flushCallRuns()
        return end
    }

    private mutating func runCalls() -> End {
        let end = elapsed + durationMax.nanoseconds
        if operation.startedAt == nil {
            operation.startedAt = now
            operation.state = operation.isCancelRequested ? .cancelling : .running
        }
        if operation.isCancelRequested, operation.rollback == .notNeeded, operation.failure == nil,
            domain.memory.freedTable == nil, operation.goal.next(for: domain, on: engine.platform) != nil
        {
            cancel()
        }
        repeat {
            guard let call = nextCall() else { return settleMemory() ?? finish() }
            if call.region != nil {
                if let end = fill(call) { return end }
                continue
            }
            if !isLab, domain.memory.pages.heldCount > 0, call.leaf == .phymemPageReclaim {
                if let end = reclaimGuestPages() { return end }
                continue
            }
            if call.takesPage, domain.pagesReserved == 0 {
                // Written down before the first is handed over: the step that uses them comes after the commit.
                if engine.commitsReservations { return isUntouched ? reserve() ?? .again : .again }
                if let end = reserve() { return end }
                continue
            }
            if let end = execute(call) { return end }
        } while callsMade < callsMax && bytesFilled < limits.stepBytes && elapsed < end
        return .again
    }

    /// The goal's next leaf; an interrupted write-back goes on where it stopped.
    private func nextCall() -> Call? {
        if isLab, operation.stepRecord != nil { return nil }
        if let sweep = operation.sweep { return .flushVCPU(sweep.vcpu) }
        guard let call = operation.goal.next(for: domain, on: engine.platform) else { return nil }
        if case .writeBack(let package, false) = call, operation.resuming == package {
            return .writeBack(package, resume: true)
        }
        return call
    }

    // MARK: Taking from the host

    /// Says if the step ends with it.
    private mutating func reserve() -> End? {
        do throws(PortError) {
            if domain.td == nil, domain.keyID == nil {
                let number = try engine.host.allocateKeyID()
                domain.keyID = number
                keyIDsTaken += 1
                operation.promised.keyIDs -= 1
                let owner = domain.id
                change(number) { row in
                    row.state = .reserved
                    row.owner = owner
                }
            }
            let promised = operation.promised.pages - operation.promisedGuestPages
            for _ in 0..<min(limits.reservationPages, max(promised, 1)) {
                let address = try engine.host.allocatePage()
                domain.pages.append(
                    Page(
                        id: engine.ids.next(.page), address: PageAddress(rawValue: address.rawValue),
                        state: .reserved, vcpu: nil, since: engine.nextSequence(), sinceTime: now))
                pagesTaken += 1
                operation.promised.pages -= 1
            }
            operation.retry = nil
            return nil
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
        if case .writeBack(let package, let resume) = call {
            switch engine.enterWriteBack(package, of: domain, resume: resume, as: operation.goal) {
            case .go(let covers):
                writeBackCovers = covers
            case .covered:
                domain.writtenBackPackages.insert(package)
                operation.resuming = nil
                advanceProgress()
                return nil
            case .wait:
                return .parked(package)
            }
        }
        let processor = place(call)
        let answer = engine.keyTable.with(call.keyTableMode) { module.issue(call, for: domain, on: processor) }
        callsMade += 1
        switch answer {
        case .accepted(let accepted):
            note(call, accepted, on: processor, take(call, as: nil))
            return nil
        case .refused(let error):
            return refused(call, error, on: processor)
        }
    }

    private func place(_ call: Call) -> Processor {
        if let sweep = operation.sweep { return engine.platform.processors[sweep.processor].processor }
        var asked: Processor?
        if case .step(_, let processor, _) = operation.goal { asked = processor }
        return domain.processor(for: call, asked: asked, engine.platform) {
            var placement = engine.state.withLock { $0.placement }
            // What this step has bound is not committed yet.
            for processor in bound { placement.add(processor) }
            return placement.leastLoaded()
        }
    }

    /// Takes the effect of an accepted call into the rows.
    mutating func note(_ call: Call, _ accepted: Accepted, on processor: Processor, _ record: CallRecord) {
        endTries()
        if operation.sweep == nil { advanceProgress() }
        pagesToFree += returnedPages(call)
        noteKeyID(call)
        noteUnbinding(call)
        if call.takesPage { operation.pagesGiven += 1 }
        // It may be a table of an operation before this one.
        if call == .writeBackTable { operation.pagesGiven = max(0, operation.pagesGiven - 1) }
        if noteWriteBack(call) {
            domain.apply(
                call, accepted, on: processor, platform: engine.platform, sequence: engine.nextSequence(),
                time: record.at)
        }
        if case .initializeVCPU(let number) = call, let association = domain.vcpus[number].association {
            bound.append(association.processor)
        }
        if isLab { operation.stepRecord = record }
        advanceSweep()
    }

    /// The call at hand is through: the next one starts with fresh budgets.
    mutating func endTries() {
        operation.tries = 0
        operation.retry = nil
        operation.resuming = nil
        operation.resumptions = 0
        operation.stuck = nil
    }

    mutating func advanceProgress(by count: Int = 1) {
        guard operation.rollback == .notNeeded else { return }
        operation.progress.done = min(operation.progress.done + count, operation.progress.total)
    }

    /// The pages a reclaim or a write-back gives back; a reclaimed TDR stays until it is written back.
    private func returnedPages(_ call: Call) -> [PageAddress<HostOwned>] {
        let pages: [Page]
        switch call {
        case .reclaimPage(let id):
            let guest = domain.memory.pages.together(id)
            pages = guest.isEmpty ? domain.page(id).map { [$0] } ?? [] : guest
        case .writeBackTDR:
            pages = domain.pages.filter { $0.state == .reclaimedTDR }
        case .writeBackTable, .freeKey:
            pages = domain.freedTable.map { [$0] } ?? []
        default:
            return []
        }
        return pages.filter { $0.state != .held(.tdr) }.map { PageAddress(rawValue: $0.address.rawValue) }
    }

    mutating func change(_ number: KeyID, _ change: @escaping @Sendable (inout KeyIDRow) -> Void) {
        keyIDChanges.append((number, change))
    }

    private mutating func noteKeyID(_ call: Call) {
        guard let number = domain.keyID else { return }
        switch call {
        case .create:
            let tdr = PageAddress<TDR>(rawValue: domain.pages[domain.firstReserved].address.rawValue)
            change(number) { row in
                row.state = .assigned
                row.tdr = tdr
            }
        case .configureKey(let package):
            change(number) { row in row.change(package) { $0.isConfigured = true } }
        case .flushDone:
            change(number) { $0.expectWriteBacks() }
        case .freeKey:
            change(number) { $0.release() }
            keyIDsToFree.append(number)
        default:
            break
        }
    }

    /// False if the call was a write-back that began before this TD's KeyID was flushed: that one has done nothing
    /// for this TD, whoever ended it.
    private mutating func noteWriteBack(_ call: Call) -> Bool {
        guard case .writeBack(let package, _) = call else { return true }
        writeBacksDone.append((package, writeBackCovers))
        return domain.keyID.map { writeBackCovers[$0] == domain.id } ?? false
    }

    private mutating func noteUnbinding(_ call: Call) {
        guard case .flushVCPU(let number) = call, let association = domain.vcpus[number].association else { return }
        unbound.append(association.processor)
    }
}
