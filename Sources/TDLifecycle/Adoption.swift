internal import Logging
public import TDXCalls
internal import Threading

// TDs that a daemon before this one built. No more is known of them than what the back end has kept and what the module
// can be asked: enough to delete them.

extension Engine {
    /// Makes rows of what the host still holds. To be called once, before anything is asked of the engine.
    ///
    /// Each TD is shown in phase `unknown` and can be deleted; where something of it is in doubt, all of it is in
    /// quarantine, as it would be had this daemon made the call.
    ///
    /// - Returns: the TDs.
    @discardableResult
    public func adopt(_ inventory: HostInventory) -> [ResourceID] {
        let findings = Findings(inventory)
        var adopted: [ResourceID] = []
        for holding in findings.tds {
            let id = take(holding)
            adopted.append(id)
            probe(id)
        }
        if let strays = findings.strays { adopted.append(take(strays)) }
        for id in adopted { logAdoption(id) }
        return adopted
    }

    private func take(_ holding: Holding) -> ResourceID {
        transact(.durable) { state, transaction in
            var domain = Domain(
                id: ids.next(.td), name: nil, labels: [:], createdAt: transaction.now, createdBy: Self.nobody,
                spec: .unknown(platform.module, vcpus: holding.vcpus.count), home: state.placement.leastLoaded())
            domain.isAdopted = true
            fill(&domain, holding, transaction)
            state.placement.add(domain.home)
            for number in domain.associated {
                if let association = domain.vcpus[number].association { state.placement.add(association.processor) }
            }
            state.ledger.changeHeld(by: domain.pages.count)
            for held in holding.keyIDs {
                domain.keyID = held.number
                let (owner, tdr) = (domain.id, domain.td?.tdr)
                state.updateKeyID(held.number, &transaction) { row in
                    row.state = .assigned
                    row.owner = owner
                    row.tdr = tdr
                }
            }
            if holding.isDoubtful { quarantine(&domain, holding, &state, &transaction) }
            state.put(domain, &transaction)
            return domain.id
        }
    }

    /// Who created what another daemon built.
    private static var nobody: String { "unknown" }

    private func fill(_ domain: inout Domain, _ holding: Holding, _ transaction: Transaction) {
        func add(_ page: HeldPage, _ kind: PageKind, vcpu: Int? = nil) {
            domain.pages.append(
                Page(
                    id: ids.next(.page), address: page.address, state: .held(kind), vcpu: vcpu,
                    since: transaction.sequence, sinceTime: transaction.now))
            domain.heldCounts[kind] += 1
        }
        if let tdr = holding.tdr {
            add(tdr, .tdr)
            domain.td = TD(tdr: PageAddress(rawValue: tdr.address.rawValue))
        }
        for page in holding.tdcs {
            add(page, .tdcs)
            domain.td?.tdcs.append(PageAddress(rawValue: page.address.rawValue))
        }
        for vcpu in holding.vcpus {
            let number = domain.vcpus.count
            add(vcpu.tdvpr, .tdvpr, vcpu: number)
            var vp = VP(tdvpr: PageAddress(rawValue: vcpu.tdvpr.address.rawValue))
            for page in vcpu.tdcx {
                add(page, .tdcx, vcpu: number)
                vp.tdcx.append(PageAddress(rawValue: page.address.rawValue))
            }
            domain.vcpus.append(VCPU(number: number, createdAt: transaction.now, spec: VCPUSpec(), vp: vp))
            guard let processor = vcpu.tdvpr.processor else { continue }
            domain.vcpus[number].state = .ready
            domain.initializedVCPUs += 1
            domain.associate(number, with: processor, by: .vpInit, platform, transaction.sequence)
        }
        for page in holding.looseTDCX { add(page, .tdcx) }
        for page in holding.sept { add(page, .sept) }
        for page in holding.guest { add(page, .guest) }
        for page in holding.doubtful { add(page, page.address == holding.root ? .tdr : page.likelyKind) }
        domain.firstReserved = domain.pages.count
        // Without a KeyID it has been taken down that far; with one, the module is asked next.
        domain.lifecycle = holding.keyIDs.isEmpty ? .teardown : holding.tdcs.isEmpty ? .hkidAssigned : .keysConfigured
    }

