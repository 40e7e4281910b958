import FakeReplay
import FakeTDX
import FoundationEssentials
import Glibc
import SEAMCALLTrace
import TDXCalls
import Testing
import Threading

@testable import FakeTransport

/// A fake that is served on a socket of its own.
private final class Served: Sendable {
    let fake: FakeTDX
    let path: String
    let server: FakeModuleServer
    let events = Monitor<[FakeModuleServer.Event]>([])

    init(_ fake: FakeTDX) throws {
        self.fake = fake
        path = "/tmp/tdxd-transport-\(getpid())-\(UInt64.random(in: .min ... .max))"
        let module = try ServedModule(calls: fake, host: fake, platform: Array("a platform".utf8))
        server = try FakeModuleServer(path: path, serving: module) { [events] event in
            events.withLock { $0.append(event) }
        }
    }

    func wait(for event: FakeModuleServer.Event) -> Bool {
        events.wait(timeout: .seconds(20)) { $0.contains(event) ? true : nil } ?? false
    }

    func waitForRefusal() -> Bool {
        events.wait(timeout: .seconds(20)) { events in
            events.contains { if case .refused = $0 { true } else { false } } ? true : nil
        } ?? false
    }

    deinit { server.stop() }
}

/// Calls go through the socket; what a recording arranges around them is done to the fake itself.
private struct ServedTarget: ReplayTarget {
    let remote: RemoteModule
    let direct: FakeReplayTarget

    func call(
        _ leaf: Leaf, _ registers: inout Registers, on processor: Processor
    ) throws(PortError) -> Completion { try remote.call(leaf, &registers, on: processor) }

    func enter(_ registers: inout Registers, on processor: Processor) throws(PortError) -> ReplayEntry {
        try direct.enter(&registers, on: processor)
    }

    func exit(
        _ event: ReplayExit, _ registers: inout Registers, on processor: Processor
    ) throws(PortError) -> ReplayEntry { try direct.exit(event, &registers, on: processor) }

    func writeMemory(_ bytes: [UInt8], at address: UInt64) { direct.writeMemory(bytes, at: address) }
    func readMemory(at address: UInt64, count: Int) -> [UInt8] { direct.readMemory(at: address, count: count) }
    func hold(_ lock: ReplayLock, exclusively: Bool) -> Bool { direct.hold(lock, exclusively: exclusively) }
    func release(_ lock: ReplayLock) -> Bool { direct.release(lock) }
    func orderInterrupt(atPoll poll: Int) { direct.orderInterrupt(atPoll: poll) }
    func failKeyGenerations(_ count: Int) { direct.failKeyGenerations(count) }
    func failRandomDraws(_ count: Int) { direct.failRandomDraws(count) }
}

@Suite("A module in another process, over a socket")
struct TransportTests {
    private let first = Processor(rawValue: 0)

    @Test(
        "all recordings agree when their calls go through the socket: 243 and 8",
        arguments: [("traces", 243), ("random", 8)])
    func recordings(file: String, count: Int) throws {
        let path = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().path
        let traces = try TraceFile(path: "\(path)/Recordings/\(file).json").traces
        var agreeing = 0
        for trace in traces {
            let direct = try FakeReplayTarget(for: trace)
            let served = try Served(direct.fake)
            let target = ServedTarget(remote: try RemoteModule(path: served.path), direct: direct)
            let differences = Replayer.replay(trace, on: target)
            if differences.isEmpty { agreeing += 1 }
            for difference in differences { Issue.record("\(difference)") }
        }
        #expect(agreeing == count)
    }

    @Test("says of itself what the module and its host say, and its platform in its own words")
    func description() throws {
        let served = try Served(FakeTDX())
        let remote = try RemoteModule(path: served.path)
        #expect(remote.module == served.fake.module)
        #expect(remote.processors == served.fake.processors)
        #expect(remote.capacity.keyIDs == served.fake.capacity.keyIDs)
        #expect(remote.capacity.pages == served.fake.capacity.pages)
        #expect(remote.retriesEntropy == served.fake.retriesEntropy)
        #expect(remote.platform == Array("a platform".utf8))
        var status = stat()
        // SAFETY: the path is read and the structure filled during the call.
        let failed = unsafe stat(served.path, &status)
        #expect(failed == 0)
        #expect(status.st_mode & 0o777 == 0o600)
    }

