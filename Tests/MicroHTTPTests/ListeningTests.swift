import Glibc
import HTTPExchange
import HTTPTypes
import MicroHTTP
import TestFolders
import Testing
import Threading

@Suite("Listening")
struct ListeningTests {
    private func listen(_ path: String, mode: UInt32 = 0o600) throws -> Listener {
        try Listener(name: "local", at: .unixSocket(path: path, mode: mode), responder: whoAmI, logger: quietLogger)
    }

    private let whoAmI = ClosureResponder { request, exchange in
        guard case .unix(let user, let group, let process) = request.head.peer.transport else {
            return exchange.answer(.text("not a Unix socket"))
        }
        exchange.answer(.text("\(request.head.peer.listener) \(user) \(group) \(process)"))
    }

    private func status(_ path: String) -> stat? {
        var status = stat()
        // SAFETY: the call fills the structure it is given, or fails.
        return unsafe lstat(path, &status) == 0 ? status : nil
    }

    @Test("The peer of a Unix socket is known by user, group and process")
    func credentials() throws {
        let folder = try TemporaryFolder()
        let listener = try listen("\(folder.path)/s")
        defer { listener.stop(within: .zero) }
        let client = try RawClient(path: "\(folder.path)/s")
        for _ in 0..<2 {
            client.get("/")
            #expect(try client.takeAnswer().text == "local \(getuid()) \(getgid()) \(getpid())")
        }
        #expect(listener.port == nil)
    }

    @Test("The socket's file has the mode asked for, and is gone after the stop", arguments: [0o600, 0o660, 0o666])
    func mode(mode: UInt32) throws {
        let folder = try TemporaryFolder()
        let listener = try listen("\(folder.path)/s", mode: mode)
        #expect(status("\(folder.path)/s").map { $0.st_mode & 0o7777 } == mode)
        listener.stop(within: .zero)
        #expect(status("\(folder.path)/s") == nil)
    }

    @Test("A socket nobody listens on is replaced, one somebody listens on is not")
    func stale() throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/s"
        let first = try listen(path)
        #expect(throws: ListenerError.inUse(path)) { try listen(path) }
        // SAFETY: the paths are read during the calls.
        #expect(unsafe link(path, "\(folder.path)/left") == 0)
        first.stop(within: .zero)
        #expect(status("\(folder.path)/left") != nil)
        let second = try listen("\(folder.path)/left")
        let client = try RawClient(path: "\(folder.path)/left")
        client.get("/")
        #expect(try client.takeAnswer().status == 200)
        second.stop(within: .zero)
        #expect(status("\(folder.path)/left") == nil)
    }

    @Test("A file that is no socket is left alone")
    func notASocket() throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/file"
        // SAFETY: the path is read during the calls.
        close(unsafe open(path, O_CREAT | O_WRONLY, 0o600))
        defer { unsafe unlink(path) }
        #expect(throws: ListenerError.notASocket(path: path)) { try listen(path) }
        #expect(status(path) != nil)
    }

    @Test("A path that does not fit is refused")
    func longPath() {
        let path = "/tmp/" + String(repeating: "a", count: 120)
        #expect(throws: ListenerError.unusablePath(path)) { try listen(path) }
        #expect(throws: ListenerError.unusablePath("")) { try listen("") }
    }

    @Test("Plain TCP is refused beyond loopback", arguments: ["0.0.0.0", "192.0.2.1", "::"])
    func beyondLoopback(address: String) {
        #expect(throws: ListenerError.notLoopback(address)) {
            try Listener(name: "x", at: .plainTCP(address: address, port: 0), responder: echo, logger: quietLogger)
        }
    }

    @Test("An address that is none is refused, and a port in use is told")
    func addresses() throws {
        #expect(throws: ListenerError.unusableAddress("localhost")) {
            try Listener(name: "x", at: .plainTCP(address: "localhost", port: 0), responder: echo, logger: quietLogger)
        }
        let (listener, port) = try serve(echo)
        defer { listener.stop(within: .zero) }
        #expect(throws: ListenerError.inUse("127.0.0.1:\(port)")) {
            try Listener(
                name: "x", at: .plainTCP(address: "127.0.0.1", port: port), responder: echo, logger: quietLogger)
        }
    }

    @Test("Limits and workers that make no sense are refused")
    func limits() {
        var limits = Limits()
        limits.headBytes = 64 * 1024 + 1
        #expect(throws: ListenerError.unusableLimits("headBytes must lie between 1 and 65536")) {
            try serve(echo, limits: limits)
        }
        #expect(throws: ListenerError.unusableLimits("workers must lie between 1 and 64")) {
            try serve(echo, workers: 0)
        }
    }

    @Test("A Unix client that leaves while it waits is noticed")
    func departure() throws {
        let folder = try TemporaryFolder()
        let shelf = SuspendedAnswerTests.Shelf()
        let listener = try Listener(
            name: "local", at: .unixSocket(path: "\(folder.path)/s", mode: 0o600), responder: shelf,
            logger: quietLogger)
        defer { listener.stop(within: .zero) }
        let client = try RawClient(path: "\(folder.path)/s")
        client.get("/")
        #expect(shelf.waitFor(1))
        client.close()
        #expect(eventually { listener.connectionCount == 0 })
        #expect(shelf.takeAll().map(\.clientHasGone) == [true])
    }
}
