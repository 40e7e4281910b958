public import TDXCalls

/// What can be asked of a TD, by the name the API has for it.
public enum Action: String, CaseIterable, Sendable {
    case createVCPU = "create-vcpu"
    case addMemory = "add-memory"
    case finalize
    case delete
    case configureKey = "configure-key"
    case addTDCSPage = "add-tdcs-page"
    case initialize = "init"
    case flushDone = "flush-done"
    case writeBack = "write-back"
    case freeKey = "free-key"
    case reclaimPage = "reclaim-page"
    case writeBackTDR = "write-back-tdr"
    case readField = "read-field"
    case writeField = "write-field"

    /// The leaf behind a step; nil where the action is an intent of several.
    public var leaf: Leaf? {
        switch self {
        case .createVCPU, .addMemory, .delete: nil
        case .finalize: .mrFinalize
        case .configureKey: .mngKeyConfig
        case .addTDCSPage: .mngAddCX
        case .initialize: .mngInit
        case .flushDone: .mngVPFlushDone
        case .writeBack: .phymemCacheWB
        case .freeKey: .mngKeyFreeID
        case .reclaimPage: .phymemPageReclaim
        case .writeBackTDR: .phymemPageWBINVD
        case .readField: .mngRD
        case .writeField: .mngWR
        }
    }

    /// Whether it is a part of taking a TD down, which a fatal one allows.
    var takesDown: Bool {
        switch self {
        case .delete, .flushDone, .writeBack, .freeKey, .reclaimPage, .writeBackTDR: true
        case .createVCPU, .addMemory, .finalize, .configureKey, .addTDCSPage, .initialize, .readField, .writeField:
            false
        }
    }
}

extension Domain {
    /// Nil if the module would accept the action now, as far as the ledger knows; else why not.
    public func obstacle(to action: Action, on platform: Platform) -> String? {
        obstacle(to: action, on: platform, isExplained: true)
    }

    /// - Parameter isExplained: false if it is only asked whether there is one: no text is made up then.
    private func obstacle(to action: Action, on platform: Platform, isExplained: Bool) -> String? {
        func why(_ text: @autoclosure () -> String) -> String { isExplained ? text() : "" }
        if isDeleted { return "the TD is deleted" }
        if !quarantine.isEmpty { return "the TD is quarantined: what it holds is out of use for good" }
        if isFatal, !action.takesDown { return "the module declared the TD fatal: it can only be taken down" }
        if isAdopted, !action.takesDown, action != .readField {
            return "a daemon before this one built the TD, and what it planned is lost: it can be deleted"
        }
        switch action {
        case .delete:
            return nil
        case .createVCPU:
            if let reason = obstacleBeforeInitialized { return reason }
            if isFinalized { return "the TD is finalised: it gets no more vCPUs" }
            return vcpus.count < Int(spec.maxVCPUs) || vcpus.contains { $0.state == .uninitialized }
                ? nil : why("the TD has its \(spec.maxVCPUs) vCPUs")
        case .addMemory:
            return obstacleBeforeInitialized ?? (isFinalized ? "the TD is finalised: it gets no more memory" : nil)
        case .finalize:
            return obstacleToFinalizing
                ?? (memory.measurement.isDiverged
                    ? "memory was added in part, so that the measurement is not what was planned: it takes force" : nil)
        case .configureKey:
            return lifecycle == .hkidAssigned
                ? nil : why("TDH.MNG.KEY.CONFIG wants HKID_ASSIGNED; the TD is \(stateText)")
        case .addTDCSPage:
            return lifecycle == .keysConfigured && opState != .initialized && !isFinalized
                ? nil : why("TDH.MNG.ADDCX wants KEYS_CONFIGURED and no MNG.INIT yet; the TD is \(stateText)")
        case .initialize:
            guard lifecycle == .keysConfigured, opState != .initialized, !isFinalized else {
                return why("TDH.MNG.INIT wants KEYS_CONFIGURED and UNINITIALIZED; the TD is \(stateText)")
            }
            let needed = tdcsPagesNeeded(platform.module)
            return pageCount(.tdcs) >= needed ? nil : why("\(pageCount(.tdcs)) of \(needed) TDCS pages are added")
        case .flushDone:
            guard lifecycle == .hkidAssigned || lifecycle == .keysConfigured else {
                return why("TDH.MNG.VPFLUSHDONE wants HKID_ASSIGNED or KEYS_CONFIGURED; the TD is \(stateText)")
            }
            return associated.isEmpty
                ? nil : why("\(associated.count) vCPUs are associated with a processor: flush them")
        case .writeBack:
            return lifecycle == .blocked ? nil : why("there is nothing to write back; the TD is \(stateText)")
        case .freeKey:
            guard lifecycle == .blocked else { return why("TDH.MNG.KEY.FREEID wants BLOCKED; the TD is \(stateText)") }
            let missing = platform.packages.filter { !writtenBackPackages.contains($0) }.map { why("\($0.rawValue)") }
            return missing.isEmpty
                ? nil : why("caches of package \(missing.joined(separator: ", ")) are not written back")
        case .reclaimPage:
            return lifecycle == .teardown ? nil : why("TDH.PHYMEM.PAGE.RECLAIM wants TEARDOWN; the TD is \(stateText)")
        case .writeBackTDR:
            return pages.contains { $0.state == .reclaimedTDR } ? nil : "the TDR is not reclaimed yet"
        case .readField, .writeField:
            return obstacleBeforeInitialized
        }
    }

