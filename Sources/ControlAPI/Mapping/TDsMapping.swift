internal import ControlSchema
internal import TDLifecycle
internal import TDXCalls

extension ControlSchema.TD {
    init(_ domain: Domain, _ platform: TDLifecycle.Platform) { self.init(domain, platform, TDFacts(domain)) }

    /// - Parameter facts: the domain's own, or blanks in their place.
    init(_ domain: Domain, _ platform: TDLifecycle.Platform, _ facts: TDFacts) {
        let path = "/tds/" + facts.id
        var links = ["self": path, "vcpus": path + "/vcpus", "pages": path + "/pages"]
        links["memory"] = path + "/memory"
        links["measurement"] = path + "/measurement"
        links["actions"] = path + "/actions"
        links["seamcalls"] = "/seamcalls?td=" + facts.id
        if let operation = facts.operation { links["operation"] = "/operations/" + operation }
        self.init(
            id: facts.id, name: facts.name, labels: domain.labels, revision: facts.revision,
            createdAt: facts.createdAt, createdBy: domain.createdBy, deletedAt: facts.deletedAt,
            spec: EffectiveSpec(domain.spec), status: TDStatus(domain, platform, facts), links: links)
    }
}

extension EffectiveSpec {
    init(_ spec: TDLifecycle.TDSpec) {
        self.init(
            attributes: HexValue(spec.attributes.rawValue), xfam: HexValue(spec.xfam.rawValue),
            maxVcpus: Int(spec.maxVCPUs), numL2Vms: Int(spec.numL2VMs), gpaWidthBits: Int(spec.gpaWidthBits),
            eptLevels: Int(spec.eptLevels), tscFrequencyKhz: Int(spec.tscFrequencyKHz), noRbpMod: spec.noRBPMod,
            flexiblePendingVe: spec.flexiblePendingVE, mrConfigId: Hex384(spec.mrConfigID),
            mrOwner: Hex384(spec.mrOwner), mrOwnerConfig: Hex384(spec.mrOwnerConfig),
            ia32ArchCapabilities: spec.ia32ArchCapabilities.map {
                ArchCapabilities(enabled: true, value: HexValue($0))
            },
            cpuid: spec.cpuid.isEmpty ? nil : spec.cpuid.map { ControlSchema.CPUIDSetting($0) },
            vcpuCount: spec.vcpuCount,
            memory: spec.memory.isEmpty ? nil : spec.memory.map { MemoryRegionSpec($0) },
            buildUntil: ControlSchema.BuildStage(rawValue: spec.buildUntil.rawValue))
    }
}

extension Hex384 {
    /// Nil for all zeroes: absent means zero in requests, and so in answers.
    fileprivate init?(_ id: MeasurementID) {
        guard id != .zero else { return nil }
        self.init(bytes: id.bytes)
    }
}

extension ControlSchema.CPUIDSetting {
    fileprivate init(_ setting: TDLifecycle.CPUIDSetting) {
        self.init(
            leaf: Hex32(setting.leaf), subleaf: setting.subleaf.map { Hex32($0) }, eax: Hex32(setting.values.eax),
            ebx: Hex32(setting.values.ebx), ecx: Hex32(setting.values.ecx), edx: Hex32(setting.values.edx))
    }
}

extension TDStatus {
    fileprivate init(_ domain: Domain, _ platform: TDLifecycle.Platform, _ facts: TDFacts) {
        let quarantined = domain.quarantine.count { if case .page = $0.thing { true } else { false } }
        let held = TDLifecycle.PageKind.allCases.reduce(0) { $0 + domain.pageCount($1) }
        self.init(
            phase: TDPhase(rawValue: domain.phase.rawValue),
            lifecycleState: LifecycleState(rawValue: domain.lifecycle.rawValue),
            opState: domain.opState.map { ControlSchema.OpState(rawValue: $0.rawValue) },
            stateSource: ControlSchema.StateSource(rawValue: domain.stateSource.rawValue), fatal: domain.isFatal,
            attributeNames: domain.spec.attributes.rawValue.bitNames(TDAttributes.bitNames),
            xfamNames: domain.spec.xfam.rawValue.bitNames(XFAM.bitNames),
            keyId: facts.keyID,
            keyConfiguredPackages: domain.keyID == nil
                ? [] : domain.configuredPackages.map { Int($0.rawValue) }.sorted(),
            packageCount: platform.packages.count,
            pages: TDPageCounts(
                tdr: domain.pageCount(.tdr), tdcs: domain.pageCount(.tdcs), tdvpr: domain.pageCount(.tdvpr),
                tdcx: domain.pageCount(.tdcx), sept: domain.pageCount(.sept), guest: domain.pageCount(.guest),
                quarantined: quarantined, totalBytes: held * pageSizeBytes),
            vcpus: TDVCPUCounts(
                created: domain.vcpusHeld, initialized: domain.vcpusHeld == 0 ? 0 : domain.vcpusInitialized,
                associated: domain.vcpusAssociated, max: Int(domain.spec.maxVCPUs)),
            measurement: TDMeasurementStatus(domain),
            conditions: zip(domain.conditions, facts.conditions).map { ControlSchema.Condition($0, $1) },
            allowedActions: domain.allowedActions(on: platform).map { ActionName(rawValue: $0.rawValue) },
            activeOperation: domain.activeOperation == nil ? nil : facts.operation)
    }
}

