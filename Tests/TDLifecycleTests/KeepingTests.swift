import FakeTDX
import TDXCalls
import Testing
import Threading

@testable import TDLifecycle

@Suite("What is kept, and for how long")
struct KeepingTests {
    @Test("The oldest operations and deleted TDs are forgotten first, lists and records with them")
    func limits() throws {
        var limits = EngineLimits()
        limits.operationsMax = 10
        limits.tombstonesMax = 4
        let world = try World(limits: limits)
        var tds: [ResourceID] = []
        for _ in 0..<20 {
            let (td, _) = try world.create(world.spec(until: .tdrCreated))
            tds.append(td)
            _ = try world.delete(td)
            world.expectInvariants("a life")
        }
        let kept = world.engine.tds(after: nil, limit: 100, includeDeleted: true) { _ in true }.rows.map(\.id)
        #expect(kept == Array(tds.suffix(4)))
        #expect(world.engine.operations(after: nil, limit: 100).rows.count == 10)
        for td in tds.dropLast(4) {
            #expect(throws: LifecycleError.self) { try world.engine.td(.id(td)) }
            // The host's ring still has what the TD's had.
            #expect(world.records(td).count == 7)
        }
        let rings = world.engine.views.withLock { $0.records.count }
        #expect(rings == 4)
    }

    @Test("Time alone forgets what is beyond the number that is kept anyhow")
    func age() throws {
        var limits = EngineLimits()
        limits.keptMin = 2
        limits.retention = .seconds(100)
        let world = try World(limits: limits)
        for _ in 0..<5 { _ = try world.delete(try world.create(world.spec(until: .tdrCreated)).td) }
        func tombstones() -> Int {
            world.engine.tds(after: nil, limit: 100, includeDeleted: true) { _ in true }.rows.count { $0.isDeleted }
        }
        #expect(tombstones() == 5)
        world.scheduler.enqueue(after: .seconds(99)) {}
        world.scheduler.runUntilQuiet()
        let (td, _) = try world.create(world.spec(until: .tdrCreated))
        #expect(tombstones() == 5)
        world.scheduler.enqueue(after: .seconds(2)) {}
        world.scheduler.runUntilQuiet()
        _ = try world.delete(td)
        #expect(tombstones() == 3)
        #expect(world.engine.operations(after: nil, limit: 100).rows.count < 12)
        world.expectInvariants("a hundred seconds")
    }

    @Test("Records outlive their TD, and those of an operation are found by it")
    func records() throws {
        let world = try World()
        let (td, creation) = try world.create(world.spec(vcpus: 1))
        let deletion = try world.delete(td)
        func found(_ filter: RecordFilter) -> Int { world.engine.records(filter, limit: 1_000).rows.count }
        #expect(found(RecordFilter(operation: creation.id)) == 17)
        #expect(found(RecordFilter(operation: deletion.id)) == 19)
        #expect(found(RecordFilter(td: td)) == 36)
        #expect(found(RecordFilter(td: td, leaf: Leaf.mngAddCX.number)) == 6)
        #expect(found(RecordFilter(keyID: KeyID(rawValue: 33), leaf: Leaf.mngCreate.number)) == 1)
        #expect(found(RecordFilter(completion: .operandBusy)) == 0)
        let all = world.engine.records(RecordFilter(), limit: 10)
        #expect(all.hasMore && all.rows.count == 10)
        var seen = all.rows
        while let last = seen.last, case let next = world.engine.records(RecordFilter(since: last.sequence), limit: 7),
            !next.rows.isEmpty
        { seen += next.rows }
        #expect(seen.count == 36)
        #expect(seen.map(\.sequence) == seen.map(\.sequence).sorted() && Set(seen.map(\.id)).count == 36)
    }

    @Test("Repeats of a passing answer are one record that counts them; what a full ring lets go is counted")
    func rings() throws {
        var limits = EngineLimits()
        limits.recordsPerTD = 8
        limits.recordsOfHost = 20
        let world = try World(limits: limits)
        world.port.arm(.answer(Completion(.operandBusy, operand: .rdx)), on: .mngAddCX, times: 50)
        let (td, creation) = try world.create(world.spec())
        #expect(creation.state == .succeeded)
        let listing = world.engine.records(RecordFilter(td: td), limit: 100)
        #expect(listing.rows.count == 8 && listing.dropped == 3)
        let busy = try #require(listing.rows.first { $0.completion?.code == Completion.operandBusy.code })
        #expect(busy.repeats == 49 && busy.attempt == 1)
        #expect(listing.rows.first { $0.leaf == .mngAddCX && $0.handledAs == .accepted }?.attempt == 51)
        let host = world.engine.records(RecordFilter(), limit: 100)
        #expect(host.rows.count == 11 && host.dropped == 0)
    }

    @Test("Records of deleted TDs have a common limit; the longest deleted lose theirs")
    func recordsOfDeleted() throws {
        var limits = EngineLimits()
        limits.recordsOfDeletedMax = 50
        limits.recordsOfHost = 10
        let world = try World(limits: limits)
        let tds = try (0..<4).map { _ in try world.create(world.spec()).td }
        for td in tds { _ = try world.delete(td) }
        // 22 calls a life.
        #expect(tds.map { world.records($0).count }.map { $0 == 22 } == [false, false, true, true])
        for td in tds { #expect(try world.domain(td).phase == .deleted) }
    }
}

@Suite("What there is too little of")
struct ShortageTests {
    /// A host with room for few pages and three TDs.
    private func small(pages: Int) throws -> World {
        var platform = FakePlatform.oracle
        platform.privateKeyIDs = KeyID(rawValue: 32)...KeyID(rawValue: 35)
        let size = platform.tdmrs[0].range.size
        let usable = UInt64(pages * pageSizeBytes)
        platform.tdmrs[0].reserved = [MemoryRange(base: usable, size: size - usable)]
        return try World(platform: platform)
    }

