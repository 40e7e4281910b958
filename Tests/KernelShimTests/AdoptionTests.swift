import CTDXShim
import FakeTDX
import Glibc
import KernelShim
import Logging
import TDLifecycle
import TDXCalls
import TestFolders
import Testing
import Threading

/// An engine over the shim, that runs only when it is told to.
struct World {
    let machine: Machine
    let daemon: TestDaemon
    let engine: Engine
    let scheduler = ManualScheduler()
    let adopted: [ResourceID]
    private let requester = Requester(principal: "uid:0", requestID: ResourceID(.request, 1))

    init(_ machine: Machine, _ file: SessionFile) throws {
        self.machine = machine
        daemon = try TestDaemon(machine, file)
        let environment = EngineEnvironment(
            wallClock: scheduler, elapsedClock: scheduler, random: SystemRandom(), scheduler: scheduler)
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        engine = Engine(calls: daemon.shim, host: daemon.shim, environment: environment, logger: logger)
        adopted = engine.adopt(daemon.adoption.inventory)
    }

    static let vcpus = 2

    func create() throws -> (td: ResourceID, operation: ResourceID) {
        let spec = TDSpec(
            attributes: .septVEDisable, xfam: [.x87, .sse], maxVCPUs: 4, numL2VMs: 0, gpaWidthBits: 48, eptLevels: 4,
            tscFrequencyKHz: 2_500_000, noRBPMod: true, flexiblePendingVE: false, mrConfigID: .zero, mrOwner: .zero,
            mrOwnerConfig: .zero, ia32ArchCapabilities: nil, cpuid: [], vcpuCount: Self.vcpus,
            buildUntil: .initialized)
        let answer = try engine.createTD(TDRequest(name: nil, labels: [:], spec: spec), by: requester)
        scheduler.runUntilQuiet()
        return answer
    }

    func delete(_ td: ResourceID) throws -> TDLifecycle.Operation {
        let answer = try engine.deleteTD(.id(td), by: requester)
        scheduler.runUntilQuiet()
        return try engine.operation(answer.operation)
    }

    func td(_ id: ResourceID) throws -> Domain { try engine.td(.id(id)) }
}

extension Domain {
    /// How many pages of each kind it has.
    fileprivate var kinds: [PageKind: Int] {
        pages.compactMap(\.kind).reduce(into: [:]) { $0[$1, default: 0] += 1 }
    }
}

extension CoreSession {
    /// The program dies right after its `count`th SEAMCALL.
    func die(afterCalls count: Int) {
        let left = Countdown(count - 1)
        after.withLock {
            $0 = Change(tdx_shim_seamcall_request()) { [self] (_: inout tdx_shim_call) in
                if !left.next() { close() }
            }
        }
    }
}

@Suite("Taking over from a daemon that died")
struct AdoptionTests {
    /// SEAMCALLs of a whole creation, and of a deletion.
    private static let creation = 1 + 2 + 6 + 1 + World.vcpus * (1 + 5 + 1)
    /// The same of a deletion: flushes, write-backs of both packages, pages, the TDR's write-back.
    private static let deletion = World.vcpus + 1 + 2 + 1 + World.vcpus * 6 + 6 + 1 + 1

    @Test("A whole creation makes as many calls as these tests think")
    func calls() throws {
        let folder = try TemporaryFolder()
        defer { withExtendedLifetime(folder) {} }
        let world = try World(try Machine(), folder.session)
        let td = try world.create().td
        #expect(try world.td(td).phase == .initialized)
        #expect(world.engine.records(RecordFilter(td: td), limit: 1000).rows.count == Self.creation)
        // Whether the rest is free or KVM's, only the kernel's allocator knows.
        let keyIDs = world.engine.capacity.keyIDs
        #expect(keyIDs.total == 31 && keyIDs.held == 1 && keyIDs.unknown == 30 && keyIDs.quarantined == 0)
        #expect(keyIDs.free == nil && keyIDs.foreign == nil)
        #expect(world.engine.capacity.source == .kernelAllocator)
        let states = Dictionary(grouping: world.engine.keyIDs.rows, by: \.state).mapValues(\.count)
        // The module's own is among them.
        #expect(states == [.assigned: 1, .unknown: 31])
        #expect(try world.delete(td).state == .succeeded)
        let calls = world.engine.records(RecordFilter(td: td), limit: 1000).rows.count
        #expect(calls == Self.creation + Self.deletion)
        #expect(world.engine.capacity.pages.held == 0)
        #expect(world.daemon.troubles.withLock { $0 } == [])
        #expect(world.machine.pagesOut == 0 && world.machine.keyIDsOut == 0)
    }