    /// Something is in doubt, so nothing of the TD is touched again.
    private func quarantine(
        _ domain: inout Domain, _ holding: Holding, _ state: inout EngineState, _ transaction: inout Transaction
    ) {
        let doubts = Dictionary(
            holding.pages.compactMap { page in page.doubt.map { (page.address, $0) } },
            uniquingKeysWith: { first, _ in first })
        let keyDoubts = holding.keyIDs.compactMap(\.doubt)
        let cause =
            doubts.values.first ?? keyDoubts.first
            ?? HoldingDoubt(reason: "whose it is cannot be known", leaf: .mngCreate, completion: nil)
        for place in domain.pages.indices {
            guard case .held(let kind) = domain.pages[place].state else { continue }
            let doubt = doubts[domain.pages[place].address]
            domain.heldCounts[kind] -= 1
            domain.pages[place].state = .quarantined(kind)
            domain.quarantine.append(
                Quarantined(
                    thing: .page(domain.pages[place].id), record: nil, leaf: (doubt ?? cause).leaf,
                    completion: (doubt ?? cause).completion, at: transaction.now,
                    reason: doubt?.reason ?? "its TD is in doubt: \(cause.reason)"))
        }
        state.ledger.quarantine(pages: domain.pages.count)
        for held in holding.keyIDs {
            let doubt = held.doubt ?? cause
            let (at, reason) = (transaction.now, held.doubt?.reason ?? "its TD is in doubt: \(cause.reason)")
            state.updateKeyID(held.number, &transaction) { row in
                row.state = .quarantined
                row.lastFailure = KeyIDRow.Failure(
                    record: nil, leaf: doubt.leaf, completion: doubt.completion, at: at, reason: reason)
            }
            domain.quarantine.append(
                Quarantined(
                    thing: .keyID(held.number), record: nil, leaf: doubt.leaf, completion: doubt.completion,
                    at: transaction.now, reason: reason))
        }
        for number in domain.associated {
            if let association = domain.vcpus[number].association { state.placement.remove(association.processor) }
            domain.vcpus[number].association = nil
        }
        domain.associated = []
    }

    private func logAdoption(_ id: ResourceID) {
        guard let domain = state.withLock({ $0.domains[id]?.value }) else { return }
        logger.notice(
            "TD taken over",
            metadata: [
                "td": "\(id)", "phase": "\(domain.phase.rawValue)", "state": "\(domain.stateText)",
                "source": "\(domain.stateSource.rawValue)", "pages": "\(domain.pages.count)",
                "quarantined": "\(domain.quarantine.count)",
            ])
    }

    // MARK: Asking the module

    /// Asks the module how far the TD is: MNG.RD answers once it is initialised, and its refusals tell the rest. Nothing else
    /// does, so it is asked even where some packages lack the key.
    private func probe(_ id: ResourceID) {
        guard let domain = state.withLock({ $0.domains[id]?.value }), let td = domain.td, domain.quarantine.isEmpty,
            domain.lifecycle != .teardown, platform.module.leaves.contains(Leaf.mngRD.number)
        else { return }
        let log = AttemptLog(calls, environment)
        let module = TDXModule(calls: log, host: host)
        let context = CallContext(
            td: id, operation: nil, requester: Requester(principal: Self.nobody, requestID: ids.next(.request)))
        var records: [CallRecord] = []
        func read(_ name: String) -> Result<UInt64, SEAMCALLError>? {
            guard let field = FieldInfo.named(name, in: .td) else { return nil }
            let answer = Result { () throws(SEAMCALLError) in
                try module.tdh_mng_rd(td, field.id, on: domain.home)
            }
            let handling: CallRecord.Handling = if case .success = answer { .accepted } else { .failed }
            records += log.take().map { seen in
                CallRecord(
                    seen, id: ids.next(.seamcall), in: context, package: platform.package(of: seen.processor),
                    attempt: 1, as: handling, keyID: domain.keyID)
            }
            return answer
        }
        guard let state = read("OP_STATE") else { return }
        var finding = Finding(state)
        if case .success = state {
            finding.attributes = try? read("ATTRIBUTES")?.get()  // Without it the spec shows what it showed.
            finding.xfam = try? read("XFAM")?.get()
            finding.maxVCPUs = try? read("MAX_VCPUS")?.get()
        }
        transact(.durable, records: records) { state, transaction in
            guard var row = state.domains[id]?.value else { return }
            finding.apply(to: &row, platform)
            if let number = row.keyID {
                let (configured, isBlocked) = (row.configuredPackages, row.lifecycle == .blocked)
                state.updateKeyID(number, &transaction) { keyID in
                    for package in configured { keyID.change(package) { $0.isConfigured = true } }
                    if isBlocked { keyID.expectWriteBacks() }
                }
            }
            state.put(row, &transaction)
        }
    }
}

