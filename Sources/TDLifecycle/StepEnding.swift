internal import TDXCalls
internal import Threading

// How a step's operation ends: what goes back to the host, what is left, what is quarantined.

extension Step {
    /// The goal has no next call: the operation is done, or what it had to take back is taken back.
    mutating func finish() -> End {
        switch operation.goal {
        case .build:
            return end(.succeeded, nil)
        case .vcpus:
            if let failure = operation.failure {
                return end(operation.isCancelRequested ? .cancelled : .failed, failure)
            }
            domain.interruptedVCPUs = nil
            return end(.succeeded, nil)
        case .step:
            return end(.succeeded, nil)
        case .destroy:
            releaseReserved()
            if operation.rollback == .running { operation.rollback = domain.quarantine.isEmpty ? .done : .incomplete }
            guard domain.quarantine.isEmpty else {
                return end(.quarantined, operation.failure ?? .quarantined(domain.quarantine, nil))
            }
            domain.deletedAt = now
            guard let failure = operation.failure else { return end(.succeeded, nil) }
            return end(operation.isCancelRequested ? .cancelled : .failed, failure)
        }
    }

    mutating func end(_ state: Operation.State, _ failure: LifecycleError?) -> End {
        releaseReserved()
        operation.state = state
        operation.failure = failure
        operation.endedAt = now
        operation.stuck = nil
        operation.progress.step = nil
        if state != .succeeded { noteResidue() }
        // A lab may have taken everything back by itself.
        if case .step = operation.goal, domain.td == nil, domain.pages.isEmpty, domain.quarantine.isEmpty {
            domain.deletedAt = now
        }
        domain.activeOperation = nil
        return .ended
    }

    /// Pages and a KeyID that were taken for calls that were not accepted go back unused.
    private mutating func releaseReserved() {
        pagesToFree += domain.pages[domain.firstReserved...].map { PageAddress(rawValue: $0.address.rawValue) }
        domain.pages.removeSubrange(domain.firstReserved...)
        if domain.td == nil, domain.lifecycle == .none, let number = domain.keyID {
            domain.keyID = nil
            keyIDsToFree.append(number)
            keyIDChanges.append((number, { $0.release(neverUsed: true) }))
        }
    }

    private mutating func noteResidue() {
        let mine = operation.vcpus.map { domain.vcpus.indices.clamped(to: $0) } ?? 0..<0
        let isGone = operation.rollback == .done
        let created = isGone ? [] : Array(mine)
        let residue = Residue(
            vcpusCreated: created,
            vcpusInitialized: created.filter { domain.vcpus[$0].state != .uninitialized },
            pages: isGone ? 0 : created.reduce(0) { $0 + 1 + domain.vcpus[$1].vp.tdcx.count },
            quarantined: domain.quarantine)
        if !residue.isEmpty { operation.residue = residue }
        if operation.kind == .createVCPUs { domain.interruptedVCPUs = operation.vcpus }
    }

    // MARK: Teardown

    /// How often a teardown may start over because the module knows of something the ledger does not.
    private static var correctionsMax: Int { 2 }

    mutating func teardownRefused(_ call: Call, _ failure: LifecycleError) -> End? {
        let record = failure.record
        switch (call, record?.completion) {
        case (.flushDone, .flushVPNotDone?) where operation.corrections < Self.correctionsMax:
            // A vCPU is with a processor the ledger does not know of: ask on every one.
            operation.corrections += 1
            sweepFlush()
            return nil
        case (.freeKey, .wbCacheNotComplete?) where operation.corrections < Self.correctionsMax:
            operation.corrections += 1
            domain.writtenBackPackages = []
            if let number = domain.keyID {
                keyIDChanges.append(
                    (number, { row in for i in row.packages.indices { row.packages[i].writeBack = .pending } }))
            }
            return nil
        case (.reclaimPage(let id), _):
            quarantine(page: id, call, record)
            return nil
        case (.writeBackTDR, _):
            if let page = domain.pages.first(where: { $0.state == .reclaimedTDR }) {
                quarantine(page: page.id, call, record)
            }
            return nil
        default:
            quarantineAll(call, record)
            if operation.rollback == .running { operation.rollback = .incomplete }
            return end(.quarantined, operation.failure ?? failure)
        }
    }

