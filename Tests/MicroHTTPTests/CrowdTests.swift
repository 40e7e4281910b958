import Glibc
import HTTPExchange
import HTTPTypes
import MicroHTTP
import TestFolders
import Testing
import Threading

@Suite("Many connections")
struct CrowdTests {
    @Test("Connections beyond those one address may have are closed at once, and others take their place later")
    func perAddress() throws {
        var limits = Limits()
        limits.connectionsPerAddress = 4
        let (listener, port) = try serve(echo, limits: limits)
        defer { listener.stop(within: .zero) }
        let clients = try (0..<4).map { _ in try RawClient(port: port) }
        for client in clients {
            client.get("/")
            #expect(try client.takeAnswer().status == 200)
        }
        for _ in 0..<20 {
            let surplus = try RawClient(port: port)
            #expect(try surplus.takeRest() == "")
        }
        #expect(listener.connectionCount == 4)
        clients[2].close()
        #expect(eventually { listener.connectionCount == 3 })
        let fifth = try RawClient(port: port)
        fifth.get("/fifth")
        #expect(try fifth.takeAnswer().text == "GET /fifth ")
    }

    @Test("Unix sockets have no addresses to count")
    func unixSocket() throws {
        var limits = Limits()
        limits.connectionsPerAddress = 1
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/s"
        let listener = try Listener(
            name: "local", at: .unixSocket(path: path, mode: 0o600), limits: limits, responder: echo,
            logger: quietLogger)
        defer { listener.stop(within: .zero) }
        let clients = try (0..<5).map { _ in try RawClient(path: path) }
        for client in clients {
            client.get("/")
            #expect(try client.takeAnswer().status == 200)
        }
    }

    /// The library splits its limit over its threads by descriptor, and hangs when a thread reaches its share.
    @Test("All connections may fall to one thread")
    func oneSided() throws {
        var limits = Limits()
        limits.connections = 200
        limits.connectionsPerAddress = 1_000
        let (listener, port) = try serve(echo, limits: limits, workers: 4)
        defer { listener.stop(within: .zero) }
        var kept: [RawClient] = []
        // Only every fourth connection is kept, so that most descriptors left belong to one thread.
        for _ in 0..<150 {
            let clients = try (0..<4).map { _ in try RawClient(port: port) }
            for client in clients {
                client.get("/")
                #expect(try client.takeAnswer().status == 200)
            }
            kept.append(clients[0])
        }
        #expect(eventually { listener.connectionCount == 150 })
        for client in kept {
            client.get("/again")
            #expect(try client.takeAnswer().text == "GET /again ")
        }
    }

    @Test("Ten thousand idle connections cost little memory, and others are served meanwhile")
    func idle() throws {
        let wanted = 10_000
        // The client's descriptors and the server's are in one process here, and other tests have some.
        let count = min(wanted, (Self.raiseDescriptorLimit(to: 2 * wanted + 2_000) - 2_000) / 2)
        var limits = Limits()
        limits.connections = count + 10
        limits.connectionsPerAddress = count + 10
        (limits.idleSeconds, limits.headSeconds) = (300, 300)
        let (listener, port) = try serve(echo, limits: limits)
        defer { listener.stop(within: .zero) }
        let before = Self.residentBytes()
        var clients: [RawClient] = []
        clients.reserveCapacity(count)
        for _ in 0..<count {
            let client = try RawClient(port: port)
            client.get("/")
            #expect(try client.takeAnswer().status == 200)
            clients.append(client)
        }
        #expect(listener.connectionCount == count)
        let perConnection = (Self.residentBytes() - before) / count
        print("\(count) idle connections: \(perConnection) bytes each, with the client's side and other tests' noise")
        #expect(perConnection < 64 * 1024)
        let start = MonotonicTime.now
        for client in clients.prefix(100) + clients.suffix(100) {
            client.get("/still")
            #expect(try client.takeAnswer().text == "GET /still ")
        }
        #expect(MonotonicTime.now.duration(since: start) < .seconds(10))
    }

    /// Raises the process's limit of open files as far as the system lets it, and says what it is now.
    private static func raiseDescriptorLimit(to wanted: Int) -> Int {
        var limit = rlimit()
        // SAFETY: the calls read and write one structure.
        unsafe getrlimit(__rlimit_resource_t(7), &limit)
        if limit.rlim_cur < rlim_t(wanted) {
            var more = rlimit(rlim_cur: rlim_t(wanted), rlim_max: max(limit.rlim_max, rlim_t(wanted)))
            if unsafe setrlimit(__rlimit_resource_t(7), &more) != 0 {
                more = rlimit(rlim_cur: limit.rlim_max, rlim_max: limit.rlim_max)
                unsafe setrlimit(__rlimit_resource_t(7), &more)
            }
            unsafe getrlimit(__rlimit_resource_t(7), &limit)
        }
        return Int(limit.rlim_cur)
    }

    /// Resident memory of this process.
    private static func residentBytes() -> Int {
        // SAFETY: the path is read during the call.
        let descriptor = unsafe open("/proc/self/statm", O_RDONLY)
        defer { close(descriptor) }
        var buffer = [UInt8](repeating: 0, count: 256)
        // SAFETY: as many bytes as the array has.
        let count = unsafe read(descriptor, &buffer, buffer.count)
        let words = String(decoding: buffer[..<max(0, count)], as: UTF8.self).split(separator: " ")
        return (words.count > 1 ? Int(words[1]) ?? 0 : 0) * 4_096
    }
}
