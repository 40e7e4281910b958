public import TDXCalls
internal import Threading

/// A read or write of metadata field elements, which is a SEAMCALL and so takes its turn in the TD's lane.
public struct FieldAccess: Sendable {
    public enum Target: Hashable, Sendable {
        case td
        case vcpu(Int)
    }

    public struct Write: Hashable, Sendable {
        public let value: UInt64
        public let mask: UInt64

        public init(value: UInt64, mask: UInt64) {
            self.value = value
            self.mask = mask
        }
    }

    public let target: Target
    /// Elements in order; a write has one.
    public let elements: [FieldID]
    public let write: Write?
    /// Where to read a vCPU's field; nil = where it is associated, or wherever there is least to do.
    public let processor: Processor?
    public let requester: Requester
    let completion: @Sendable (Result<FieldAnswer, LifecycleError>) -> Void

    public init(
        target: Target, elements: [FieldID], write: Write? = nil, processor: Processor? = nil, requester: Requester,
        completion: @escaping @Sendable (Result<FieldAnswer, LifecycleError>) -> Void
    ) {
        self.target = target
        self.elements = elements
        self.write = write
        self.processor = processor
        self.requester = requester
        self.completion = completion
    }
}

public struct FieldAnswer: Sendable {
    /// One value an element, nil where the module says to skip it; for a write the value before it.
    public let values: [UInt64?]
    public let processor: Processor
    /// Whether the access bound the vCPU to that processor: it was with none before.
    public let associationChanged: Bool
    /// The last call's; the answer is given once that is written down.
    let record: CallRecord?
    public var sequence: UInt64 { record?.sequence ?? 0 }
    public let td: ResourceID
    /// Whether the TD's DEBUG attribute decides by the wider masks.
    public let isDebugTD: Bool
}

extension Engine {
    /// Queues a field access; its `completion` is called once, from an engine thread.
    ///
    /// - Parameter ifRevision: what the TD's revision must be when the access is queued.
    public func access(
        _ reference: TDReference, _ access: FieldAccess, ifRevision: UInt64? = nil
    ) throws(LifecycleError) {
        let td = try state.withLock { (state) throws(LifecycleError) in
            if state.isDraining { throw .draining }
            let domain = try state.domain(reference)
            if let ifRevision, ifRevision != domain.revision { throw .preconditionFailed(revision: domain.revision) }
            try check(access, on: domain)
            var lane = state.lanes[domain.id, default: EngineState.Lane()]
            guard lane.accesses.count < limits.laneJobsMax else { throw .tooManyWaiting(limits.laneJobsMax) }
            lane.accesses.append(access)
            state.lanes[domain.id] = lane
            return domain.id
        }
        schedule(td)
    }

    private func check(_ access: FieldAccess, on domain: Domain) throws(LifecycleError) {
        if let processor = access.processor { try known(processor, index: nil) }
        // Which states a field can be read in is the module's to say; there must be a TD to ask it about.
        guard domain.td != nil, !domain.isDeleted, !domain.isFatal, domain.quarantine.isEmpty else {
            throw .wrongState(domain.wrongState(for: access.write == nil ? .readField : .writeField, on: platform))
        }
        if case .vcpu(let number) = access.target, !domain.vcpus.indices.contains(number) {
            throw .noSuchVCPU(td: domain.id, number: number)
        }
    }

    func run(_ access: FieldAccess, on domain: Domain) {
        do throws(LifecycleError) {
            try check(access, on: domain)
        } catch {
            finish(access, on: domain, [], .failure(error))
            return
        }
        let processor = place(access, on: domain)
        let willAssociate = associates(access, domain)
        if case .vcpu(let number) = access.target, willAssociate {
            // Written down before the call: even a refused read may bind the vCPU, and a vCPU bound where
            // nobody knows keeps TDH.MNG.VPFLUSHDONE from ever succeeding.
            transact(.durable) { state, transaction in
                guard var row = state.domains[domain.id]?.value else { return }
                row.associate(
                    number, with: processor, by: access.write == nil ? .vpRD : .vpWR, platform, transaction.sequence)
                state.placement.add(processor)
                state.put(row, &transaction)
            }
        }
        let (records, result) = issue(access, on: domain, processor, willAssociate)
        let bound = willAssociate && records.contains { $0.completion.map(Self.bindsVCPU) ?? true }
        finish(access, on: domain, records, result, unbind: willAssociate && !bound ? processor : nil)
    }

    /// A read that fails on the field has still associated the vCPU; one that fails on the page or the TD has not.
    private static func bindsVCPU(_ completion: Completion) -> Bool {
        !completion.isError || completion.classCode == Completion.metadataFieldIDIncorrect.classCode
    }

    private func associates(_ access: FieldAccess, _ domain: Domain) -> Bool {
        if case .vcpu(let number) = access.target { domain.vcpus[number].association == nil } else { false }
    }

    private func place(_ access: FieldAccess, on domain: Domain) -> Processor {
        if let asked = access.processor { return asked }
        switch access.target {
        case .td: return domain.home
        case .vcpu(let number):
            return domain.vcpus[number].association?.processor ?? state.withLock { $0.placement.leastLoaded() }
        }
    }

