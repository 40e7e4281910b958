import FakeTDX
import FakeTransport
import Glibc
import KernelShim
import TDXCalls

/// The same call the ways it can go: on a fake in this process, on the same fake through its socket, and on a device.
///
/// The call is TDH.MNG.RD of a TD that has no keys, which every back end carries and every module refuses at once.
enum RoundTrips {
    private static let calls = 2000

    /// Prints what a call takes each way, as the median of `rounds` that take turns.
    ///
    /// - Parameter device: of the kernel shim; nil: not measured.
    static func report(rounds: Int, device: String?) throws {
        let fake = try FakeTDX()
        let path = "/tmp/tdxd-fake-benchmark-\(getpid())"
        let server = try FakeModuleServer(
            path: path, serving: try ServedModule(calls: fake, host: fake, platform: [])
        ) { _ in }
        defer { server.stop() }
        let remote = try RemoteModule(path: path)
        var ways: [(name: String, target: Target)] = [
            ("in the process", try Target(fake, fake)),
            ("through the socket", try Target(remote, remote)),
        ]
        if let device {
            let shim = try KernelShim(DeviceFile(path: device)) { print("the shim: \($0.explanation)") }
            ways.append(("through \(device)", try Target(shim, shim)))
        }
        defer { for way in ways { way.target.destroy() } }
        var times = [[Double]](repeating: [], count: ways.count)
        for _ in 0..<rounds {
            for (place, way) in ways.enumerated() { times[place].append(try way.target.nanoseconds(calls)) }
        }
        print("TDH.MNG.RD, refused; median of \(rounds) rounds of \(calls) calls")
        for (way, nanoseconds) in zip(ways, times.map(\.median)) {
            let ratio = Int((nanoseconds / times[0].median).rounded())
            print("  \(way.name): \(Int(nanoseconds)) ns, \(ratio) times")
        }
    }
}

/// A TD to call about.
private struct Target {
    private let port: any SEAMCALLPort
    private let host: any HostPort
    private let tdr: PageAddress<HostOwned>
    private let keyID: KeyID
    private let field: UInt64
    private let processor: Processor

    init(_ port: any SEAMCALLPort, _ host: any HostPort) throws {
        guard let field = FieldInfo.named("OP_STATE", in: .td)?.id.rawValue, let first = host.processors.first else {
            throw Failure("there is no such field, or no processor")
        }
        self.port = port
        self.host = host
        self.field = field
        processor = first.processor
        tdr = try host.allocatePage()
        keyID = try host.allocateKeyID()
        host.flush(tdr)
        var registers = Registers(rcx: tdr.rawValue, rdx: UInt64(keyID.rawValue))
        let completion = try port.call(.mngCreate, &registers, on: processor)
        guard completion.isSuccess else { throw Failure("MNG.CREATE is refused: \(completion)") }
    }

    func nanoseconds(_ calls: Int) throws -> Double {
        let start = ContinuousClock.now
        for _ in 0..<calls {
            var registers = Registers(rcx: tdr.rawValue, rdx: field)
            let completion = try port.call(.mngRD, &registers, on: processor)
            guard completion == .tdKeysNotConfigured else { throw Failure("MNG.RD answers \(completion)") }
        }
        return Double((ContinuousClock.now - start) / .nanoseconds(1)) / Double(calls)
    }

    /// As far as it goes: a device keeps what is not given back, and says so.
    func destroy() {
        let module = TDXModule(calls: port, host: host)
        let td = TD(tdr: PageAddress(rawValue: tdr.rawValue))
        do {
            try module.tdh_mng_vpflushdone(td, on: processor)
            var packages: Set<Package> = []
            for info in host.processors where packages.insert(info.package).inserted {
                try module.tdh_phymem_cache_wb(resume: false, on: info.processor)
            }
            try module.tdh_mng_key_freeid(td, on: processor)
            host.freeKeyID(keyID)
            _ = try module.tdh_phymem_page_reclaim(td.tdr.any, on: processor)
            try module.tdh_phymem_page_wbinvd_tdr(td, on: processor)
            host.clear(tdr)
            host.free(tdr)
        } catch {
            print("the TD of the measurement stays: \(error)")
        }
    }
}