    /// Why the module would refuse TDH.MR.FINALIZE.
    var obstacleToFinalizing: String? {
        if let reason = obstacleBeforeInitialized { return reason }
        if isFinalized { return "the TD is finalised already" }
        return initializedVCPUs > 0 ? nil : "TDH.MR.FINALIZE wants a vCPU that is initialised; the TD has none"
    }

    private var obstacleBeforeInitialized: String? {
        guard lifecycle == .keysConfigured, opState == .initialized || opState == .runnable else {
            return "the TD is not initialised; it is \(stateText)"
        }
        return nil
    }

    public func allowedActions(on platform: Platform) -> [Action] {
        Action.allCases.filter { obstacle(to: $0, on: platform) == nil }
    }

    func wrongState(for action: Action, on platform: Platform) -> WrongState {
        WrongState(
            phase: phase, lifecycle: lifecycle, opState: opState, action: action,
            reason: obstacle(to: action, on: platform) ?? "the TD is \(stateText)",
            allowed: allowedActions(on: platform))
    }

    public var stateText: String {
        isDeleted ? "deleted" : opState.map { "\(lifecycle.rawValue) / \($0.rawValue)" } ?? lifecycle.rawValue
    }
}

/// What can be asked of a vCPU.
public enum VCPUAction: String, CaseIterable, Sendable {
    case addTDCXPage = "add-tdcx-page"
    case initialize = "init"
    case flush
    case readField = "read-field"
    case writeField = "write-field"
}

extension Domain {
    public func allowedActions(vcpu number: Int, on platform: Platform) -> [VCPUAction] {
        guard !isDeleted, quarantine.isEmpty, lifecycle == .keysConfigured, number < vcpus.count else { return [] }
        let vcpu = vcpus[number]
        if isFatal || isAdopted { return vcpu.association == nil ? [] : [.flush] }
        switch vcpu.state {
        case .uninitialized:
            return vcpu.vp.tdcx.count < tdcxPagesNeeded(platform.module) ? [.addTDCXPage] : [.addTDCXPage, .initialize]
        case .ready, .disabled:
            let fields: [VCPUAction] = [.readField, .writeField]
            return vcpu.association == nil ? fields : [.flush] + fields
        case .active:
            return []
        }
    }
}