extension ControlSchema.Condition {
    fileprivate init(_ condition: TDLifecycle.Condition, _ facts: TDFacts.Condition) {
        self.init(
            type: condition.type, state: ConditionState(rawValue: condition.status.rawValue),
            reason: condition.reason, message: condition.message,
            lastTransitionAt: facts.lastTransitionAt, observedRevision: facts.observedRevision)
    }
}

extension ControlSchema.VCPU {
    init(_ vcpu: TDLifecycle.VCPU, of domain: Domain, _ platform: TDLifecycle.Platform) {
        let td = "/tds/\(domain.id)"
        let isHeld = !domain.isDeleted
        self.init(
            // What may be done with a vCPU hangs on its TD's state too, so it changes with the TD.
            tdId: domain.id.description, number: vcpu.number, revision: domain.revision,
            createdAt: Timestamp(vcpu.createdAt),
            spec: ControlSchema.VCPUSpec(
                initialRcx: HexValue(vcpu.spec.initialRCX), x2apicId: vcpu.spec.x2apicID.map { Int($0) }),
            status: VCPUStatus(
                vcpuState: VCPUState(rawValue: vcpu.state.rawValue), stateSource: .inferred,
                vcpuIndex: vcpu.index.map { Int($0) }, association: vcpu.association.map { Association($0) },
                pages: VCPUPageCounts(tdvpr: isHeld ? 1 : 0, tdcx: isHeld ? vcpu.vp.tdcx.count : 0),
                allowedActions: domain.allowedActions(vcpu: vcpu.number, on: platform).map {
                    ActionName(rawValue: $0.rawValue)
                }),
            links: [
                "self": "\(td)/vcpus/\(vcpu.number)", "td": td, "seamcalls": "/seamcalls?td=\(domain.id)",
            ])
    }
}

extension Association {
    fileprivate init(_ association: TDLifecycle.VCPU.Association) {
        self.init(
            processor: Int(association.processor.rawValue), package: Int(association.package.rawValue),
            by: LeafName(association.by), sinceSequence: association.since)
    }
}

extension PageRecord {
    /// Nil for a page that is only reserved: the TD does not hold it yet.
    init?(_ page: Page, of domain: Domain, showAddresses: Bool) {
        let state: PageState
        switch page.state {
        case .reserved: return nil
        case .held: state = .held
        case .reclaimedTDR: state = .reclaimed
        case .quarantined: state = .quarantined
        }
        guard let kind = page.kind else { return nil }
        let failure = domain.quarantine.first { $0.thing == .page(page.id) }
        self.init(
            id: page.id.description, kind: ControlSchema.PageKind(rawValue: kind.rawValue),
            pamtType: PAMTType(rawValue: state == .reclaimed ? "NDA" : kind.pamtType.name), sizeBytes: page.sizeBytes,
            state: state, vcpuNumber: page.vcpu,
            gpa: kind == .guest ? domain.guestAddress(of: page.id).map { HexValue($0.rawValue) } : nil,
            address: showAddresses ? HexValue(page.address.rawValue) : nil,
            redacted: showAddresses ? nil : true, sinceSequence: page.since, since: Timestamp(page.sinceTime),
            lastFailure: failure.flatMap { CallFailure($0) })
    }
}

extension CallFailure {
    fileprivate init?(_ quarantined: Quarantined) {
        guard quarantined.record != nil || quarantined.reason != nil else { return nil }
        self.init(
            seamcall: quarantined.record?.description, leaf: quarantined.leaf.map { LeafName($0) },
            completionName: quarantined.completion?.name,
            completion: quarantined.completion.map { CompletionHex($0.rawValue) }, reason: quarantined.reason,
            at: Timestamp(quarantined.at))
    }
}

extension ControlSchema.KeyID {
    init(_ row: KeyIDRow, showAddresses: Bool) {
        self.init(
            number: Int(row.number.rawValue), revision: row.revision, role: KeyIDRole(rawValue: row.role.rawValue),
            state: KeyIDState(rawValue: row.state.rawValue), kotState: row.kotState.map { KOTState(rawValue: $0) },
            stateSource: .inferred,
            owner: row.owner.map { owner in
                KeyIDOwner(
                    tdId: owner.description, tdr: showAddresses ? row.tdr.map { HexValue($0.rawValue) } : nil,
                    redacted: showAddresses || row.tdr == nil ? nil : true)
            },
            packages: row.packages.map {
                KeyIDPackage(
                    package: Int($0.package.rawValue), keyConfigured: $0.isConfigured,
                    writeBack: WriteBackState(rawValue: $0.writeBack.rawValue))
            },
            sinceSequence: row.sinceSequence, since: Timestamp(row.since), reuseCount: row.reuseCount,
            lastFailure: row.lastFailure.map { failure in
                CallFailure(
                    seamcall: failure.record?.description, leaf: failure.leaf.map { LeafName($0) },
                    completionName: failure.completion?.name,
                    completion: failure.completion.map { CompletionHex($0.rawValue) }, reason: failure.reason,
                    at: Timestamp(failure.at))
            },
            links: [
                "self": "/host/keyids/\(row.number.rawValue)", "seamcalls": "/seamcalls?keyId=\(row.number.rawValue)",
            ])
    }
}