    @Test("has no pages of 2 MiB, whatever the host behind it has, and says why")
    func largePages() throws {
        let served = try Served(FakeTDX())
        let remote = try RemoteModule(path: served.path)
        let error = #expect(throws: PortError.self) { try remote.allocateLargePage() }
        #expect(error?.reason == .unsupported)
        #expect(error?.explanation == "a fake behind a socket hands out single pages, not 2 MiB in a row")
        #expect(error?.explanation == remote.largePagesRefusal)
        #expect(served.fake.largePages.free > 0)
    }

    @Test("host memory is written and read in pieces of any size")
    func memory() throws {
        let served = try Served(FakeTDX())
        let remote = try RemoteModule(path: served.path)
        let memory = try remote.allocateMemory(bytes: 300_000)
        #expect(memory.sizeBytes >= 300_000)
        let bytes = (0..<200_001).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        remote.write(bytes, to: memory, at: 777)
        #expect(remote.read(memory, at: 777, count: bytes.count) == bytes)
        #expect(served.fake.readPhysical(at: memory.address + 777, count: 4) == Array(bytes[..<4]))
        remote.freeMemory(memory)
    }

    @Test("what only the port can refuse is refused as by the port itself")
    func portErrors() throws {
        var platform = FakePlatform.oracle
        platform.privateKeyIDs = KeyID(rawValue: 32)...KeyID(rawValue: 33)
        let served = try Served(FakeTDX(platform: platform))
        let remote = try RemoteModule(path: served.path)
        var registers = Registers()
        let absent = #expect(throws: PortError.self) {
            try remote.call(.mngRD, &registers, on: Processor(rawValue: 99))
        }
        #expect(absent == PortError(.notExecuted, "the fake platform has no processor 99"))
        _ = try remote.allocateKeyID()
        let none = #expect(throws: PortError.self) { try remote.allocateKeyID() }
        #expect(none?.reason == .exhausted)
        let large = #expect(throws: PortError.self) { try remote.allocateMemory(bytes: 1 << 40) }
        #expect(large?.reason == .exhausted)
    }

    @Test("a client that goes away gets back what the module does not hold; its TD lives on")
    func departure() throws {
        let served = try Served(FakeTDX())
        let pages: (td: UInt64, keyID: KeyID)
        do {
            let remote = try RemoteModule(path: served.path)
            let tdr = try remote.allocatePage()
            let keyID = try remote.allocateKeyID()
            _ = try remote.allocateKeyID()
            for _ in 0..<10 { _ = try remote.allocatePage() }
            _ = try remote.allocateMemory(bytes: 4096)
            remote.flush(tdr)
            var registers = Registers(rcx: tdr.rawValue, rdx: UInt64(keyID.rawValue))
            #expect(try remote.call(.mngCreate, &registers, on: first) == .success)
            pages = (tdr.rawValue, keyID)
        }
        #expect(served.wait(for: .closed(pages: 1, keyIDs: 1)))
        let next = try RemoteModule(path: served.path)
        #expect(try next.allocateKeyID().rawValue == pages.keyID.rawValue + 1)
        var registers = Registers(rcx: pages.td)
        #expect(try next.call(.mngKeyConfig, &registers, on: first) == .success)
        #expect(served.fake.misuses == [])
    }

    @Test("nobody frees, flushes or writes what is another client's, or nobody's")
    func foreign() throws {
        let served = try Served(FakeTDX())
        let owner = try RemoteModule(path: served.path)
        let page = try owner.allocatePage()
        let memory = try owner.allocateMemory(bytes: 4096)
        for act in [
            { (other: RemoteModule) in other.free(page) }, { $0.flush(page) }, { $0.clear(page) },
            { $0.freeKeyID(KeyID(rawValue: 40)) }, { $0.write([1], to: memory, at: 0) }, { $0.freeMemory(memory) },
        ] {
            let other = try RemoteModule(path: served.path)
            act(other)
            // It was told to do what it may not: nothing that follows can be relied on.
            let error = #expect(throws: PortError.self) { try other.allocatePage() }
            #expect(error?.reason == .notExecuted)
            #expect(error?.explanation.contains("of yours") == true)
        }
        owner.write([1], to: memory, at: 4096)
        #expect(throws: PortError.self) { try owner.allocatePage() }
        #expect(served.fake.misuses == [])
    }

    @Test("eight threads make calls at the same time, each with its own answer")
    func threads() throws {
        let served = try Served(FakeTDX(platform: .oracle(processors: 8, packages: 2)))
        let remote = try RemoteModule(path: served.path)
        let wrong = Locked(0)
        let threads = (0..<8).map { number in
            Thread {
                for round in 0..<100 {
                    var registers = Registers(rcx: 0x1_0000_0000 + UInt64(number * 100 + round) << 12)
                    registers.r15 = UInt64(number)
                    let completion = try? remote.call(
                        .phymemPageRDMD, &registers, on: Processor(rawValue: UInt32(number)))
                    if completion != .success || registers.r15 != UInt64(number) { wrong.withLock { $0 += 1 } }
                }
            }
        }
        for thread in threads { thread.join() }
        #expect(wrong.withLock { $0 } == 0)
    }
}

