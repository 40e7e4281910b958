public import TDXCalls
internal import Threading

/// One leaf the engine may issue for a TD, in the engine's terms: the third translation, leaf to registers,
/// is the wrappers'.
public enum Call: Hashable, Sendable {
    case create
    case configureKey(Package)
    case addTDCSPage
    case initialize
    case createVCPU(VCPUSpec)
    case addTDCXPage(vcpu: Int)
    case initializeVCPU(Int)
    case flushVCPU(Int)
    case flushDone
    case writeBack(Package, resume: Bool)
    case freeKey
    case reclaimPage(ResourceID)
    case writeBackTDR
    case addTable(SEPTTable)
    /// The next page of a region that the TD gets, by place among the TD's regions.
    case addPage(region: Int)
    /// The region's next chunk, into the measurement.
    case extend(region: Int)
    /// A region's next large page, of 512 small ones.
    case promote(region: Int)
    /// Of the page of the table that this made superfluous.
    case writeBackTable
    case finalize
    /// Eight bytes of MRTD, by place.
    case readMRTD(Int)

    public var leaf: Leaf {
        switch self {
        case .create: .mngCreate
        case .configureKey: .mngKeyConfig
        case .addTDCSPage: .mngAddCX
        case .initialize: .mngInit
        case .createVCPU: .vpCreate
        case .addTDCXPage: .vpAddCX
        case .initializeVCPU: .vpInit
        case .flushVCPU: .vpFlush
        case .flushDone: .mngVPFlushDone
        case .writeBack: .phymemCacheWB
        case .freeKey: .mngKeyFreeID
        case .reclaimPage: .phymemPageReclaim
        case .writeBackTDR: .phymemPageWBINVD
        case .addTable: .memSEPTAdd
        case .addPage: .memPageAdd
        case .extend: .mrExtend
        case .promote: .memPagePromote
        case .writeBackTable: .phymemPageWBINVD
        case .finalize: .mrFinalize
        case .readMRTD: .mngRD
        }
    }

    /// What the leaf holds of the module's key table while it runs.
    var keyTableMode: KeyTableLock.Mode? {
        switch self {
        case .create, .flushDone, .freeKey: .exclusive
        case .writeBack: .shared
        default: nil
        }
    }

    /// What it is a part of, by the name the API has for it.
    var action: Action {
        switch self {
        case .create, .createVCPU, .addTDCXPage, .initializeVCPU: .createVCPU
        case .configureKey: .configureKey
        case .addTDCSPage: .addTDCSPage
        case .initialize: .initialize
        case .flushVCPU, .flushDone: .flushDone
        case .writeBack: .writeBack
        case .freeKey: .freeKey
        case .reclaimPage: .reclaimPage
        case .writeBackTDR: .writeBackTDR
        case .addTable, .addPage, .extend, .promote, .writeBackTable: .addMemory
        case .finalize, .readMRTD: .finalize
        }
    }

    /// Whether the leaf takes a page of the host's.
    var takesPage: Bool {
        switch self {
        case .create, .addTDCSPage, .createVCPU, .addTDCXPage, .addTable, .addPage: true
        default: false
        }
    }
}

/// What an operation works towards.
public enum Goal: Sendable {
    /// A TD at a stage, with vCPUs if it is to be initialised.
    case build(until: BuildStage, vcpus: [VCPUSpec])
    /// These vCPUs, by number: existing ones are brought on, missing ones made.
    case vcpus(first: Int, specs: [VCPUSpec])
    /// These of the TD's regions of guest memory.
    case memory(Range<Int>)
    /// A measurement that is closed and read back.
    case finalized
    /// Nothing left.
    case destroy
    /// One leaf, whatever it does: a lab step.
    case step(Call, on: Processor?, recover: Bool)
}

extension Goal {
    /// The next leaf on the way, or nil if there is none. A pure function of the ledger's row: plan, dry run,
    /// execution, resumption and rollback all ask here, so they cannot disagree.
    func next(for domain: Domain, on platform: Platform) -> Call? {
        switch self {
        case .build(let stage, let vcpus):
            if let call = domain.nextBuildCall(until: stage, on: platform) { return call }
            guard stage.hasContents else { return nil }
            return domain.nextVCPUCall(first: 0, specs: vcpus, on: platform)
                ?? domain.nextMemoryCall(domain.memory.regions.indices)
                ?? (stage == .finalized ? domain.nextFinalizingCall : nil)
        case .vcpus(let first, let specs):
            return domain.nextVCPUCall(first: first, specs: specs, on: platform)
        case .memory(let regions):
            return domain.nextMemoryCall(regions)
        case .finalized:
            return domain.nextFinalizingCall
        case .destroy:
            return domain.nextTeardownCall(on: platform)
        case .step(let call, _, _):
            return call
        }
    }
}

