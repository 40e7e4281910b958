public import TDXCalls
internal import Threading

/// The ordered leaves an operation will issue if nothing refuses, and what they take. It stays with the operation
/// and is part of its answer, so it does not grow with the number of vCPUs.
public struct Plan: Hashable, Sendable {
    public enum Where: String, Sendable {
        case anyProcessor, eachPackage, associatedProcessor, chosenProcessor
    }

    public struct Entry: Hashable, Sendable {
        public let leaf: Leaf
        public internal(set) var times: Int
        public let place: Where
    }

    /// Runs of one leaf are one entry.
    public internal(set) var entries: [Entry] = []
    /// Pages the plan takes from the host, by kind.
    public internal(set) var pages: [PageKind: Int] = [:]
    public internal(set) var keyIDs = 0
    /// MRTD as the operation will leave it, where it adds memory or finalises; computed for dry runs.
    public internal(set) var predictedMRTD: MeasurementID?

    public var callCount: Int { entries.reduce(0) { $0 + $1.times } }
    public var pageCount: Int { pages.values.reduce(0, +) }

    /// New vCPUs whose leaves are listed one after another; those of the rest are summed up by leaf.
    public static let vcpusInDetail = 64

    init(_ goal: Goal, for domain: Domain, on platform: Platform) {
        switch goal {
        case .step(let call, _, _):
            add(call)
        case .destroy:
            walk(goal, domain.withoutMemory, platform)
            addGuestReclaims(domain.memory.pages.reclaimCount)
        case .build(let stage, let specs):
            let rest = max(0, specs.count - Self.vcpusInDetail)
            walkBuild(min(stage, .initialized), specs.dropLast(rest), domain.withoutMemory, platform)
            guard stage.hasContents else { break }
            addVCPUs(specs.suffix(rest), domain, platform)
            addMemory(of: domain, domain.memory.regions.indices)
            if stage == .finalized { addFinalizing() }
        case .memory(let regions):
            addMemory(of: domain, regions)
        case .finalized:
            addFinalizing()
        case .vcpus(let first, let specs):
            let rest = max(0, first + specs.count - domain.vcpus.count - Self.vcpusInDetail)
            walk(.vcpus(first: first, specs: specs.dropLast(rest)), domain, platform)
            addVCPUs(specs.suffix(rest), domain, platform)
        }
    }

    /// The same leaves whatever else the TD is to be, so they are walked through once.
    private mutating func walkBuild(
        _ stage: BuildStage, _ specs: [VCPUSpec], _ domain: Domain, _ platform: Platform
    ) {
        let shape = BuildShape(
            stage: stage, vcpus: specs.count, tdcsPages: domain.tdcsPagesNeeded(platform.module),
            tdcxPages: domain.tdcxPagesNeeded(platform.module))
        let isNew = domain.td == nil && domain.pages.isEmpty && domain.vcpus.isEmpty
        if isNew, let known = platform.buildPlans.withLock({ $0[shape] }) {
            self = known
            return
        }
        walk(.build(until: stage, vcpus: specs), domain, platform)
        guard isNew else { return }
        platform.buildPlans.withLock { plans in
            if plans.count >= BuildShape.keptMax { plans = [:] }
            plans[shape] = self
        }
    }

    private mutating func addVCPUs(_ specs: ArraySlice<VCPUSpec>, _ domain: Domain, _ platform: Platform) {
        guard let spec = specs.first else { return }
        add(.createVCPU(spec), times: specs.count)
        add(.addTDCXPage(vcpu: 0), times: specs.count * domain.tdcxPagesNeeded(platform.module))
        add(.initializeVCPU(0), times: specs.count)
    }

    /// Walks the same decision the engine executes, over a copy of the row in which every call succeeds.
    private mutating func walk(_ goal: Goal, _ domain: Domain, _ platform: Platform) {
        var domain = domain
        var imagined: UInt64 = 0
        while let call = goal.next(for: domain, on: platform) {
            add(call)
            var accepted = Accepted.plain
            if call.takesPage {
                // Any distinct address will do: this copy never reaches a port.
                imagined += 1
                let address = PageAddress<AnyPage>(rawValue: 1 << 62 + imagined * UInt64(pageSizeBytes))
                let id = ResourceID(.page, UInt128(imagined))
                domain.pages.append(
                    Page(id: id, address: address, state: .reserved, vcpu: nil, since: 0, sinceTime: domain.createdAt))
                accepted =
                    call == .create ? .created(TD(tdr: PageAddress(rawValue: address.rawValue))) : .page(address)
            }
            domain.apply(
                call, accepted, on: domain.home, platform: platform, sequence: 0,
                time: WallTime(nanosecondsSince1970: 0))
        }
    }

    mutating func add(_ call: Call, times: Int = 1) {
        switch call {
        case .create:
            pages[.tdr, default: 0] += times
            keyIDs += times
        case .addTDCSPage: pages[.tdcs, default: 0] += times
        case .createVCPU: pages[.tdvpr, default: 0] += times
        case .addTDCXPage: pages[.tdcx, default: 0] += times
        default: break
        }
        let place: Where =
            switch call {
            case .configureKey, .writeBack: .eachPackage
            case .flushVCPU: .associatedProcessor
            case .initializeVCPU: .chosenProcessor
            default: .anyProcessor
            }
        if let last = entries.last, last.leaf == call.leaf {
            entries[entries.count - 1].times += times
        } else {
            entries.append(Entry(leaf: call.leaf, times: times, place: place))
        }
    }
}

/// All that the leaves of a creation hang on.
struct BuildShape: Hashable, Sendable {
    let stage: BuildStage
    let vcpus: Int
    let tdcsPages: Int
    let tdcxPages: Int

    /// Plans that are kept; when there are more, all are let go.
    static let keptMax = 256
}