/// What the module said of a TD when it was asked.
private struct Finding {
    var lifecycle: Lifecycle?
    var opState: OpState?
    /// The KeyID has no keys yet, or is flushed.
    var lacksKeys = false
    var isFatal = false
    var attributes: UInt64?
    var xfam: UInt64?
    var maxVCPUs: UInt64?

    /// From INITIALIZED on there is a number; see the field's table. RUNNABLE is what MR.FINALIZE makes of a TD.
    private static let runnable: UInt64 = 2

    init(_ answer: Result<UInt64, SEAMCALLError>) {
        switch answer {
        case .success(let number):
            lifecycle = .keysConfigured
            opState = number >= Self.runnable ? .runnable : .initialized
        case .failure(let error):
            guard let completion = error.completion else { return }
            isFatal = completion.isFatal
            switch completion {
            case .opStateIncorrect:
                lifecycle = .keysConfigured
                opState = .uninitialized
            case .tdcsNotAllocated:
                lifecycle = .keysConfigured
            case .tdKeysNotConfigured:
                lacksKeys = true
            default:
                break
            }
        }
    }

    func apply(to row: inout Domain, _ platform: Platform) {
        if isFatal { row.isFatal = true }
        // A TDCS page is taken only once every package has the key, so a TD that has one and no keys was blocked since.
        // Without one it may be before its keys or after VPFLUSHDONE, and which packages have the key nobody can say:
        // that leaf will tell.
        if lacksKeys, row.pageCount(.tdcs) > 0 {
            row.lifecycle = .blocked
            row.configuredPackages = Set(platform.packages)
        }
        guard let lifecycle else { return }
        row.lifecycle = lifecycle
        // KEYS_CONFIGURED is what a TD becomes with the last package's key.
        row.configuredPackages = Set(platform.packages)
        row.opState = opState
        row.stateSource = .read
        if let attributes { row.spec.attributes = TDAttributes(rawValue: attributes) }
        if let xfam { row.spec.xfam = XFAM(rawValue: xfam) }
        if let maxVCPUs, maxVCPUs > 0 { row.spec.maxVCPUs = UInt16(clamping: maxVCPUs) }
    }
}

extension TDSpec {
    /// What stands where nobody knows what was asked for.
    fileprivate static func unknown(_ module: ModuleInformation, vcpus: Int) -> TDSpec {
        TDSpec(
            attributes: [], xfam: [.x87, .sse], maxVCPUs: UInt16(clamping: max(vcpus, 1)), numL2VMs: 0,
            gpaWidthBits: 48, eptLevels: 4,
            tscFrequencyKHz: module.tscFrequencyKHz / tscUnitKHz * tscUnitKHz, noRBPMod: false,
            flexiblePendingVE: false, mrConfigID: .zero, mrOwner: .zero, mrOwnerConfig: .zero,
            ia32ArchCapabilities: nil, cpuid: [], vcpuCount: vcpus, buildUntil: .tdrCreated)
    }
}

extension HeldPage {
    /// What a page in doubt was, or would be, had the call been accepted that was to take it from the host.
    fileprivate var likelyKind: PageKind {
        switch was {
        case .tdr: return .tdr
        case .tdcs: return .tdcs
        case .tdvpr: return .tdvpr
        case .tdcx: return .tdcx
        case .sept: return .sept
        case .guest, .returned, .doubtful: return .guest
        case nil: break
        }
        return switch doubt?.leaf?.number {
        case Leaf.mngCreate.number: .tdr
        case Leaf.mngAddCX.number: .tdcs
        case Leaf.vpCreate.number: .tdvpr
        case Leaf.vpAddCX.number: .tdcx
        case Leaf.memSEPTAdd.number: .sept
        default: .guest
        }
    }
}
