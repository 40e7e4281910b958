internal import TDXCalls
internal import Threading

/// One try of a leaf as the port saw it. Held by reference, since it is handed on a few times.
final class Attempt: Sendable {
    let leaf: Leaf
    let processor: Processor
    let input: CallRegisters
    let output: CallRegisters
    let result: CallRecord.Result
    let at: WallTime
    let durationNanos: UInt64

    init(
        leaf: Leaf, processor: Processor, input: CallRegisters, output: CallRegisters, result: CallRecord.Result,
        at: WallTime, durationNanos: UInt64
    ) {
        self.leaf = leaf
        self.processor = processor
        self.input = input
        self.output = output
        self.result = result
        self.at = at
        self.durationNanos = durationNanos
    }
}

/// Keeps every try that passes, entropy retries included: the source of the SEAMCALL records.
final class AttemptLog: SEAMCALLPort {
    private let base: any SEAMCALLPort
    private let wallClock: any WallClock
    private let elapsed: any ElapsedClock
    private let tries = Locked(Tries())

    /// Tries since they were last taken. Mostly there is one, which needs no array.
    struct Tries: Sendable {
        var earlier: [Attempt] = []
        var last: Attempt?

        mutating func append(_ attempt: Attempt) {
            if let last { earlier.append(last) }
            last = attempt
        }
    }

    init(_ base: any SEAMCALLPort, _ environment: EngineEnvironment) {
        self.base = base
        wallClock = environment.wallClock
        elapsed = environment.elapsedClock
    }

    var retriesEntropy: Bool { base.retriesEntropy }
    var isPrompt: Bool { base.isPrompt }

    func call(
        _ leaf: Leaf, _ registers: inout Registers, on processor: Processor
    ) throws(PortError) -> Completion {
        let input = CallRegisters(registers)
        let at = wallClock.now
        let start = elapsed.nanoseconds
        let result: CallRecord.Result
        do throws(PortError) {
            result = .completion(try base.call(leaf, &registers, on: processor))
        } catch {
            result = .port(error)
        }
        let attempt = Attempt(
            leaf: leaf, processor: processor, input: input, output: CallRegisters(registers), result: result, at: at,
            durationNanos: elapsed.nanoseconds - start)
        tries.withLock { $0.append(attempt) }
        switch result {
        case .completion(let completion): return completion
        case .port(let error): throw error
        }
    }

    /// A try that was made past this log.
    func note(_ attempt: Attempt) { tries.withLock { $0.append(attempt) } }

    var isEmpty: Bool { tries.withLock { $0.last == nil } }

    /// What came since the last time this was asked.
    func takeTries() -> Tries {
        var taken = Tries()
        tries.withLock { swap(&$0, &taken) }
        return taken
    }

    /// The same in order.
    func take() -> [Attempt] {
        let tries = takeTries()
        return tries.earlier + (tries.last.map { [$0] } ?? [])
    }
}

/// What a call came to.
enum Answer: Sendable {
    case accepted(Accepted)
    case refused(SEAMCALLError)
}

extension TDXModule {
    /// Issues the leaf behind `call` for a TD: the engine's terms become the wrappers'.
    func issue(_ call: Call, for domain: Domain, on processor: Processor) -> Answer {
        switch call {
        case .create:
            return create(domain, on: processor)
        case .addTDCSPage:
            return donate(domain) { (module, page) -> Donation<TDCS> in
                guard let td = domain.td else { return .refused(page, .missing(call, processor)) }
                return module.tdh_mng_addcx(td, page, on: processor)
            }
        case .createVCPU:
            return donate(domain) { (module, page) -> Donation<TDVPR> in
                guard let td = domain.td else { return .refused(page, .missing(call, processor)) }
                return module.tdh_vp_create(td, page, on: processor)
            }
        case .addTDCXPage(let number):
            return donate(domain) { module, page in module.tdh_vp_addcx(domain.vcpus[number].vp, page, on: processor) }
        case .addTable(let table):
            return donate(domain) { (module, page) -> Donation<SEPT> in
                guard let td = domain.td else { return .refused(page, .missing(call, processor)) }
                return module.tdh_mem_sept_add(td, table.gpa, table.level, page, on: processor)
            }
        case .promote(let region):
            do throws(SEAMCALLError) {
                guard let td = domain.td else { throw .missing(call, processor) }
                let gpa = domain.gpaOfNextLargePage(region)
                return .accepted(.page(try tdh_mem_page_promote(td, gpa, on: processor).any))
            } catch {
                return .refused(error)
            }
        case .readMRTD(let element):
            do throws(SEAMCALLError) {
                guard let td = domain.td else { throw .missing(call, processor) }
                return .accepted(.value(try readMRTD(td, element, on: processor)))
            } catch {
                return .refused(error)
            }
        default:
            do throws(SEAMCALLError) {
                try issuePlain(call, for: domain, on: processor)
                return .accepted(.plain)
            } catch {
                return .refused(error)
            }
        }
    }