    /// TDH.VP.FLUSH of every vCPU on every processor; those that were not there say so and nothing happens.
    private mutating func sweepFlush() {
        for number in domain.vcpus.indices {
            for processor in engine.platform.processors.map(\.processor) {
                let call = Call.flushVCPU(number)
                switch module.issue(call, for: domain, on: processor) {
                case .accepted: take(call, as: nil)
                case .refused: take(call, as: .treatedAsDone)
                }
            }
        }
    }

    private mutating func quarantine(page id: ResourceID, _ call: Call, _ record: CallRecord?) {
        guard let place = domain.pages.firstIndex(where: { $0.id == id }) else { return }
        let kind = domain.pages[place].kind
        if case .held(let held) = domain.pages[place].state { domain.heldCounts[held, default: 0] -= 1 }
        domain.pages[place].state = .quarantined(kind)
        domain.pages[place].since = record?.sequence ?? engine.nextSequence()
        domain.pages[place].sinceTime = now
        pagesQuarantined += 1
        domain.quarantine.append(
            Quarantined(
                thing: .page(id), record: record?.id, leaf: call.leaf, completion: record?.completion, at: now))
    }

    /// The TD cannot be taken down: everything it holds is out of use for good, with the call that failed.
    mutating func quarantineAll(_ call: Call, _ record: CallRecord?) {
        releaseReservedIfUntouched(by: call)
        for page in domain.pages {
            if case .quarantined = page.state { continue }
            quarantine(page: page.id, call, record)
        }
        domain.firstReserved = domain.pages.count
        guard let number = domain.keyID else { return }
        keyIDChanges.append((number, { $0.state = .quarantined }))
        domain.quarantine.append(
            Quarantined(
                thing: .keyID(number), record: record?.id, leaf: call.leaf, completion: record?.completion, at: now))
    }

    /// Pages no call has touched are still ours, whatever became of the others.
    private mutating func releaseReservedIfUntouched(by call: Call) {
        let untouched = domain.firstReserved + (call.takesPage ? 1 : 0)
        guard untouched < domain.pages.count else { return }
        pagesToFree += domain.pages[untouched...].map { PageAddress(rawValue: $0.address.rawValue) }
        domain.pages.removeSubrange(untouched...)
    }
}

extension Step {
    // MARK: Records

    /// Turns what the port saw of a call into records. All tries but the last were for entropy.
    @discardableResult
    mutating func take(_ call: Call, as handling: CallRecord.Handling?, attempt: Int? = nil) -> CallRecord {
        let attempts = log.take()
        let first = attempt ?? (operation.retry?.attempts ?? 0) + 1
        for (offset, seen) in attempts.enumerated() {
            let isLast = offset == attempts.count - 1
            records.append(
                record(seen, of: call, attempt: first + offset, as: isLast ? handling ?? seen.handling : .retried))
        }
        guard let last = records.last else { preconditionFailure("a call that was issued left no trace") }
        return last
    }

    private func record(
        _ seen: Attempt, of call: Call, attempt: Int, as handling: CallRecord.Handling
    ) -> CallRecord {
        let argument = call.page(of: domain)
        return CallRecord(
            id: engine.ids.next(.seamcall), sequence: engine.nextSequence(), at: seen.at,
            durationNanos: seen.durationNanos, leaf: seen.leaf, processor: seen.processor,
            package: engine.platform.package(of: seen.processor), attempt: attempt, repeats: 0, td: domain.id,
            operation: operation.id, requester: operation.requester, input: CallRegisters(seen.input),
            output: CallRegisters(seen.output), result: seen.result, handledAs: handling, page: argument,
            keyID: domain.keyID, vcpu: call.vcpu(of: domain))
    }
}

extension Attempt {
    /// Success with information means that what was wanted is so already.
    var handling: CallRecord.Handling {
        if case .completion(let completion) = result, !completion.isSuccess { .treatedAsDone } else { .accepted }
    }
}

