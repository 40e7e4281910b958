internal import TDXCalls

/// A small TD, built, looked at and destroyed leaf by leaf, over any back end.
///
/// What is expected is what every TDX module does; the first thing that is not so ends the building, and what has been
/// built is taken down as far as it goes.
struct Verification {
    private let module: TDXModule
    private let host: any HostPort
    private let say: (String) -> Void
    private let home: Processor
    /// One processor of each package.
    private let packages: [Processor]

    private var td: TD?
    private var vp: VP?
    private var keyID: KeyID?
    private var isAssociated = false

    /// What did not go as it should.
    struct Fault: Error {
        let sentence: String
    }

    init(_ module: TDXModule, say: @escaping (String) -> Void) throws(Fault) {
        self.module = module
        host = module.host
        self.say = say
        guard let first = host.processors.first else { throw Fault(sentence: "there is no processor") }
        home = first.processor
        var seen: Set<Package> = []
        packages = host.processors.filter { seen.insert($0.package).inserted }.map(\.processor)
    }

    // MARK: The environment

    /// Leaves without which no TD is built or taken down.
    static let leaves: [Leaf] = [
        .mngCreate, .mngKeyConfig, .mngAddCX, .mngInit, .mngRD, .vpCreate, .vpAddCX, .vpInit, .vpFlush, .mngVPFlushDone,
        .phymemCacheWB, .mngKeyFreeID, .phymemPageReclaim, .phymemPageWBINVD,
    ]

    func checkEnvironment() throws(Fault) {
        let information = host.module
        say(
            "module \(information.majorVersion).\(information.minorVersion).\(information.updateVersion), "
                + "\(host.processors.count) processors in \(packages.count) packages, "
                + "\(information.tdcsPages) TDCS and \(information.tdvpsPages) TDVPS pages")
        let missing = Self.leaves.filter { !information.leaves.contains($0.number) }.map(\.name)
        guard missing.isEmpty else { throw Fault(sentence: "the back end lacks \(missing.joined(separator: ", "))") }
        guard host.capacity.pages >= information.tdcsPages + information.tdvpsPages + 1 else {
            throw Fault(sentence: "there are only \(host.capacity.pages) pages")
        }
    }

    // MARK: Building

    mutating func build() throws(Fault) {
        say("building")
        try create()
        guard let td else { return }
        try expectRefusal("a TD without keys takes no control page", .tdKeysNotConfigured) { page in
            switch module.tdh_mng_addcx(td, page, on: home) {
            case .accepted: nil
            case .refused(let page, let error): Refusal(page, error)
            }
        }
        for processor in packages {
            try attempt { () throws(SEAMCALLError) in try module.tdh_mng_key_config(td, on: processor) }
        }
        for _ in 0..<host.module.tdcsPages {
            switch module.tdh_mng_addcx(td, try page(), on: home) {
            case .accepted(let address): self.td?.tdcs.append(address)
            case .refused(let page, let error):
                host.free(page.address)
                throw Fault(error)
            }
        }
        try initialize(td)
        try createVCPU(td)
    }

    private mutating func create() throws(Fault) {
        let number = try allocate { () throws(PortError) in try host.allocateKeyID() }
        keyID = number
        switch module.tdh_mng_create(try page(), HostKeyID(number), on: home) {
        case .accepted(let created): td = created
        case .refused(let page, _, let error):
            host.free(page.address)
            throw Fault(error)
        }
    }

    /// The smallest TD that the module allows.
    private var parameters: TDParams {
        let information = host.module
        let frequency = information.tscFrequencyKHz == 0 ? Self.usualTSC : information.tscFrequencyKHz
        return TDParams(
            attributes: TDAttributes(rawValue: information.attributesFixed1).union(
                TDAttributes.septVEDisable.intersection(TDAttributes(rawValue: information.attributesFixed0))),
            xfam: XFAM(rawValue: information.xfamFixed1).union([.x87, .sse]), maxVCPUs: 1,
            configFlags: ConfigFlags(rawValue: information.configFlagsFixed1),
            tscFrequency: UInt16(clamping: frequency / 25_000),
            cpuid: information.cpuidConfig.map { _ in CPUIDValues() })
    }

    /// kHz, where the back end does not know the host's.
    private static let usualTSC: UInt64 = 2_000_000

    private func initialize(_ td: TD) throws(Fault) {
        let bytes: [UInt8]
        do { bytes = try parameters.encoded() } catch { throw Fault(sentence: "TD_PARAMS cannot be encoded: \(error)") }
        let memory = try allocate { () throws(PortError) in try host.allocateMemory(bytes: TDParams.sizeBytes) }
        defer { host.freeMemory(memory) }
        host.write(bytes, to: memory, at: 0)
        try attempt { () throws(SEAMCALLError) in try module.tdh_mng_init(td, memory, on: home) }
    }

    private mutating func createVCPU(_ td: TD) throws(Fault) {
        switch module.tdh_vp_create(td, try page(), on: home) {
        case .accepted(let address): vp = VP(tdvpr: address)
        case .refused(let page, let error):
            host.free(page.address)
            throw Fault(error)
        }
        for _ in 1..<host.module.tdvpsPages {
            guard let vp else { return }
            switch module.tdh_vp_addcx(vp, try page(), on: home) {
            case .accepted(let address): self.vp?.tdcx.append(address)
            case .refused(let page, let error):
                host.free(page.address)
                throw Fault(error)
            }
        }
        guard let vp else { return }
        try attempt { () throws(SEAMCALLError) in try module.tdh_vp_init(vp, initialRCX: 0, on: home) }
        isAssociated = true
    }

