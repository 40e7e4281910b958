internal import TDXCalls

// How guest memory comes back when a TD is taken down.

extension Step {
    /// Reclaims the last guest pages, some at once; says if the step ends with it. There may be millions, so that what
    /// is done for each is the call and little else.
    mutating func reclaimGuestPages() -> End? {
        let module = TDXModule(calls: engine.calls, host: engine.host)
        let processor = domain.home
        let clock = engine.environment.elapsedClock
        let (start, at) = (clock.nanoseconds, now)
        operation.progress.step = .phymemPageReclaim
        var calls = CallTally()
        var pages = 0
        var first: CallRecord.PageArgument?
        var refusal: (id: ResourceID, attempt: Attempt, error: SEAMCALLError)?
        while calls.times < Self.reclaimsAtOnce, refusal == nil, let page = domain.memory.pages.last {
            do throws(SEAMCALLError) {
                try module.tdh_phymem_page_reclaim(PageAddress(rawValue: page.address), on: processor)
                let count = domain.memory.pages.removeLast()
                pages += count
                for place in 0..<count {
                    pagesToFree.append(PageAddress(rawValue: page.address + UInt64(place * pageSizeBytes)))
                }
                calls.add(1, from: page.address, to: page.address, nanos: 0)
                first =
                    first
                    ?? CallRecord.PageArgument(
                        id: page.id, kind: .guest, address: PageAddress(rawValue: page.address))
            } catch {
                let attempt = Attempt(
                    leaf: error.leaf, processor: processor, input: CallRegisters(Registers(rcx: page.address)),
                    output: CallRegisters(error.registers), result: CallRecord.Result(error.cause), at: now,
                    durationNanos: 0)
                refusal = (page.id, attempt, error)
            }
        }
        if calls.times > 0 {
            endTries()
            domain.stateSource = .inferred
            domain.heldCounts[.guest] -= pages
            callsMade += calls.times
            advanceProgress(by: calls.times)
            let attempt = Attempt(
                leaf: .phymemPageReclaim, processor: processor, input: CallRegisters(Registers(rcx: calls.first)),
                output: CallRegisters(Registers(rcx: PageType.reg.rawValue, rdx: domain.td?.tdr.rawValue ?? 0)),
                result: .completion(.success), at: at, durationNanos: clock.nanoseconds - start)
            records.append(
                CallRecord(
                    attempt, id: engine.ids.next(.seamcall), in: context,
                    package: engine.platform.package(of: processor), attempt: 1, as: .accepted, page: first,
                    keyID: domain.keyID, times: calls.times, last: calls.last))
        }
        guard let refusal else { return nil }
        callsMade += 1
        log.note(refusal.attempt)
        return refused(.reclaimPage(refusal.id), refusal.error, on: processor)
    }

    private static var reclaimsAtOnce: Int { 64 }
}

extension Domain {
    /// Puts a guest page among the rows that are kept one by one, to be quarantined there; all of a large one.
    mutating func isolateGuestPage(_ id: ResourceID) -> [ResourceID] {
        let pages = memory.pages.together(id)
        memory.pages.remove(id)
        for page in pages { _ = insert(page) }
        return pages.map(\.id)
    }

    /// Puts all guest pages that the module has, or may have, among those rows, and gives the addresses of the others.
    ///
    /// - Parameter isTouched: whether the next reserved page is one that the module may have.
    mutating func isolateGuestPages(nextIsTouched isTouched: Bool) -> [UInt64] {
        var kept = memory.pages.all.filter { $0.state != .reserved }
        if isTouched, let page = memory.pages.nextPage { kept.append(page) }
        var untouched = memory.pages.removeReserved()
        if isTouched, let page = kept.last?.address.rawValue { untouched.removeAll { $0 == page } }
        memory.pages = GuestPages()
        for page in kept { _ = insert(page) }
        return untouched
    }

    /// Rows stand in the order of their ids.
    private mutating func insert(_ page: Page) -> Int {
        let place = (pages[..<firstReserved].lastIndex { $0.id < page.id } ?? -1) + 1
        pages.insert(page, at: place)
        firstReserved += 1
        return place
    }
}
