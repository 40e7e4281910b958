internal import TDXCalls
internal import Threading

// How a step fills guest memory: batch by batch, each page followed at once by its chunks, with what happens to every
// call done once for the batch.

extension Step {
    /// Adds one batch of pages, or what is left of it; says if the step ends with it.
    mutating func fill(_ call: Call) -> End? {
        guard let run = operation.memoryRun, let place = call.region else {
            preconditionFailure("memory is filled by an operation that was begun for it")
        }
        if domain.memory.pages.reservedCount == 0, case .addPage = call {
            // Written down before the first is handed over, as any page.
            return isUntouched ? reserveGuestPages(place) : .again
        }
        operation.progress.step = call.leaf
        if !run.hasBatch, let end = readBatch(place, run) { return end }
        // What the content or the host refused has ended the operation's way forward.
        guard var batch = run.takeBatch() else { return nil }
        let outcome = give(&batch, call)
        bytesFilled += UInt64(
            batch.isMeasured ? outcome.extends.times * measuredChunkBytes : outcome.adds.times * pageSizeBytes)
        note(outcome, of: batch)
        if batch.isDone {
            measure(batch)
        } else {
            run.put(batch)
        }
        guard let refusal = outcome.refusal else { return nil }
        flushCallRuns()
        log.note(refusal.attempt)
        return refused(refusal.call, refusal.error, on: refusal.attempt.processor)
    }

    // MARK: Taking pages and contents

    private mutating func reserveGuestPages(_ place: Int) -> End {
        let state = domain.memory.regions[place]
        var left = min(limits.reservationPages, state.region.pageCount - state.pagesAdded)
        var gpa = state.region.gpa.rawValue + UInt64(state.pagesAdded * pageSizeBytes)
        do throws(PortError) {
            while left > 0 {
                let taken =
                    state.region.largePageCount > 0
                    ? try reserveLargeGuestRun(GPA(rawValue: gpa))
                    : try reserveGuestRun(min(left, GuestPages.runPagesMax), GPA(rawValue: gpa))
                left -= taken
                gpa += UInt64(taken * pageSizeBytes)
            }
            operation.retry = nil
            return .again
        } catch {
            // As with other pages: what was just given back may not have reached the host yet.
            if error.reason == .exhausted, pagesTaken > 0 { return .again }
            if error.reason == .exhausted, let pause = pauseBeforeRetry() { return .after(pause) }
            if error.reason == .exhausted, state.region.largePageCount > 0 {
                let missing = state.region.largePageCount - state.pagesAdded / GuestPages.runPagesMax
                fail(.capacity(Shortage(engine.host.largePages, requested: missing)))
            } else {
                fail(.port(error, nil))
            }
            return .again
        }
    }

    private mutating func reserveGuestRun(_ count: Int, _ gpa: GPA) throws(PortError) -> Int {
        var addresses: [UInt64] = []
        addresses.reserveCapacity(count)
        var failure: PortError?
        while addresses.count < count, failure == nil {
            do throws(PortError) {
                addresses.append(try engine.host.allocatePage().rawValue)
            } catch {
                failure = error
            }
        }
        if !addresses.isEmpty { reserve(addresses, gpa) }
        if let failure { throw failure }
        return addresses.count
    }

    /// Pages that are to become a large one: a run of their own.
    private mutating func reserveLargeGuestRun(_ gpa: GPA) throws(PortError) -> Int {
        let first = try engine.host.allocateLargePage().rawValue
        reserve((0..<GuestPages.runPagesMax).map { first + UInt64($0 * pageSizeBytes) }, gpa)
        return GuestPages.runPagesMax
    }

    private mutating func reserve(_ addresses: [UInt64], _ gpa: GPA) {
        domain.memory.pages.reserve(
            GuestPages.Run(
                firstID: engine.ids.next(.page, count: addresses.count).value, gpa: gpa, addresses: addresses,
                since: engine.nextSequence(), sinceTime: now))
        pagesTaken += addresses.count
        operation.promised.pages -= addresses.count
        operation.promisedGuestPages -= addresses.count
    }