    private func create(_ domain: Domain, on processor: Processor) -> Answer {
        switch tdh_mng_create(Ledger.nextPage(of: domain), Ledger.keyID(of: domain), on: processor) {
        case .accepted(let td):
            return .accepted(.created(td))
        case .refused(let page, let keyID, let error):
            Ledger.takeBack(page)
            Ledger.takeBack(keyID)
            return .refused(error)
        }
    }

    private func donate<Kind>(
        _ domain: Domain, _ give: (TDXModule, consuming HostPage) -> Donation<Kind>
    ) -> Answer {
        switch give(self, Ledger.nextPage(of: domain)) {
        case .accepted(let page):
            return .accepted(.page(page.any))
        case .refused(let page, let error):
            Ledger.takeBack(page)
            return .refused(error)
        }
    }

    private func issuePlain(_ call: Call, for domain: Domain, on processor: Processor) throws(SEAMCALLError) {
        guard let td = domain.td else { throw .missing(call, processor) }
        switch call {
        case .create, .addTDCSPage, .createVCPU, .addTDCXPage, .addTable, .addPage, .extend, .promote, .readMRTD:
            preconditionFailure("\(call.leaf.name) is issued elsewhere")
        case .finalize:
            try tdh_mr_finalize(td, on: processor)
        case .configureKey:
            try tdh_mng_key_config(td, on: processor)
        case .initialize:
            try initialize(td, domain.spec, on: processor)
        case .initializeVCPU(let number):
            let vcpu = domain.vcpus[number]
            if let x2apicID = vcpu.spec.x2apicID {
                try tdh_vp_init(vcpu.vp, initialRCX: vcpu.spec.initialRCX, x2apicID: x2apicID, on: processor)
            } else {
                try tdh_vp_init(vcpu.vp, initialRCX: vcpu.spec.initialRCX, on: processor)
            }
        case .flushVCPU(let number):
            try tdh_vp_flush(domain.vcpus[number].vp, on: processor)
        case .flushDone:
            try tdh_mng_vpflushdone(td, on: processor)
        case .writeBack(_, let resume):
            try tdh_phymem_cache_wb(resume: resume, on: processor)
        case .freeKey:
            try tdh_mng_key_freeid(td, on: processor)
        case .reclaimPage(let id):
            guard let page = domain.page(id) else { throw .missing(call, processor) }
            try tdh_phymem_page_reclaim(page.address, on: processor)
        case .writeBackTable:
            try writeBackTable(of: domain, on: processor)
        case .writeBackTDR:
            try tdh_phymem_page_wbinvd_tdr(td, on: processor)
        }
    }

    private func initialize(_ td: TD, _ spec: TDSpec, on processor: Processor) throws(SEAMCALLError) {
        let memory: HostMemory
        let bytes: [UInt8]
        do {
            bytes = try spec.parameters(for: host.module).encoded()
            memory = try host.allocateMemory(bytes: TDParams.sizeBytes)
        } catch let error as PortError {
            throw SEAMCALLError(leaf: .mngInit, processor: processor, cause: .port(error), registers: Registers())
        } catch {
            let reason = PortError(.notExecuted, "TD_PARAMS cannot be encoded: \(error)")
            throw SEAMCALLError(leaf: .mngInit, processor: processor, cause: .port(reason), registers: Registers())
        }
        defer { host.freeMemory(memory) }
        host.write(bytes, to: memory, at: 0)
        try tdh_mng_init(td, memory, on: processor)
    }
}

extension SEAMCALLError {
    /// The row lacks what the leaf is about; the engine checks before it comes to this.
    fileprivate static func missing(_ call: Call, _ processor: Processor) -> SEAMCALLError {
        SEAMCALLError(
            leaf: call.leaf, processor: processor,
            cause: .port(PortError(.notExecuted, "the TD holds nothing that \(call.leaf.name) could be issued for")),
            registers: Registers())
    }
}
