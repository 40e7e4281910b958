import FakeTDX
import FakeTransport
import Glibc
import Logging
import TDLifecycle
import TDXCalls
import Testing
import Threading

/// The fake on a socket of its own, which outlives its clients.
private final class Server {
    let fake: FakeTDX
    let path = "/tmp/tdxd-takeover-\(getpid())-\(UInt64.random(in: .min ... .max))"
    private let server: FakeModuleServer
    private let gone = Monitor(0)

    init() throws {
        fake = try FakeTDX()
        server = try FakeModuleServer(
            path: path, serving: ServedModule(calls: fake, host: fake, platform: [])
        ) { [gone] event in
            if case .closed = event { gone.withLock { $0 += 1 } }
        }
    }

    /// Until so many clients have been seen off.
    func waitForDepartures(_ count: Int) -> Bool {
        gone.wait(timeout: .seconds(20)) { $0 >= count ? true : nil } ?? false
    }

    deinit { server.stop() }
}

/// Both ports of a program that is dead after so many calls: it says and hears nothing from then on.
private final class Mortal: SEAMCALLPort, HostPort {
    private let port: RemoteModule
    private let left: Locked<Int>
    private static let dead = PortError(.outcomeUnknown, "the program is dead")

    init(_ port: RemoteModule, dyingAfter calls: Int) {
        self.port = port
        left = Locked(calls)
    }

    private var isAlive: Bool { left.withLock { $0 > 0 } }

    func call(
        _ leaf: Leaf, _ registers: inout Registers, on processor: Processor
    ) throws(PortError) -> Completion {
        guard isAlive else { throw Self.dead }
        let completion = try port.call(leaf, &registers, on: processor)
        left.withLock { $0 -= 1 }
        if !isAlive { throw Self.dead }
        return completion
    }

    var processors: [ProcessorInfo] { port.processors }
    var module: ModuleInformation { port.module }
    var capacity: HostCapacity { port.capacity }

    func allocatePage() throws(PortError) -> PageAddress<HostOwned> {
        guard isAlive else { throw Self.dead }
        return try port.allocatePage()
    }

    func allocateKeyID() throws(PortError) -> KeyID {
        guard isAlive else { throw Self.dead }
        return try port.allocateKeyID()
    }

    func allocateMemory(bytes: Int) throws(PortError) -> HostMemory {
        guard isAlive else { throw Self.dead }
        return try port.allocateMemory(bytes: bytes)
    }

    func flush(_ page: PageAddress<HostOwned>) { if isAlive { port.flush(page) } }
    func clear(_ page: PageAddress<HostOwned>) { if isAlive { port.clear(page) } }
    func free(_ page: PageAddress<HostOwned>) { if isAlive { port.free(page) } }
    func freeKeyID(_ keyID: KeyID) { if isAlive { port.freeKeyID(keyID) } }
    func freeMemory(_ memory: HostMemory) { if isAlive { port.freeMemory(memory) } }

    func write(_ bytes: [UInt8], to memory: HostMemory, at offset: Int) {
        if isAlive { port.write(bytes, to: memory, at: offset) }
    }

    func read(_ memory: HostMemory, at offset: Int, count: Int) -> [UInt8] {
        isAlive ? port.read(memory, at: offset, count: count) : [UInt8](repeating: 0, count: count)
    }
}

/// A daemon's engine over the socket, run by hand.
private final class Client {
    let remote: RemoteModule
    let engine: Engine
    let adopted: [ResourceID]
    private let scheduler = ManualScheduler()
    private let requester = Requester(principal: "uid:0", requestID: ResourceID(.request, 1))

    init(_ server: Server, dyingAfter calls: Int = .max, takingOver session: [UInt64]? = nil) throws {
        remote = try RemoteModule(path: server.path)
        var inventory = HostInventory()
        if let session, try remote.takeOver(session) == .taken { inventory = try remote.inventory() }
        let environment = EngineEnvironment(
            wallClock: scheduler, elapsedClock: scheduler, random: SystemRandom(), scheduler: scheduler)
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let mortal = Mortal(remote, dyingAfter: calls)
        engine = Engine(calls: mortal, host: mortal, environment: environment, logger: logger)
        adopted = engine.adopt(inventory)
    }

    static let vcpus = 2

    func create() throws -> ResourceID {
        let spec = TDSpec(
            attributes: .septVEDisable, xfam: [.x87, .sse], maxVCPUs: 4, numL2VMs: 0, gpaWidthBits: 48, eptLevels: 4,
            tscFrequencyKHz: 2_500_000, noRBPMod: true, flexiblePendingVE: false, mrConfigID: .zero, mrOwner: .zero,
            mrOwnerConfig: .zero, ia32ArchCapabilities: nil, cpuid: [], vcpuCount: Self.vcpus,
            buildUntil: .initialized)
        let td = try engine.createTD(TDRequest(name: nil, labels: [:], spec: spec), by: requester).td
        scheduler.runUntilQuiet()
        return td
    }

