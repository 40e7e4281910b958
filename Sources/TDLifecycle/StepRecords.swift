internal import TDXCalls

extension Step {
    /// Turns what the port saw of a call into records. All tries but the last were for entropy.
    @discardableResult
    mutating func take(_ call: Call, as handling: CallRecord.Handling?) -> CallRecord {
        let tries = log.takeTries()
        guard let last = tries.last else { preconditionFailure("a call that was issued left no trace") }
        for seen in tries.earlier { add(seen, of: call, as: .retried) }
        return add(last, of: call, as: handling ?? last.handling)
    }

    @discardableResult
    private mutating func add(_ seen: Attempt, of call: Call, as handling: CallRecord.Handling) -> CallRecord {
        operation.tries += 1
        let fresh = record(seen, of: call, attempt: operation.tries, as: handling)
        records.append(fresh)
        return fresh
    }

    private func record(
        _ seen: Attempt, of call: Call, attempt: Int, as handling: CallRecord.Handling
    ) -> CallRecord {
        CallRecord(
            seen, id: engine.ids.next(.seamcall), in: context, package: engine.platform.package(of: seen.processor),
            attempt: attempt, as: handling, page: call.page(of: domain), keyID: domain.keyID,
            vcpu: call.vcpu(of: domain))
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
        case .addTable: (page, kind) = (domain.nextReserved, .sept)
        case .addPage: (page, kind) = (domain.memory.pages.nextPage, .guest)
        case .reclaimPage(let id):
            page = domain.page(id)
            kind = page?.kind
        case .writeBackTDR:
            page = domain.pages.first { $0.state == .reclaimedTDR }
            kind = .tdr
        case .writeBackTable: (page, kind) = (domain.freedTable, .sept)
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
}