    /// Reads the next pages' contents and lays them out where the module can copy them from. After a failure there is
    /// no batch, and the operation takes back what it must.
    private mutating func readBatch(_ place: Int, _ run: MemoryRun) -> End? {
        let (engine, td) = (engine, domain.id)
        let wake: @Sendable () -> Void = { engine.wakeLane(td) }
        let state = domain.memory.regions[place]
        let content = run.content(of: place)
        let stream = stream(for: content, place)
        if let stream, !stream.hasRoom(orWake: wake) { return .awaitingWake }
        var bytes = stream?.takeBuffer() ?? run.takeBuffer()
        func giveBack(_ bytes: [UInt8]) {
            if let stream { stream.giveBack(bytes) } else { run.giveBack(bytes) }
        }
        switch content.fill(&bytes, state.region.pageCount, from: state.pagesAdded, wake: wake) {
        case .pages(let pages):
            do throws(PortError) {
                let source = try run.source(engine.host)
                let count = pages * pageSizeBytes
                engine.host.write(count == bytes.count ? bytes : Array(bytes[..<count]), to: source, at: 0)
            } catch {
                fail(.port(error, nil))
                return nil
            }
            if stream == nil { run.giveBack(bytes) }
            run.put(
                MemoryRun.Batch(
                    bytes: stream == nil ? [] : bytes, region: place, isMeasured: state.region.measure,
                    gpa: GPA(rawValue: state.region.gpa.rawValue + UInt64(state.pagesAdded * pageSizeBytes)),
                    pages: pages))
            return nil
        case .nothingYet:
            giveBack(bytes)
            return .awaitingWake
        case .failed(let reason):
            giveBack(bytes)
            fail(.contentFailed(region: place - run.firstRegion, reason: reason))
            return nil
        }
    }

    /// Where what passes once is hashed as it passes, with all that comes after it; nil as long as everything can be
    /// read again for whoever asks.
    private mutating func stream(for content: any MemoryContent, _ place: Int) -> MeasurementStream? {
        if let stream = domain.memory.stream { return stream }
        guard domain.memory.regions[place].region.measure, content.name == nil else { return nil }
        let stream = MeasurementStream()
        domain.memory.stream = stream
        let scheduler = engine.environment.scheduler
        if let lost = domain.memory.expectation.lost {
            stream.begin(.failure(.contentFailed(region: 0, reason: lost)), on: scheduler)
        } else {
            let expectation = domain.memory.expectation
            engine.hash(expectation.rest(to: place, of: domain.memory.regions), after: expectation.hash) { result in
                stream.begin(result, on: scheduler)
            }
        }
        return stream
    }

    // MARK: The calls

    private struct Refusal {
        let call: Call
        let error: SEAMCALLError
        let attempt: Attempt
    }

    private struct Outcome {
        var adds = CallTally()
        var extends = CallTally()
        var refusal: Refusal?

        var calls: Int { adds.times + extends.times }
    }

    /// Issues the batch's calls as far as pages are reserved and the module takes them. Nothing else is done here: the
    /// loop is what a launch consists of.
    private func give(_ batch: inout MemoryRun.Batch, _ call: Call) -> Outcome {
        guard let td = domain.td, let source = operation.memoryRun?.sourceAtHand else {
            preconditionFailure("memory is added to a TD, from a source")
        }
        // Not through the log, which keeps every call: what is accepted here is summed up.
        let module = TDXModule(calls: engine.calls, host: engine.host)
        let root = TD(tdr: td.tdr)
        let processor = domain.home
        let addresses = domain.memory.pages.nextAddresses
        var next = addresses.startIndex
        let clock = engine.environment.elapsedClock
        var outcome = Outcome()
        var time = clock.nanoseconds
        func fail(_ call: Call, _ error: SEAMCALLError, _ input: Registers) {
            let attempt = Attempt(
                leaf: error.leaf, processor: error.processor, input: CallRegisters(input),
                output: CallRegisters(error.registers),
                result: CallRecord.Result(error.cause), at: now, durationNanos: clock.nanoseconds - time)
            outcome.refusal = Refusal(call: call, error: error, attempt: attempt)
        }
        while outcome.refusal == nil {
            let page = batch.gpaOfPage(batch.added - 1)
            if batch.isMeasured, batch.added > 0, batch.chunks < chunksPerPage {
                let first = batch.chunks
                do throws(SEAMCALLError) {
                    while batch.chunks < chunksPerPage {
                        try module.tdh_mr_extend(root, batch.gpaOfChunk, on: processor)
                        batch.chunks += 1
                    }
                } catch {
                    let input = Registers(rcx: batch.gpaOfChunk.rawValue, rdx: td.tdr.rawValue)
                    fail(.extend(region: batch.region), error, input)
                }
                let count = batch.chunks - first
                let now = clock.nanoseconds
                if count > 0 {
                    outcome.extends.add(
                        count, from: page + UInt64(first * measuredChunkBytes),
                        to: page + UInt64((first + count - 1) * measuredChunkBytes), nanos: now - time)
                }
                time = now
                continue
            }
            guard batch.added < batch.pages, next < addresses.endIndex else { break }
            let gpa = GPA(rawValue: batch.gpaOfPage(batch.added))
            switch module.tdh_mem_page_add(
                root, gpa, Ledger.guestPage(addresses[next]), source: source, offset: batch.added * pageSizeBytes,
                on: processor)
            {
            case .accepted:
                let now = clock.nanoseconds
                outcome.adds.add(1, from: gpa.rawValue, to: gpa.rawValue, nanos: now - time)
                time = now
                batch.added += 1
                batch.chunks = 0
                next += 1
            case .refused(let page, let error):
                Ledger.takeBack(page)
                fail(
                    .addPage(region: batch.region), error,
                    Registers(
                        rcx: gpa.rawValue, rdx: td.tdr.rawValue, r8: addresses[next],
                        r9: source.address + UInt64(batch.added * pageSizeBytes)))
            }
        }
        return outcome
    }

