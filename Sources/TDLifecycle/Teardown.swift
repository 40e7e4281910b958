internal import TDXCalls

// What a teardown does when the module refuses it for good: it finds out what the ledger did not know, or
// takes what cannot be freed out of use.

extension Step {
    /// Why something is quarantined: the call that failed, and its record if it left one.
    struct Cause {
        let leaf: Leaf?
        let record: ResourceID?
        let completion: Completion?

        init(_ leaf: Leaf, _ record: CallRecord?) {
            self.leaf = leaf
            self.record = record?.id
            completion = record?.completion
        }

        init(_ other: Quarantined) {
            leaf = other.leaf
            record = other.record
            completion = other.completion
        }
    }

    /// How often a teardown starts over because the module knows of something the ledger does not.
    private static var correctionsMax: Int { 2 }

    private func isCorrectable(_ call: Call, _ completion: Completion) -> Bool {
        guard operation.corrections < Self.correctionsMax else { return false }
        return switch (call, completion) {
        case (.flushDone, .flushVPNotDone), (.freeKey, .wbCacheNotComplete): true
        // A daemon before this one had come that far already.
        case (.flushDone, .lifecycleStateIncorrect): domain.isAdopted && domain.associated.isEmpty
        default: false
        }
    }

    /// What the record of a final refusal says was made of it.
    func handling(of completion: Completion, for call: Call) -> CallRecord.Handling {
        guard case .destroy = operation.goal else { return .failed }
        return isCorrectable(call, completion) ? .retried : .quarantined
    }

    mutating func teardownRefused(_ call: Call, _ failure: LifecycleError) -> End? {
        let record = failure.record
        if let completion = record?.completion, isCorrectable(call, completion) {
            operation.corrections += 1
            correct(call, completion)
            // Others must see the correction before the next call asks them: the step ends.
            return .again
        }
        let cause = Cause(call.leaf, record)
        switch call {
        case .reclaimPage(let id):
            let guest = domain.isolateGuestPage(id)
            for id in guest.isEmpty ? [id] : guest {
                if let place = domain.pages.lastIndex(where: { $0.id == id }) { quarantine(pageAt: place, cause) }
            }
            return nil
        case .writeBackTDR:
            if let place = domain.pages.firstIndex(where: { $0.state == .reclaimedTDR }) {
                quarantine(pageAt: place, cause)
            }
            return nil
        default:
            quarantineAll(cause, touchedBy: nil)
            return end(.quarantined, failure)
        }
    }

    private mutating func correct(_ call: Call, _ completion: Completion) {
        switch call {
        case .flushDone where completion.code == Completion.lifecycleStateIncorrect.code:
            domain.lifecycle = .blocked
            domain.writtenBackPackages = []
            if let number = domain.keyID { change(number) { $0.expectWriteBacks() } }
        case .flushDone:
            // A vCPU is with a processor the ledger does not know of: ask for each on every one.
            if !domain.vcpus.isEmpty { operation.sweep = Operation.Sweep(vcpu: 0, processor: 0) }
        case .freeKey:
            domain.writtenBackPackages = []
            if let number = domain.keyID { change(number) { $0.expectWriteBacks() } }
        default:
            preconditionFailure("\(call.leaf.name) has nothing to be corrected")
        }
    }

    /// Goes on to the next processor, then to the next vCPU, then ends the sweep.
    mutating func advanceSweep() {
        guard var sweep = operation.sweep else { return }
        sweep.processor += 1
        if sweep.processor == engine.platform.processors.count {
            sweep.processor = 0
            sweep.vcpu += 1
        }
        operation.sweep = sweep.vcpu < domain.vcpus.count ? sweep : nil
    }

    private mutating func quarantine(pageAt place: Int, _ cause: Cause) {
        let kind = domain.pages[place].kind
        if case .held(let held) = domain.pages[place].state { domain.heldCounts[held] -= 1 }
        domain.pages[place].state = .quarantined(kind)
        domain.pages[place].since = engine.nextSequence()
        domain.pages[place].sinceTime = now
        pagesQuarantined += 1
        quarantine(.page(domain.pages[place].id), cause)
    }

    private mutating func quarantine(_ thing: Quarantined.Thing, _ cause: Cause) {
        domain.quarantine.append(
            Quarantined(
                thing: thing, record: cause.record, leaf: cause.leaf, completion: cause.completion, at: now))
    }

    /// The TD cannot be taken down: everything it holds is out of use for good, with the call that failed.
    /// - Parameter call: what may have taken a page all the same.
    mutating func quarantineAll(_ cause: Cause, touchedBy call: Call?) {
        releaseReserved(touchedBy: call)
        pagesToFree += domain.isolateGuestPages(nextIsTouched: call?.isPageAdd == true)
            .map { PageAddress(rawValue: $0) }
        for place in domain.pages.indices {
            if case .quarantined = domain.pages[place].state { continue }
            quarantine(pageAt: place, cause)
        }
        domain.firstReserved = domain.pages.count
        guard let number = domain.keyID else { return }
        let failure = KeyIDRow.Failure(record: cause.record, leaf: cause.leaf, completion: cause.completion, at: now)
        change(number) { row in
            row.state = .quarantined
            row.lastFailure = failure
        }
        quarantine(.keyID(number), cause)
    }

    /// Pages no call has touched are still ours, whatever became of the others.
    private mutating func releaseReserved(touchedBy call: Call?) {
        let untouched = domain.firstReserved + (call?.takesPage == true && call?.isPageAdd != true ? 1 : 0)
        guard untouched < domain.pages.count else { return }
        pagesToFree += domain.pages[untouched...].map { PageAddress(rawValue: $0.address.rawValue) }
        domain.pages.removeSubrange(untouched...)
    }
}