    private func issue(
        _ access: FieldAccess, on domain: Domain, _ processor: Processor, _ associates: Bool
    ) -> ([CallRecord], Result<FieldAnswer, LifecycleError>) {
        let log = AttemptLog(calls, environment)
        let module = TDXModule(calls: log, host: host)
        var records: [CallRecord] = []
        var values: [UInt64?] = []
        for element in access.elements {
            var tries = 0
            while true {
                tries += 1
                do throws(SEAMCALLError) {
                    let value = try module.access(access, element, of: domain, on: processor)
                    records += self.records(log, access, domain, tries, .accepted)
                    values.append(records.last.saysSkip ? nil : value)
                    break
                } catch {
                    if case .operandBusy? = error.completion, tries < limits.fieldAccessTriesMax {
                        records += self.records(log, access, domain, tries, .retried)
                        continue
                    }
                    records += self.records(log, access, domain, tries, .failed)
                    return (records, .failure(failure(error, records.last)))
                }
            }
        }
        let answer = FieldAnswer(
            values: values, processor: processor, associationChanged: associates,
            record: records.last, td: domain.id,
            isDebugTD: domain.spec.attributes.contains(.debug))
        return (records, .success(answer))
    }

    private func failure(_ error: SEAMCALLError, _ record: CallRecord?) -> LifecycleError {
        switch (error.cause, record) {
        case (.port(let reason), _): .port(reason, record)
        case (.refused(let completion), let record?):
            completion.outcome == .recoverable && completion.code == Completion.operandBusy.code
                ? .busy(record) : .refused(record)
        case (.refused, nil): .port(PortError(.notExecuted, "the call left no record"), nil)
        }
    }

    private func records(
        _ log: AttemptLog, _ access: FieldAccess, _ domain: Domain, _ attempt: Int, _ handling: CallRecord.Handling
    ) -> [CallRecord] {
        var vcpu: Int?
        if case .vcpu(let number) = access.target { vcpu = number }
        let context = CallContext(td: domain.id, operation: nil, requester: access.requester)
        return log.take().map { seen in
            CallRecord(
                seen, id: ids.next(.seamcall), in: context, package: platform.package(of: seen.processor),
                attempt: attempt, as: handling, keyID: domain.keyID, vcpu: vcpu)
        }
    }

    private func finish(
        _ access: FieldAccess, on domain: Domain, _ records: [CallRecord],
        _ result: Result<FieldAnswer, LifecycleError>, unbind: Processor? = nil
    ) {
        transact(.grouped, records: records) { state, transaction in
            if var row = state.domains[domain.id]?.value {
                let before = (row.stateSource, row.isFatal)
                if case .td = access.target, case .success = result { row.stateSource = .read }
                if records.contains(where: { $0.completion?.isFatal == true }) { row.isFatal = true }
                if case .vcpu(let number) = access.target, let unbind {
                    row.dissociate(number, transaction.sequence)
                    state.placement.remove(unbind)
                }
                if (row.stateSource, row.isFatal) != before || unbind != nil { state.put(row, &transaction) }
            }
            releaseLane(domain.id, &state, &transaction)
            transaction.after.append { access.completion(result) }
        }
    }
}

extension TDXModule {
    /// One element, read or written; the value, or for a write the value before it.
    fileprivate func access(
        _ access: FieldAccess, _ element: FieldID, of domain: Domain, on processor: Processor
    ) throws(SEAMCALLError) -> UInt64 {
        switch access.target {
        case .td:
            let td = domain.td ?? TD(tdr: PageAddress(rawValue: 0))
            guard let write = access.write else { return try tdh_mng_rd(td, element, on: processor) }
            return try tdh_mng_wr(td, element, write.value, mask: write.mask, on: processor)
        case .vcpu(let number):
            let vp = domain.vcpus[number].vp
            guard let write = access.write else { return try tdh_vp_rd(vp, element, on: processor) }
            return try tdh_vp_wr(vp, element, write.value, mask: write.mask, on: processor)
        }
    }
}

extension Engine {
    /// Reads a field of the module itself with TDH.SYS.RD; `completion` is called once, from an engine thread.
    public func readHostField(
        _ elements: [FieldID], by requester: Requester,
        completion: @escaping @Sendable (Result<FieldAnswer, LifecycleError>) -> Void
    ) {
        environment.scheduler.enqueue {
            let processor = self.platform.processors[0].processor
            let log = AttemptLog(self.calls, self.environment)
            let module = TDXModule(calls: log, host: self.host)
            var records: [CallRecord] = []
            var values: [UInt64?] = []
            var refusal: SEAMCALLError?
            for element in elements where refusal == nil {
                var value: UInt64?
                do throws(SEAMCALLError) { value = try module.tdh_sys_rd(element, on: processor) } catch {
                    refusal = error
                }
                records += log.take().map { seen in self.hostRecord(seen, requester) }
                values.append(records.last.saysSkip ? nil : value)
            }
            let result: Result<FieldAnswer, LifecycleError> =
                if let refusal { .failure(self.failure(refusal, records.last)) } else {
                    .success(
                        FieldAnswer(
                            values: values, processor: processor, associationChanged: false,
                            record: records.last, td: ResourceID(.td, 0), isDebugTD: false))
                }
            self.transact(.grouped, records: records) { _, transaction in
                transaction.after.append { completion(result) }
            }
        }
    }

    private func hostRecord(_ seen: Attempt, _ requester: Requester) -> CallRecord {
        var handling = CallRecord.Handling.accepted
        if case .completion(let completion) = seen.result, completion.isError { handling = .failed }
        return CallRecord(
            seen, id: ids.next(.seamcall), in: CallContext(td: nil, operation: nil, requester: requester),
            package: platform.package(of: seen.processor), attempt: 1, as: handling)
    }
}

extension CallRecord? {
    /// The element exists in the module's table only: what the registers hold is not its value.
    fileprivate var saysSkip: Bool { self?.completion?.classCode == Completion.metadataFieldSkip.classCode }
}