    // MARK: Looking

    func inspect() throws(Fault) {
        say("looking")
        guard let td else { return }
        let wanted = parameters
        let expected: [(String, UInt64)] = [
            ("ATTRIBUTES", wanted.attributes.rawValue), ("XFAM", wanted.xfam.rawValue),
            ("MAX_VCPUS", UInt64(wanted.maxVCPUs)), ("NUM_VCPUS", 1), ("OP_STATE", 1),
        ]
        for (name, value) in expected {
            guard let field = FieldInfo.named(name, in: .td) else { continue }
            let found = try attempt { () throws(SEAMCALLError) in try module.tdh_mng_rd(td, field.id, on: home) }
            guard found == value else {
                throw Fault(sentence: "\(name) reads 0x\(String(found, radix: 16)), not 0x\(String(value, radix: 16))")
            }
        }
    }

    // MARK: Destroying

    /// Takes down what there is, in the only order that there is.
    mutating func destroy() throws(Fault) {
        guard let td else { return giveKeyIDBack() }
        say("destroying")
        if let vp, isAssociated {
            try expectRefusal("a TD with a vCPU on a processor is not flushed", .flushVPNotDone) {
                () throws(SEAMCALLError) in try module.tdh_mng_vpflushdone(td, on: home)
            }
            try attempt { () throws(SEAMCALLError) in try module.tdh_vp_flush(vp, on: home) }
            isAssociated = false
        }
        try attempt { () throws(SEAMCALLError) in try module.tdh_mng_vpflushdone(td, on: home) }
        for processor in packages { try writeBack(on: processor) }
        try attempt { () throws(SEAMCALLError) in try module.tdh_mng_key_freeid(td, on: home) }
        giveKeyIDBack()
        let pages = (vp.map { $0.tdcx.map(\.any) + [$0.tdvpr.any] } ?? []) + td.tdcs.map(\.any)
        for page in pages {
            try attempt { () throws(SEAMCALLError) in try module.tdh_phymem_page_reclaim(page, on: home) }
            giveBack(page)
        }
        vp = nil
        self.td?.tdcs = []
        try attempt { () throws(SEAMCALLError) in try module.tdh_phymem_page_reclaim(td.tdr.any, on: home) }
        try attempt { () throws(SEAMCALLError) in try module.tdh_phymem_page_wbinvd_tdr(td, on: home) }
        giveBack(td.tdr.any)
        self.td = nil
    }

    /// Far more than any write-back takes.
    private static let interruptionsMax = 1_000_000

    private func writeBack(on processor: Processor) throws(Fault) {
        var resume = false
        for _ in 0..<Self.interruptionsMax {
            do throws(SEAMCALLError) {
                try module.tdh_phymem_cache_wb(resume: resume, on: processor)
                return
            } catch {
                guard case .interruptedResumable? = error.completion else { throw Fault(error) }
                resume = true
            }
        }
        throw Fault(sentence: "the write-back does not come to an end")
    }

    private func giveBack(_ page: PageAddress<AnyPage>) {
        host.clear(PageAddress(rawValue: page.rawValue))
        host.free(PageAddress(rawValue: page.rawValue))
    }

    private mutating func giveKeyIDBack() {
        if let keyID { host.freeKeyID(keyID) }
        keyID = nil
    }

    // MARK: One step

    private func page() throws(Fault) -> HostPage {
        HostPage(try allocate { () throws(PortError) in try host.allocatePage() })
    }

    private func allocate<Thing>(_ body: () throws(PortError) -> Thing) throws(Fault) -> Thing {
        do throws(PortError) { return try body() } catch { throw Fault(sentence: error.explanation) }
    }

    /// How often a call is repeated that found a lock taken.
    private static let repeatsMax = 1000

    @discardableResult
    private func attempt<Answer>(_ body: () throws(SEAMCALLError) -> Answer) throws(Fault) -> Answer {
        var repeats = 0
        while true {
            do throws(SEAMCALLError) {
                return try body()
            } catch {
                repeats += 1
                guard error.completion?.outcome == .recoverable, repeats < Self.repeatsMax else { throw Fault(error) }
            }
        }
    }

    /// A page that came back, and why.
    private struct Refusal: ~Copyable {
        let page: HostPage
        let error: SEAMCALLError

        init(_ page: consuming HostPage, _ error: SEAMCALLError) {
            self.page = page
            self.error = error
        }
    }

    private func expectRefusal(
        _ what: String, _ code: Completion, _ give: (consuming HostPage) -> Refusal?
    ) throws(Fault) {
        guard let refusal = give(try page()) else { throw Fault(sentence: "\(what), but this one did") }
        host.free(refusal.page.address)
        try expect(code, refusal.error, what)
    }

    private func expectRefusal(
        _ what: String, _ code: Completion, _ body: () throws(SEAMCALLError) -> Void
    ) throws(Fault) {
        do throws(SEAMCALLError) {
            try body()
        } catch {
            return try expect(code, error, what)
        }
        throw Fault(sentence: "\(what), but this one was")
    }

    private func expect(_ code: Completion, _ error: SEAMCALLError, _ what: String) throws(Fault) {
        guard error.completion?.code == code.code else { throw Fault(error) }
        say("     refused, as it must be: \(what)")
    }
}

extension Verification.Fault {
    fileprivate init(_ error: SEAMCALLError) {
        switch error.cause {
        case .refused(let completion): self.init(sentence: "\(error.leaf.name) answered \(completion)")
        case .port(let failure): self.init(sentence: "\(error.leaf.name): \(failure.explanation)")
        }
    }
}