@Suite("A socket whose other end goes away or lies")
struct BrokenTransportTests {
    private let first = Processor(rawValue: 0)

    /// Says hello as a module does, and then what `answer` makes of each request; nil closes the connection.
    private final class Impostor: Sendable {
        let path: String
        private let listening: MessageSocket
        private let thread = Locked<Thread?>(nil)

        init(_ answer: @escaping @Sendable (ModuleRequest) -> [UInt8]?) throws {
            path = "/tmp/tdxd-impostor-\(getpid())-\(UInt64.random(in: .min ... .max))"
            listening = try SocketPlace(path: path).listen()
            let description = try ServedModule(calls: FakeTDX(), host: FakeTDX(), platform: []).description
            let thread = Thread { [listening] in
                var open: [MessageSocket] = []
                while true {
                    let descriptor = accept(listening.descriptor, nil, nil)
                    guard descriptor >= 0 else { return }
                    let socket = MessageSocket(descriptor: descriptor)
                    open.append(socket)
                    guard case .message(let hello) = socket.receive(), let request = try? ModuleRequest(hello[...])
                    else { continue }
                    var reply = ModuleReply(to: request)
                    reply.payload = description[...]
                    _ = socket.send(reply.bytes)
                    guard request.registers.r9 == HelloRole.calls.rawValue else { continue }
                    while case .message(let bytes) = socket.receive(), let request = try? ModuleRequest(bytes[...]) {
                        guard let answer = answer(request) else { break }
                        _ = socket.send(answer)
                    }
                    socket.shutDown()
                }
            }
            self.thread.withLock { $0 = thread }
        }

        deinit {
            listening.shutDown()
            thread.withLock { $0 }?.join()
            // SAFETY: the path is read during the call.
            unsafe unlink(path)
        }
    }

    private func failure(_ answer: @escaping @Sendable (ModuleRequest) -> [UInt8]?) throws -> PortError? {
        let impostor = try Impostor(answer)
        let remote = try RemoteModule(path: impostor.path)
        var registers = Registers(rcx: 1)
        return #expect(throws: PortError.self) { try remote.call(.mngRD, &registers, on: first) }
    }

    @Test("a call whose answer does not come has an unknown outcome")
    func lost() throws {
        #expect(try failure { _ in nil }?.reason == .outcomeUnknown)
    }