extension Call {
    /// The page the call is about, as the rows stand before it.
    func page(of domain: Domain) -> CallRecord.PageArgument? {
        let page: Page?
        let kind: PageKind?
        switch self {
        case .create: (page, kind) = (domain.nextReserved, .tdr)
        case .addTDCSPage: (page, kind) = (domain.nextReserved, .tdcs)
        case .createVCPU: (page, kind) = (domain.nextReserved, .tdvpr)
        case .addTDCXPage: (page, kind) = (domain.nextReserved, .tdcx)
        case .reclaimPage(let id):
            page = domain.page(id)
            kind = page?.kind
        case .writeBackTDR:
            page = domain.pages.first { $0.state == .reclaimedTDR }
            kind = .tdr
        default: return nil
        }
        return page.map { CallRecord.PageArgument(id: $0.id, kind: kind, address: $0.address) }
    }

    func vcpu(of domain: Domain) -> Int? {
        switch self {
        case .createVCPU: domain.vcpus.count
        case .addTDCXPage(let number), .initializeVCPU(let number), .flushVCPU(let number): number
        default: nil
        }
    }
}

extension Domain {
    fileprivate var nextReserved: Page? { pagesReserved > 0 ? pages[firstReserved] : nil }

    /// Where a call runs: where it must, where it was asked for, or at home.
    func processor(for call: Call, asked: Processor?, _ platform: Platform, _ placement: Placement) -> Processor {
        switch call {
        case .configureKey(let package), .writeBack(let package, _):
            if let asked, platform.package(of: asked) == package { return asked }
            return platform.processor(in: package, home: home)
        case .flushVCPU(let number):
            return asked ?? vcpus[number].association?.processor ?? home
        case .initializeVCPU(let number):
            return asked ?? vcpus[number].spec.processor ?? placement.leastLoaded()
        default:
            return asked ?? home
        }
    }
}

extension KeyIDRow {
    mutating func change(_ package: Package, _ change: (inout PackageState) -> Void) {
        if let place = packages.firstIndex(where: { $0.package == package }) { change(&packages[place]) }
    }

    /// Back to the free ones.
    mutating func release(neverUsed: Bool = false) {
        state = .free
        owner = nil
        tdr = nil
        if !neverUsed { reuseCount += 1 }
        for place in packages.indices {
            packages[place].isConfigured = false
            packages[place].writeBack = .notNeeded
        }
    }
}

extension CallRecord {
    /// The record a dry run shows: what would be issued, and no answer.
    static func planned(
        _ call: Call, for domain: Domain, on processor: Processor, _ platform: Platform, by requester: Requester,
        now: WallTime
    ) -> CallRecord {
        CallRecord(
            id: ResourceID(.seamcall, 0), sequence: 0, at: now, durationNanos: 0, leaf: call.leaf,
            processor: processor, package: platform.package(of: processor), attempt: 0, repeats: 0, td: domain.id,
            operation: nil, requester: requester,
            input: CallRegisters(call.plannedRegisters(for: domain)), output: CallRegisters(Registers()),
            result: .port(PortError(.notExecuted, "a dry run issues nothing")), handledAs: .planned,
            page: call.page(of: domain), keyID: domain.keyID, vcpu: call.vcpu(of: domain))
    }
}

extension Call {
    /// What can be said of the input registers before pages and parameters are taken.
    fileprivate func plannedRegisters(for domain: Domain) -> Registers {
        let tdr = domain.td?.tdr.rawValue ?? 0
        switch self {
        case .create: return Registers()
        case .configureKey, .flushDone, .freeKey, .initialize: return Registers(rcx: tdr)
        case .addTDCSPage, .createVCPU: return Registers(rdx: tdr)
        case .addTDCXPage(let number): return Registers(rdx: domain.vcpus[number].vp.tdvpr.rawValue)
        case .initializeVCPU(let number):
            let vcpu = domain.vcpus[number]
            return Registers(
                rcx: vcpu.vp.tdvpr.rawValue, rdx: vcpu.spec.initialRCX, r8: UInt64(vcpu.spec.x2apicID ?? 0))
        case .flushVCPU(let number): return Registers(rcx: domain.vcpus[number].vp.tdvpr.rawValue)
        case .writeBack(_, let resume): return Registers(rcx: resume ? 1 : 0)
        case .reclaimPage(let id): return Registers(rcx: domain.page(id)?.address.rawValue ?? 0)
        case .writeBackTDR: return Registers(rcx: tdr)
        }
    }
}
