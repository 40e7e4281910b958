internal import ControlSchema
internal import HTTPExchange
internal import HTTPTypes
internal import TDLifecycle
internal import TDXCalls

extension ControlAPI {
    static let hostRoutes: [Route] = [
        Route(.get, "/host", "getHost", .viewer) { api, call in
            let tls = api.tls()
            let revision = max(api.startRevision, tls?.revision ?? 0)
            api.answer(call, revision: revision) {
                api.bodies.body(.host, revision: revision) {
                    ControlJSON.encode(api.host(revision: revision, tls?.status))
                }
            }
        },
        Route(.get, "/host/capacity", "getCapacity", .viewer) { api, call in
            let capacity = api.engine.capacity
            api.answer(call, revision: capacity.revision) {
                api.bodies.body(.capacity, revision: capacity.revision) {
                    ControlJSON.encode(CapacityReport(capacity))
                }
            }
        },
        Route(.get, "/host/keyids", "listKeyIds", .viewer, parameters: ["limit", "cursor"]) {
            api, call throws(Refused) in
            try api.listKeyIDs(call)
        },
        Route(.get, "/host/keyids/{n}", "getKeyId", .viewer) { api, call throws(Refused) in
            let number = try call.pathNumber("n")
            guard let id = UInt16(exactly: number), let row = api.engine.keyID(TDXCalls.KeyID(rawValue: id)) else {
                throw Refused(.notFound, "there is no KeyID \(number) here")
            }
            api.answer(call, revision: row.revision) { api.body(row, call.role) }
        },
        Route(.get, "/host/processors", "listProcessors", .viewer) { api, call in
            let revision = api.engine.tdsRevision
            api.answer(call, revision: revision) {
                api.bodies.body(.processors, revision: revision) {
                    ControlJSON.encode(ProcessorList(api.engine.processors, api.platform, revision: revision))
                }
            }
        },
    ]

    private func listKeyIDs(_ call: Call) throws(Refused) {
        let listing = engine.keyIDs
        let (limit, cursor) = (try call.limit(), try call.numberCursor())
        let rows = listing.rows.filter { row in cursor.map { UInt64(row.number.rawValue) > $0 } ?? true }
        let page = rows.prefix(limit)
        let next = page.count < rows.count ? page.last.map { Cursor(number: UInt64($0.number.rawValue)) } : nil
        answer(call, revision: listing.revision) {
            EncodedBody(list: page.map { body($0, call.role) }, nextCursor: next, revision: listing.revision)
        }
    }

    private func body(_ row: KeyIDRow, _ role: Role) -> EncodedBody {
        bodies.body(.keyID(row.number, isFull: role.seesRegisters), revision: row.revision) {
            ControlJSON.encode(ControlSchema.KeyID(row, showAddresses: role.seesRegisters))
        }
    }

    private func host(revision: UInt64, _ tls: TLSStatus?) -> Host {
        let module = platform.module
        return Host(
            name: service.hostName, instanceId: instanceID, version: service.version,
            startedAt: Timestamp(service.startedAt), revision: revision,
            backend: Backend(
                kind: BackendKind(service), description: service.backend.description,
                hardware: service.backend.isHardware, outComplete: service.backend.reportsAllOutputs,
                keyIdSource: KeyIDSource(rawValue: engine.capacity.source.rawValue),
                profile: service.backend.profile),
            module: ControlSchema.ModuleInformation(module),
            platform: ControlSchema.Platform(
                packageCount: platform.packages.count, processorCount: platform.processors.count,
                firstPrivateKeyId: Int(module.privateKeyIDs.lowerBound.rawValue),
                lastPrivateKeyId: Int(module.privateKeyIDs.upperBound.rawValue),
                moduleKeyId: Int(module.globalKeyID.rawValue)),
            leaves: LeafName.known.compactMap { LeafAvailability($0, module) },
            tls: tls,
            links: [
                "self": "/host", "capacity": "/host/capacity", "keyIds": "/host/keyids",
                "processors": "/host/processors",
            ])
    }
}

extension LeafAvailability {
    fileprivate init?(_ name: LeafName, _ module: TDXCalls.ModuleInformation) {
        guard let info = LeafInfo.named(name.rawValue) else { return nil }
        let isAvailable = module.leaves.contains(info.number)
        var version = Int(info.versions.upperBound)
        if info.number == Leaf.vpInit.number { version = module.hasVPInitX2APICID ? 1 : 0 }
        self.init(
            leaf: name, leafNumber: Int(info.number), wrapper: LeafInfo.wrapperName(of: Leaf(info.number)),
            maxVersion: version,
            available: isAvailable, reason: isAvailable ? nil : "this back end does not issue it")
    }
}