    @Test("Where the kernel does not say how many KeyIDs there are, no number is made up")
    func unknownRange() throws {
        let folder = try TemporaryFolder()
        defer { withExtendedLifetime(folder) {} }
        let machine = try Machine { module in
            module.first_keyid = 0
            module.last_keyid = 0
        }
        let world = try World(machine, folder.session)
        let td = try world.create().td
        #expect(try world.td(td).phase == .initialized)
        let keyIDs = world.engine.capacity.keyIDs
        #expect(keyIDs.total == nil && keyIDs.free == nil && keyIDs.foreign == nil && keyIDs.unknown == nil)
        #expect(keyIDs.held == 1)
        #expect(try world.delete(td).state == .succeeded)
    }

    @Test(
        "Died after any call of a creation: the TD is taken over, and deleting it frees everything",
        arguments: 1...creation)
    func duringCreation(_ count: Int) throws {
        let machine = try Machine()
        let folder = try TemporaryFolder()
        do {
            let first = try World(machine, folder.session)
            first.daemon.device.die(afterCalls: count)
            _ = try first.create()
        }
        let second = try World(machine, folder.session)
        #expect(second.daemon.adoption.sessions == 1)
        let td = try #require(second.adopted.first)
        #expect(second.adopted.count == 1)
        let before = try second.td(td)
        #expect(before.phase == .unknown)
        #expect(before.quarantine.isEmpty)
        #expect(before.allowedActions(on: second.engine.platform).contains(.delete))
        #expect(!before.allowedActions(on: second.engine.platform).contains(.createVCPU))
        #expect(second.engine.capacity.pages.held == machine.pagesOut)
        #expect(second.engine.capacity.keyIDs.held == 1)
        let isInitialized = count >= 10
        #expect(before.stateSource == (count >= 3 ? .read : .inferred), "\(before.stateText)")
        if count >= 3 { #expect(before.lifecycle == .keysConfigured) }
        // After the first of two keys nobody can say which packages have it.
        let configured = count >= 3 ? second.engine.platform.packages : []
        #expect(before.configuredPackages == Set(configured))
        let keyID = try #require(before.keyID)
        let row = try #require(second.engine.keyID(keyID))
        #expect(row.packages.filter(\.isConfigured).map(\.package) == configured)
        #expect((before.opState == .initialized) == isInitialized)
        if isInitialized { #expect(before.spec.maxVCPUs == 4 && before.spec.attributes == .septVEDisable) }
        let operation = try second.delete(td)
        #expect(operation.state == .succeeded, "\(String(describing: operation.failure))")
        #expect(try second.td(td).phase == .deleted)
        #expect(machine.pagesOut == 0 && machine.keyIDsOut == 0)
        #expect(second.engine.capacity.pages.held == 0 && second.engine.capacity.keyIDs.held == 0)
        #expect(second.daemon.troubles.withLock { $0 } == [])
        #expect(machine.fake.misuses == [])
        #expect(machine.fake.snapshot().ownedPages == 0)
    }

    @Test("Died after any call of a deletion: the rest is deleted by the next", arguments: 1...deletion)
    func duringDeletion(_ count: Int) throws {
        let machine = try Machine()
        let folder = try TemporaryFolder()
        do {
            let first = try World(machine, folder.session)
            let td = try first.create().td
            first.daemon.device.die(afterCalls: count)
            _ = try first.delete(td)
        }
        let second = try World(machine, folder.session)
        // From VPFLUSHDONE to KEY.FREEID it is blocked, and the caches count as not written back.
        let isBlocked = (World.vcpus + 1..<World.vcpus + 4).contains(count)
        for td in second.adopted {
            let before = try second.td(td)
            #expect((before.lifecycle == .blocked) == isBlocked, "\(before.stateText)")
            if isBlocked {
                #expect(before.configuredPackages == Set(second.engine.platform.packages))
                let keyID = try #require(before.keyID)
                let row = try #require(second.engine.keyID(keyID))
                #expect(row.state == .flushed)
                #expect(row.packages.map(\.writeBack) == [.pending, .pending])
            }
            let operation = try second.delete(td)
            #expect(operation.state == .succeeded, "\(String(describing: operation.failure))")
        }
        #expect(machine.pagesOut == 0 && machine.keyIDsOut == 0)
        #expect(second.engine.capacity.pages.held == 0 && second.engine.capacity.keyIDs.held == 0)
        #expect(machine.fake.misuses == [])
        #expect(machine.fake.snapshot().ownedPages == 0)
    }

    @Test("A vCPU that the shim thinks is with no processor is looked for on every one")
    func sweep() throws {
        let machine = try Machine()
        let folder = try TemporaryFolder()
        do { _ = try World(machine, folder.session).create() }
        let device = machine.open()
        // SAFETY: C lays the array out as its elements.
        device.after.withLock {
            $0 = CoreSession.Change(tdx_shim_list_request()) { (list: inout tdx_shim_list) in
                unsafe withUnsafeMutableBytes(of: &list.entry) { bytes in
                    for entry in unsafe bytes.bindMemory(to: tdx_shim_entry.self).indices {
                        unsafe bytes.bindMemory(to: tdx_shim_entry.self)[entry].processor = TDX_SHIM_NO_PROCESSOR
                    }
                }
            }
        }
        let shim = try KernelShim(device) { _ in }
        let adoption = try shim.takeOver(folder.session)
        #expect(adoption.inventory.pages.count { $0.kind == .tdvpr && $0.processor == nil } == World.vcpus)
        let scheduler = ManualScheduler()
        let environment = EngineEnvironment(
            wallClock: scheduler, elapsedClock: scheduler, random: SystemRandom(), scheduler: scheduler)
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let engine = Engine(calls: shim, host: shim, environment: environment, logger: logger)
        let td = try #require(engine.adopt(adoption.inventory).first)
        let requester = Requester(principal: "uid:0", requestID: ResourceID(.request, 1))
        let operation = try engine.deleteTD(.id(td), by: requester).operation
        scheduler.runUntilQuiet()
        #expect(try engine.operation(operation).state == .succeeded)
        #expect(machine.pagesOut == 0 && machine.keyIDsOut == 0)
    }

    @Test("An outcome that nobody knows is in quarantine, here and after the next start, with the reason")
    func doubt() throws {
        let machine = try Machine()
        let folder = try TemporaryFolder()
        do {
            let first = try World(machine, folder.session)
            machine.arm(.mngAddCX, .fault(TDX_SHIM_FAULT_TIMEOUT, executed: true))
            let td = try first.create().td
            #expect(try first.td(td).phase == .quarantined)
            #expect(first.engine.capacity.keyIDs.quarantined == 1)
            first.daemon.device.close()
        }
        let second = try World(machine, folder.session)
        let td = try second.td(try #require(second.adopted.first))
        #expect(td.phase == .quarantined)
        #expect(!td.allowedActions(on: second.engine.platform).contains(.delete))
        #expect(second.engine.capacity.keyIDs.quarantined == 1)
        #expect(second.engine.capacity.pages.quarantined == td.pages.count)
        let doubted = try #require(td.quarantine.first { $0.reason == "the call was not answered in time" })
        #expect(doubted.leaf == .mngAddCX)
        #expect(td.quarantine.contains { $0.reason == "its TD is in doubt: the call was not answered in time" })
    }

    @Test("A creation whose first call is in doubt leaves a page and a KeyID of no TD")
    func doubtfulRoot() throws {
        let machine = try Machine()
        let folder = try TemporaryFolder()
        do {
            let first = try World(machine, folder.session)
            machine.arm(.mngCreate, .fault(TDX_SHIM_FAULT_VMFAIL, executed: false))
            _ = try first.create()
            first.daemon.device.close()
        }
        let second = try World(machine, folder.session)
        #expect(second.adopted.count == 1)
        let td = try second.td(try #require(second.adopted.first))
        #expect(td.phase == .quarantined)
        #expect(td.quarantine.map(\.leaf) == [.mngCreate, .mngCreate])
        #expect(second.engine.capacity.pages.quarantined == 1)
        #expect(second.engine.capacity.keyIDs.quarantined == 1)
    }

    @Test("When the emulator is lost, everything is in quarantine and nothing is freed")
    func everythingInDoubt() throws {
        let machine = try Machine()
        let folder = try TemporaryFolder()
        var kinds: [PageKind: Int] = [:]
        do {
            let first = try World(machine, folder.session)
            let created = try first.create()
            kinds = try first.td(created.td).kinds
            machine.doubtAll()
        }
        let pages = machine.pagesOut
        let second = try World(machine, folder.session)
        #expect(second.engine.capacity.pages.quarantined == pages)
        let td = try second.td(try #require(second.adopted.first))
        #expect(second.adopted.count == 1)
        #expect(td.phase == .quarantined)
        // The device says what each page was, and that no call is to blame.
        #expect(kinds[.tdcs] == 6 && kinds[.tdr] == 1)
        #expect(td.kinds == kinds)
        #expect(td.quarantine.allSatisfy { $0.leaf == nil })
        #expect(td.quarantine.allSatisfy { $0.reason == "the emulator died, and with it what it knew" })
        let number = try #require(td.keyID)
        let failure = try #require(second.engine.keyID(number)?.lastFailure)
        #expect(failure.leaf == nil)
    }

    @Test("A trap changes nothing: the creation fails and takes everything back")
    func trap() throws {
        let machine = try Machine()
        let folder = try TemporaryFolder()
        defer { withExtendedLifetime(folder) {} }
        let world = try World(machine, folder.session)
        machine.arm(.mngAddCX, .fault(TDX_SHIM_FAULT_UD, executed: false))
        let answer = try world.create()
        #expect(try world.engine.operation(answer.operation).state == .failed)
        #expect(machine.pagesOut == 0 && machine.keyIDsOut == 0)
        #expect(world.engine.capacity.keyIDs.quarantined == 0)
    }

    // MARK: The session's file

    @Test("The session is written down before anything is allocated, and only its owner may read it")
    func file() throws {
        let machine = try Machine()
        let folder = try TemporaryFolder()
        let device = machine.open()
        let shim = try KernelShim(device) { _ in }
        _ = try shim.takeOver(folder.session)
        #expect(try folder.session.read() == [shim.session])
        var status = stat()
        // SAFETY: path and structure live through the call.
        #expect(unsafe stat(folder.session.path, &status) == 0)
        #expect(status.st_mode & 0o777 == 0o600)
        #expect(machine.pagesOut == 0)
    }

    @Test("A daemon that still runs keeps its session: the second one is refused, and forgets nothing")
    func inUse() throws {
        let machine = try Machine()
        let folder = try TemporaryFolder()
        let first = try TestDaemon(machine, folder.session)
        #expect(throws: ShimUnavailable.sessionInUse(session: first.shim.session.number)) {
            try TestDaemon(machine, folder.session)
        }
        #expect(try folder.session.read() == [first.shim.session])
    }

    @Test("A daemon that dies while it takes over loses nothing", arguments: 0...2)
    func diedTakingOver(_ when: Int) throws {
        let machine = try Machine()
        let folder = try TemporaryFolder()
        do { _ = try World(machine, folder.session).create() }
        let pages = machine.pagesOut
        do {
            let device = machine.open()
            let left = Countdown(when)
            device.before.withLock {
                $0 = { number in
                    [tdx_shim_adopt_request(), tdx_shim_list_request()].contains(number) && !left.next() ? EIO : 0
                }
            }
            let shim = try KernelShim(device) { _ in }
            if when < 2 {
                #expect(throws: ShimUnavailable.self) { try shim.takeOver(folder.session) }
            } else {
                _ = try shim.takeOver(folder.session)
            }
            device.close()
        }
        #expect(machine.pagesOut == pages)
        let third = try World(machine, folder.session)
        #expect(third.adopted.count == 1)
        for td in third.adopted { #expect(try third.delete(td).state == .succeeded) }
        #expect(machine.pagesOut == 0 && machine.keyIDsOut == 0)
    }

    @Test(
        "A file that is not ours to believe is refused",
        arguments: [
            ("", mode_t(0o600)), ("something else\n", 0o600), ("tdxd-shim-sessions 1\n1 2\n", 0o600),
            ("tdxd-shim-sessions 1\nx y z\n", 0o600), ("tdxd-shim-sessions 1\n1 2 3\n", 0o644),
        ])
    func badFile(_ text: String, _ mode: mode_t) throws {
        let folder = try TemporaryFolder()
        // SAFETY: path and bytes live through the calls.
        let file = unsafe open(folder.session.path, O_WRONLY | O_CREAT | O_CLOEXEC, mode)
        _ = unsafe text.utf8CString.withUnsafeBytes { bytes in unsafe write(file, bytes.baseAddress, bytes.count - 1) }
        fchmod(file, mode)
        close(file)
        let error = #expect(throws: ShimUnavailable.self) { try folder.session.read() }
        guard case .sessionFile(folder.session.path, _)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test("Entries that contradict each other are not believed", arguments: 0..<5)
    func hostileList(_ lie: Int) throws {
        let machine = try Machine()
        let folder = try TemporaryFolder()
        do { _ = try World(machine, folder.session).create() }
        let device = machine.open()
        device.after.withLock {
            $0 = CoreSession.Change(tdx_shim_list_request()) { (list: inout tdx_shim_list) in
                switch lie {
                case 0: list.entry.1.handle = list.entry.0.handle
                case 1: list.entry.2.kind = 200
                case 2: list.entry.2.parent = 0xabc_0000_0001
                case 3: list.count = 33
                default: list.cursor = 1
                }
            }
        }
        let shim = try KernelShim(device) { _ in }
        let error = #expect(throws: ShimUnavailable.self) { try shim.takeOver(folder.session) }
        guard case .failing(let reason)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(reason.fault == .badAnswer)
    }

    // MARK: Orphans

    @Test("A session whose token is lost is listed, reclaimed by an administrator, and gone")
    func orphan() throws {
        let machine = try Machine()
        let folder = try TemporaryFolder()
        defer { withExtendedLifetime(folder) {} }
        do { _ = try World(machine, folder.session).create() }
        #expect(machine.pagesOut > 0)
        let administration = try ShimAdministration(machine.open())
        let sessions = try administration.sessions()
        #expect(sessions.count == 1)
        let session = try #require(sessions.first)
        #expect(!session.isOpen && session.pages == machine.pagesOut && session.keyIDs == 1)
        var progress = try administration.reclaim(session.number)
        var steps = 0
        while case .more(let made, _) = progress, steps < 1000 {
            steps += made
            progress = try administration.reclaim(session.number)
        }
        guard case .done(let last) = progress else {
            Issue.record("\(progress)")
            return
        }
        // As a daemon deletes a TD with its 19 pages.
        #expect(steps + last == 26)
        #expect(try administration.sessions() == [])
        #expect(machine.pagesOut == 0 && machine.keyIDsOut == 0)
        #expect(machine.fake.snapshot().ownedPages == 0)
    }

    @Test("What a reclaim cannot free can be forgotten")
    func forgotten() throws {
        let machine = try Machine()
        do {
            let folder = try TemporaryFolder()
            defer { withExtendedLifetime(folder) {} }
            let world = try World(machine, folder.session)
            machine.arm(.mngAddCX, .fault(TDX_SHIM_FAULT_TIMEOUT, executed: false))
            _ = try world.create()
        }
        let administration = try ShimAdministration(machine.open())
        let session = try #require(try administration.sessions().first)
        #expect(session.quarantined > 0)
        let lost = try administration.forget(session.number)
        #expect(lost.pages == session.quarantined)
    }
}