    private func shortage(_ body: () throws -> Void) -> Shortage? {
        do {
            try body()
            return nil
        } catch LifecycleError.capacity(let shortage) {
            return shortage
        } catch {
            return nil
        }
    }

    @Test("One TD more than there are KeyIDs is refused before a call, and one less frees one")
    func keyIDs() throws {
        let world = try small(pages: 1_000)
        let before = world.capacity
        let tds = try (0..<3).map { _ in try world.create(world.spec()).td }
        let calls = world.port.calls
        let found = shortage { _ = try world.engine.createTD(world.request(world.spec()), by: world.lab) }
        #expect(
            found
                == Shortage(resource: .keyIDs, limit: 3, used: 3, quarantined: 0, foreign: 0, requested: 1))
        #expect(world.port.calls == calls)
        world.expectInvariants("a shortage")
        _ = try world.delete(tds[1])
        let (td, creation) = try world.create(world.spec())
        #expect(creation.state == .succeeded)
        for td in [tds[0], tds[2], td] { _ = try world.delete(td) }
        #expect(world.capacity == before)
        world.expectInvariants("a shortage overcome")
    }

    @Test("Promises count: as many creations are taken as there are KeyIDs, whether they have begun or not")
    func promises() throws {
        let world = try small(pages: 1_000)
        for _ in 0..<3 { _ = try world.engine.createTD(world.request(world.spec()), by: world.lab) }
        let found = shortage { _ = try world.engine.createTD(world.request(world.spec()), by: world.lab) }
        #expect(found?.used == 3 && found?.resource == .keyIDs)
        #expect(shortage { _ = try world.engine.planTD(world.request(world.spec()), by: world.lab) } != nil)
        world.scheduler.runUntilQuiet()
        world.expectInvariants("three creations")
    }

    @Test("Pages that are not there are refused before a call; what is there can be used to the last one")
    func pages() throws {
        let world = try small(pages: 7 + 12)
        let before = world.capacity
        let found = shortage { _ = try world.engine.createTD(world.request(world.spec(vcpus: 3)), by: world.lab) }
        #expect(
            found == Shortage(resource: .pages, limit: 19, used: 0, quarantined: 0, foreign: 0, requested: 25))
        let (td, creation) = try world.create(world.spec(vcpus: 2))
        #expect(creation.state == .succeeded)
        #expect(world.engine.capacity.pages.free == 0)
        #expect(shortage { _ = try world.engine.createVCPUs(.id(td), [VCPUSpec()], by: world.lab) }?.requested == 6)
        let step = StepRequest(call: .createVCPU(VCPUSpec()))
        #expect(shortage { _ = try world.engine.step(.id(td), step, by: world.lab) }?.requested == 1)
        #expect(shortage { _ = try world.engine.createTD(world.request(world.spec()), by: world.lab) }?.used == 19)
        world.expectInvariants("shortages")
        _ = try world.delete(td)
        #expect(world.capacity == before)
        try world.expectCycle()
    }

    @Test("Pages and KeyIDs on their way back to the host are waited for")
    func onTheirWayBack() throws {
        let world = try small(pages: 19)
        let (td, _) = try world.create(world.spec(vcpus: 2))
        let (_, deletion) = try world.engine.deleteTD(.id(td), by: world.lab)
        // The ledger has the pages as soon as the deletion is committed; the host gets them after that.
        let next = Locked<ResourceID?>(nil)
        try world.engine.awaitEnd(of: deletion, timeout: .seconds(60)) { _ in
            let created = try? world.engine.createTD(world.request(world.spec(vcpus: 2)), by: world.lab)
            next.withLock { $0 = created?.operation }
        }
        world.scheduler.runUntilQuiet()
        #expect(try world.engine.operation(try #require(next.withLock { $0 })).state == .succeeded)
        world.expectInvariants("pages that came back")
    }

    @Test("A host that has less than it promised fails the creation, and nothing is lost")
    func hostRunsOut() throws {
        let world = try small(pages: 10)
        // Somebody else takes pages behind the engine's back.
        let taken = try (0..<5).map { _ in try world.fake.allocatePage() }
        let (td, operation) = try world.create(world.spec())
        #expect(operation.state == .failed && operation.rollback == .done)
        guard case .port(let error, nil) = operation.failure else {
            Issue.record("it failed with \(String(describing: operation.failure))")
            return
        }
        #expect(error.reason == .exhausted)
        #expect(try world.domain(td).isDeleted)
        for page in taken { world.fake.free(page) }
        world.expectInvariants("a host without pages")
        try world.expectCycleWithoutVCPUs()
    }
}

extension World {
    fileprivate func expectCycleWithoutVCPUs() throws {
        let before = capacity
        let (td, creation) = try create(spec())
        #expect(creation.state == .succeeded)
        #expect(try delete(td).state == .succeeded)
        #expect(capacity == before)
    }
}