extension ControlSchema.ModuleInformation {
    /// TDX_FEATURES0, by bit.
    private static let featureNames: [Int: String] = [
        0: "TD_MIGRATION", 1: "TD_PRESERVING", 2: "SERVICE_TD", 3: "TDG_VP_RDWR", 4: "RELAXED_MEM_MNG_CONCURRENCY",
        5: "CPUID_VIRT_GUEST_CTRL", 7: "TD_PART", 8: "LOCAL_ATTESTATION", 9: "TD_ENTRY_ENHANCEMENTS",
        10: "HOST_PRIORITY_LOCKS", 11: "CONFIG_IA32_ARCH_CAPABILITIES", 16: "PENDING_EPT_VIOLATION_V2",
        17: "FMS_CONFIG", 18: "NO_RBP_MOD", 19: "L2_TLB_INVD_OPT", 20: "TOPOLOGY_ENUM", 21: "MIG_PARTITIONED",
        23: "CLFLUSH_BEFORE_ALLOC", 27: "MAXPA_VIRT", 36: "DYNAMIC_PAMT", 47: "UPDATE_COMPATIBILITY",
    ]

    /// Intel's PCI vendor id, which TDH.SYS.RD gives as VENDOR_ID.
    private static let intel: UInt64 = 0x8086

    fileprivate init(_ module: TDXCalls.ModuleInformation) {
        self.init(
            vendorId: HexValue(Self.intel), majorVersion: Int(module.majorVersion),
            minorVersion: Int(module.minorVersion), updateVersion: Int(module.updateVersion),
            buildNumber: Int(module.buildNumber), buildDate: Self.date(module.buildDate),
            features0: HexValue(module.features0), featureNames: module.features0.bitNames(Self.featureNames),
            attributesFixed0: HexValue(module.attributesFixed0), attributesFixed1: HexValue(module.attributesFixed1),
            xfamFixed0: HexValue(module.xfamFixed0), xfamFixed1: HexValue(module.xfamFixed1),
            configFlagsFixed0: HexValue(module.configFlagsFixed0),
            configFlagsFixed1: HexValue(module.configFlagsFixed1), tdrPages: 1, tdcsPages: module.tdcsPages,
            tdcsPagesPerL2Vm: module.tdcsPagesPerL2VM, tdvpsPages: module.tdvpsPages,
            tdvpsPagesPerL2Vm: module.tdvpsPagesPerL2VM,
            cpuidConfig: module.cpuidConfig.map { entry in
                CPUIDConfig(
                    leaf: Hex32(entry.leaf),
                    subleaf: entry.subleaf == CPUIDConfigEntry.noSubleaf ? nil : Hex32(entry.subleaf),
                    eax: Hex32(entry.direct.eax), ebx: Hex32(entry.direct.ebx), ecx: Hex32(entry.direct.ecx),
                    edx: Hex32(entry.direct.edx))
            })
    }

    /// BUILD_DATE is yyyymmdd: documented as binary-coded decimal, while module 1.5.01 answers a plain number.
    static func date(_ coded: UInt32) -> String? {
        [String(coded, radix: 16), String(coded)].first { digits in
            guard let number = Int(digits) else { return false }
            let (year, month, day) = (number / 10_000, number / 100 % 100, number % 100)
            return (2020...2099).contains(year) && (1...12).contains(month) && (1...31).contains(day)
        }
    }
}

extension CapacityReport {
    fileprivate init(_ capacity: CapacityView) {
        self.init(
            keyIds: KeyIDCapacity(
                total: capacity.keyIDs.total, held: capacity.keyIDs.held, free: capacity.keyIDs.free,
                quarantined: capacity.keyIDs.quarantined, foreign: capacity.keyIDs.foreign,
                unknown: capacity.keyIDs.unknown, source: KeyIDSource(rawValue: capacity.source.rawValue)),
            pages: PageCapacity(
                total: capacity.pages.total, held: capacity.pages.held, free: capacity.pages.free,
                quarantined: capacity.pages.quarantined, unitBytes: pageSizeBytes),
            vcpus: VCPUCapacity(held: capacity.vcpusHeld), revision: capacity.revision)
    }
}

extension ProcessorList {
    fileprivate init(_ views: [ProcessorView], _ platform: TDLifecycle.Platform, revision: UInt64) {
        self.init(
            items: views.map { view in
                ControlSchema.Processor(
                    number: Int(view.processor.rawValue), package: Int(view.package.rawValue),
                    vcpus: view.vcpus.map { VCPUReference(tdId: $0.td.description, number: $0.number) })
            },
            packages: platform.packages.map { package in
                ControlSchema.Package(
                    number: Int(package.rawValue),
                    processors: platform.processors.filter { $0.package == package }.map {
                        Int($0.processor.rawValue)
                    })
            },
            revision: revision)
    }
}