/// What the engine knows of the machine, fixed at start, and held by reference: every call asks it.
public final class Platform: Sendable {
    public let processors: [ProcessorInfo]
    /// Ascending.
    public let packages: [Package]
    public let module: ModuleInformation
    /// What building a TD from nothing takes; most are built alike.
    let buildPlans = Locked<[BuildShape: Plan]>([:])

    public init(host: any HostPort) {
        processors = host.processors
        packages = Array(Set(host.processors.map(\.package))).sorted()
        module = host.module
    }

    public func package(of processor: Processor) -> Package? {
        processors.first { $0.processor == processor }?.package
    }
}

extension Domain {
    fileprivate func nextBuildCall(until stage: BuildStage, on platform: Platform) -> Call? {
        switch lifecycle {
        case .none:
            return td == nil ? .create : nil
        case .hkidAssigned:
            guard stage > .tdrCreated else { return nil }
            return platform.packages(from: home).first { !configuredPackages.contains($0) }.map(Call.configureKey)
        case .keysConfigured:
            guard stage > .keysConfigured else { return nil }
            if pageCount(.tdcs) < tdcsPagesNeeded(platform.module) { return .addTDCSPage }
            guard stage > .tdcsAdded else { return nil }
            return opState == .uninitialized ? .initialize : nil
        case .blocked, .teardown:
            return nil
        }
    }

    fileprivate func nextVCPUCall(first: Int, specs: [VCPUSpec], on platform: Platform) -> Call? {
        // vCPUs are brought up one after another, so those before the first unfinished one need no look.
        for number in max(first, min(initializedVCPUs, vcpus.count))..<max(first + specs.count, initializedVCPUs) {
            guard number < vcpus.count else { return .createVCPU(specs[number - first]) }
            if let call = nextCall(forVCPU: number, on: platform) { return call }
        }
        // A lab may have initialised them out of order.
        return vcpus.dropFirst(first).prefix(specs.count).first { $0.state == .uninitialized }
            .flatMap { nextCall(forVCPU: $0.number, on: platform) }
    }

    private func nextCall(forVCPU number: Int, on platform: Platform) -> Call? {
        guard vcpus[number].state == .uninitialized else { return nil }
        if vcpus[number].vp.tdcx.count < tdcxPagesNeeded(platform.module) { return .addTDCXPage(vcpu: number) }
        return .initializeVCPU(number)
    }

    /// FREEID needs all write-backs; write-backs need VPFLUSHDONE; that needs no vCPU associated; RECLAIM
    /// needs FREEID; the TDR needs all children gone; its write-back needs it free.
    fileprivate func nextTeardownCall(on platform: Platform) -> Call? {
        switch lifecycle {
        case .hkidAssigned, .keysConfigured:
            return associated.last.map(Call.flushVCPU) ?? .flushDone
        case .blocked:
            if let package = platform.packages(from: home).first(where: { !writtenBackPackages.contains($0) }) {
                return .writeBack(package, resume: false)
            }
            return .freeKey
        case .teardown:
            // Guest memory first, as KVM does.
            if let page = memory.pages.last { return .reclaimPage(page.id) }
            // Latest first: each vCPU's TDCX pages before its TDVPR, the TD's own after those, the TDR last.
            guard let page = pages.last(where: \.isHeld) else { return nil }
            return page.state == .held(.tdr) && pages.contains(where: \.blocksTDR) ? nil : .reclaimPage(page.id)
        case .none:
            return pages.contains { $0.state == .reclaimedTDR } ? .writeBackTDR : nil
        }
    }
}

extension Page {
    fileprivate var isHeld: Bool { if case .held = state { true } else { false } }

    /// A quarantined child keeps the TDR's child count up: reclaiming the TDR would only be refused.
    fileprivate var blocksTDR: Bool {
        if case .quarantined(let kind) = state { kind != .tdr } else { false }
    }
}