    // MARK: What came of them

    private mutating func note(_ outcome: Outcome, of batch: MemoryRun.Batch) {
        guard outcome.calls > 0 else { return }
        endTries()
        domain.fill(
            batch.region, pages: outcome.adds.times, chunks: outcome.extends.times, engine.nextSequence(), now)
        operation.pagesGiven += outcome.adds.times
        operation.progress.done += outcome.calls
        operation.progress.bytesDone = operation.memoryRun.map { domain.bytesDone($0.regions) } ?? 0
        tally(.memPageAdd, outcome.adds)
        tally(.mrExtend, outcome.extends)
    }

    private mutating func tally(_ leaf: Leaf, _ calls: CallTally) {
        guard calls.times > 0 else { return }
        if let place = callRuns.firstIndex(where: { $0.leaf == leaf }) {
            callRuns[place].calls.add(calls.times, from: calls.first, to: calls.last, nanos: calls.nanos)
        } else {
            callRuns.append(CallRun(leaf: leaf, calls: calls, at: now))
        }
    }

    /// Writes the calls that were accepted so far down, as one record for each leaf.
    mutating func flushCallRuns() {
        for run in callRuns {
            let rdx = domain.td?.tdr.rawValue ?? 0
            let attempt = Attempt(
                leaf: run.leaf, processor: domain.home, input: CallRegisters(Registers(rcx: run.calls.first, rdx: rdx)),
                output: CallRegisters(Registers()), result: .completion(.success), at: run.at,
                durationNanos: run.calls.nanos)
            records.append(
                CallRecord(
                    attempt, id: engine.ids.next(.seamcall), in: context,
                    package: engine.platform.package(of: domain.home), attempt: 1, as: .accepted, keyID: domain.keyID,
                    times: run.calls.times, last: run.calls.last))
        }
        callRuns = []
    }

    /// Hands what was accepted on to the hash.
    private mutating func measure(_ batch: MemoryRun.Batch) {
        guard let stream = domain.memory.stream else { return }
        guard batch.added > 0 else { return stream.giveBack(batch.bytes) }
        stream.append(
            MeasuredPiece(
                gpa: batch.gpa, bytes: batch.bytes, isMeasured: batch.isMeasured, pages: batch.added,
                chunksOfLast: batch.chunks),
            on: engine.environment.scheduler)
    }

    /// There is no further call: what was accepted is measured to its end before the operation is.
    mutating func settleMemory() -> End? {
        guard let run = operation.memoryRun, let stream = domain.memory.stream else { return nil }
        // What is taken down measures nothing.
        if case .destroy = operation.goal { return nil }
        if let batch = run.takeBatch() { measure(batch) }
        let (engine, td) = (engine, domain.id)
        return stream.settled(orWake: { engine.wakeLane(td) }) == nil ? .awaitingWake : nil
    }
}

/// Accepted calls of one leaf, summed up.
struct CallTally {
    private(set) var times = 0
    /// RCX of the first and of the last.
    private(set) var first: UInt64 = 0
    private(set) var last: UInt64 = 0
    private(set) var nanos: UInt64 = 0

    mutating func add(_ count: Int, from first: UInt64, to last: UInt64, nanos: UInt64) {
        if times == 0 { self.first = first }
        times += count
        self.last = last
        self.nanos += nanos
    }
}

/// What a step has of them so far.
struct CallRun {
    let leaf: Leaf
    var calls: CallTally
    let at: WallTime
}

extension Call {
    /// Which of the TD's regions it fills.
    var region: Int? {
        switch self {
        case .addPage(let region), .extend(let region): region
        default: nil
        }
    }
}

extension Call {
    var isPageAdd: Bool { if case .addPage = self { true } else { false } }
}

extension CallRecord.Result {
    init(_ cause: SEAMCALLError.Cause) {
        switch cause {
        case .refused(let completion): self = .completion(completion)
        case .port(let error): self = .port(error)
        }
    }
}