    func delete(_ td: ResourceID) throws -> TDLifecycle.Operation {
        let answer = try engine.deleteTD(.id(td), by: requester)
        scheduler.runUntilQuiet()
        return try engine.operation(answer.operation)
    }
}

@Suite("Taking over TDs on a fake in another process")
struct TakeoverTests {
    private static let creation = 1 + 2 + 6 + 1 + Client.vcpus * (1 + 5 + 1)
    private static let deletion = Client.vcpus + 1 + 2 + 1 + Client.vcpus * 6 + 6 + 1 + 1

    private func expectEmpty(_ server: Server, hazards: [HazardRule] = []) {
        #expect(server.fake.misuses == [])
        #expect(server.fake.hazards.map(\.rule) == hazards)
        #expect(server.fake.snapshot().ownedPages == 0)
    }

    @Test("gone after any call of a creation: the next has the TD, and deletes it", arguments: 1...creation)
    func duringCreation(_ count: Int) throws {
        let server = try Server()
        var session: [UInt64] = []
        do {
            let first = try Client(server, dyingAfter: count)
            session = first.remote.session
            _ = try first.create()
        }
        let second = try Client(server, takingOver: session)
        let td = try #require(second.adopted.first)
        #expect(second.adopted.count == 1)
        let before = try second.engine.td(.id(td))
        #expect(before.phase == .unknown)
        #expect(before.vcpus.count == max(0, min((count - 10 + 6) / 7, Client.vcpus)))
        #expect(second.engine.capacity.pages.held == server.fake.snapshot().ownedPages)
        #expect(second.engine.capacity.keyIDs.held == 1)
        let operation = try second.delete(td)
        #expect(operation.state == .succeeded, "\(String(describing: operation.failure))")
        #expect(second.engine.capacity.pages.held == 0 && second.engine.capacity.keyIDs.held == 0)
        // Only asking tells how far a TD is, and one of two packages had the key.
        expectEmpty(server, hazards: count == 2 ? [.keyPartlyConfigured] : [])
    }

    @Test("gone after any call of a deletion: the next deletes the rest", arguments: 1...deletion)
    func duringDeletion(_ count: Int) throws {
        let server = try Server()
        var session: [UInt64] = []
        do {
            let first = try Client(server, dyingAfter: Self.creation + count)
            session = first.remote.session
            _ = try first.delete(try first.create())
        }
        let second = try Client(server, takingOver: session)
        #expect(second.adopted.count == (count < Self.deletion - 1 ? 1 : 0))
        for td in second.adopted {
            let operation = try second.delete(td)
            #expect(operation.state == .succeeded, "\(String(describing: operation.failure))")
        }
        #expect(second.engine.capacity.pages.held == 0 && second.engine.capacity.keyIDs.held == 0)
        expectEmpty(server)
    }

    @Test("a session is taken over once, by whoever names it, and not while its client is there")
    func once() throws {
        let server = try Server()
        var session: [UInt64] = []
        do {
            let first = try Client(server)
            session = first.remote.session
            _ = try first.create()
            let other = try RemoteModule(path: server.path)
            #expect(try other.takeOver(session) == .inUse)
            #expect(try other.inventory() == HostInventory())
        }
        #expect(server.waitForDepartures(2))
        let second = try RemoteModule(path: server.path)
        #expect(try second.takeOver([session[0], session[1] &+ 1]) == .nothing)
        #expect(try second.takeOver([]) == .nothing)
        #expect(try second.takeOver(session) == .taken)
        #expect(try second.takeOver(session) == .nothing)
        let inventory = try second.inventory()
        let kinds = Dictionary(grouping: inventory.pages, by: \.kind).mapValues(\.count)
        #expect(kinds == [.tdr: 1, .tdcs: 6, .tdvpr: 2, .tdcx: 10])
        let tdr = try #require(inventory.pages.first { $0.kind == .tdr })
        #expect(inventory.keyIDs == [HeldKeyID(KeyID(rawValue: 33), tdr: tdr.address)])
        #expect(tdr.keyID == KeyID(rawValue: 33))
        let tdvprs = inventory.pages.filter { $0.kind == .tdvpr }
        #expect(tdvprs.allSatisfy { $0.processor != nil && $0.parent == tdr.address })
        for tdvpr in tdvprs {
            #expect(inventory.pages.count { $0.kind == .tdcx && $0.parent == tdvpr.address } == 5)
        }
    }

    @Test("what nobody takes over stays the module's, and the next client has other pages")
    func leftAlone() throws {
        let server = try Server()
        do { _ = try Client(server).create() }
        #expect(server.waitForDepartures(1))
        let second = try Client(server)
        #expect(second.adopted == [])
        let td = try second.create()
        #expect(try second.engine.td(.id(td)).keyID == KeyID(rawValue: 34))
        #expect(try second.delete(td).state == .succeeded)
        #expect(server.fake.snapshot().ownedPages == 19)
        #expect(server.fake.misuses == [])
    }
}