    @Test("so has one that is answered with nonsense: too short, of another size, to another question, too long")
    func nonsense() throws {
        #expect(try failure { _ in [1, 2, 3] }?.reason == .outcomeUnknown)
        #expect(try failure { Array(ModuleReply(to: $0).bytes.dropLast()) }?.reason == .outcomeUnknown)
        #expect(
            try failure { request in
                var reply = ModuleReply(to: request)
                reply.sequence &+= 1
                return reply.bytes
            }?.reason == .outcomeUnknown)
        #expect(
            try failure { request in
                var reply = ModuleReply(to: request)
                reply.payload = [1, 2, 3]
                return reply.bytes
            }?.reason == .outcomeUnknown)
        #expect(
            try failure { request in
                var reply = ModuleReply(to: request)
                reply.payload = [UInt8](repeating: 0, count: MessageLimits.bytesMax)[...]
                return reply.bytes
            }?.reason == .outcomeUnknown)
        #expect(
            try failure { request in
                var bytes = ModuleReply(to: request).bytes
                bytes[4] = 77
                return bytes
            }?.reason == .outcomeUnknown)
    }

    @Test("a module that has stopped executes nothing; one that took its place does not know us")
    func replaced() throws {
        let fake = try FakeTDX()
        let served = try Served(fake)
        let remote = try RemoteModule(path: served.path)
        var registers = Registers(rcx: 0x1_0010_0000)
        #expect(try remote.call(.phymemPageRDMD, &registers, on: first) == .success)
        registers.rcx = 0x1_0010_0000
        served.server.stop()
        let gone = #expect(throws: PortError.self) { try remote.call(.phymemPageRDMD, &registers, on: first) }
        #expect(gone?.reason == .notExecuted)
        let module = try ServedModule(calls: fake, host: fake, platform: [])
        let other = try FakeModuleServer(path: served.path, serving: module) { _ in }
        defer { other.stop() }
        let stranger = #expect(throws: PortError.self) { try remote.call(.phymemPageRDMD, &registers, on: first) }
        #expect(stranger?.reason == .notExecuted)
        #expect(stranger?.explanation.contains("there is no such session") == true)
        let anew = try RemoteModule(path: served.path)
        #expect(try anew.call(.phymemPageRDMD, &registers, on: first) == .success)
    }

    @Test("clients that say nonsense are shut out, and others are served as before")
    func hostileClients() throws {
        let served = try Served(FakeTDX())
        let remote = try RemoteModule(path: served.path)
        let place = SocketPlace(path: served.path)
        var wrongVersion = ModuleRequest(.hello, sequence: 1)
        wrongVersion.registers.rcx = 99
        var stranger = ModuleRequest(.hello, sequence: 1)
        stranger.registers.rcx = MessageLimits.version
        stranger.registers.r9 = HelloRole.calls.rawValue
        var roleless = stranger
        roleless.registers.r9 = 9
        let openings: [[UInt8]] = [
            [0], Array(repeating: 0xff, count: 104), ModuleRequest(.callAll, sequence: 1).bytes, wrongVersion.bytes,
            stranger.bytes, roleless.bytes, Array(repeating: 1, count: MessageLimits.bytesMax + 1),
        ]
        for opening in openings {
            let socket = try place.connect()
            #expect(socket.send(opening) == nil)
            // An explanation perhaps; then the end.
            if case .message(let bytes) = socket.receive() {
                #expect(try ModuleReply(bytes[...]).failure == .notExecuted)
                guard case .nothing = socket.receive() else {
                    Issue.record("the connection is still open after \(opening.prefix(8))")
                    continue
                }
            }
        }
        #expect(served.waitForRefusal())
        var registers = Registers(rcx: 0x1_0010_0000)
        #expect(try remote.call(.phymemPageRDMD, &registers, on: first) == .success)
    }

    @Test("a place where nobody listens, or something else is, is an error that names it")
    func places() throws {
        let missing = #expect(throws: TransportError.self) { try RemoteModule(path: "/nowhere/socket") }
        #expect(missing?.description == "/nowhere/socket: there is no such socket")
        #expect(throws: TransportError.self) { try RemoteModule(path: String(repeating: "x", count: 200)) }
        #expect(throws: TransportError.self) { try RemoteModule(path: "") }
        let served = try Served(FakeTDX())
        let module = try ServedModule(calls: served.fake, host: served.fake, platform: [])
        let taken = #expect(throws: TransportError.self) {
            try FakeModuleServer(path: served.path, serving: module) { _ in }
        }
        #expect(taken?.description == "\(served.path): somebody serves there already")
    }
}
