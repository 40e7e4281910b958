import FakeTDX
import FakeTransport
import Glibc
import TDXCalls

/// The same call on a fake in this process and on the same fake through its socket.
enum SocketRoundTrip {
    private static let calls = 2000
    private static let page: UInt64 = 0x1_0010_0000

    /// Prints what a call takes either way, as the median of `rounds`.
    static func report(rounds: Int) throws {
        let fake = try FakeTDX()
        let path = "/tmp/tdxd-fake-benchmark-\(getpid())"
        let server = try FakeModuleServer(
            path: path, serving: try ServedModule(calls: fake, host: fake, platform: [])
        ) { _ in }
        defer { server.stop() }
        let remote = try RemoteModule(path: path)
        var direct: [Double] = []
        var served: [Double] = []
        for _ in 0..<rounds {
            direct.append(try nanoseconds(fake))
            served.append(try nanoseconds(remote))
        }
        let (near, far) = (direct.median, served.median)
        let ratio = Int((far / near).rounded())
        print("PHYMEM.PAGE.RDMD: \(Int(near)) ns in the process, \(Int(far)) ns through the socket, \(ratio) times")
    }

    private static func nanoseconds(_ port: any SEAMCALLPort) throws -> Double {
        let start = ContinuousClock.now
        for _ in 0..<calls {
            var registers = Registers(rcx: page)
            let completion = try port.call(.phymemPageRDMD, &registers, on: Processor(rawValue: 0))
            guard completion.isSuccess else { throw Failure("PAGE.RDMD is refused: \(completion)") }
        }
        return Double((ContinuousClock.now - start) / .nanoseconds(1)) / Double(calls)
    }
}
