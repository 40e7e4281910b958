import TDXCalls
import Threading

/// Both ports, played from a script: answers what it was told to, in order, and remembers every call.
final class ScriptedPort: SEAMCALLPort, HostPort {
    enum Event: Hashable {
        case flush(UInt64)
        case call(Leaf, Registers, Processor)
        /// Any other demand on the host.
        case host(String)
    }

    enum Answer: Sendable {
        /// The completion, and what it writes into the registers.
        case module(Completion, [Register: UInt64])
        case failure(PortError)
    }

    /// Longer than any run of answers a test expects: a wrapper that loops is caught and not waited for.
    static let callsMax = 100

    let retriesEntropy: Bool
    private let script: Locked<[Answer]>
    private let log = Locked<[Event]>([])

    /// - Parameter answers: one a call; the last one answers whatever follows.
    init(_ answers: [Answer] = [.module(.success, [:])], retriesEntropy: Bool = false) {
        precondition(!answers.isEmpty, "a script has at least one answer")
        script = Locked(answers)
        self.retriesEntropy = retriesEntropy
    }

    convenience init(_ completion: Completion, _ outputs: [Register: UInt64] = [:]) {
        self.init([.module(completion, outputs)])
    }

    var tdx: TDXModule { TDXModule(calls: self, host: self) }
    var events: [Event] { log.withLock { $0 } }

    func call(
        _ leaf: Leaf, _ registers: inout Registers, on processor: Processor
    ) throws(PortError) -> Completion {
        let input = registers
        let count = log.withLock { log -> Int in
            log.append(.call(leaf, input, processor))
            return log.count { if case .call = $0 { true } else { false } }
        }
        precondition(count <= Self.callsMax, "a wrapper does not stop calling")
        switch script.withLock({ $0.count > 1 ? $0.removeFirst() : $0[0] }) {
        case .module(let completion, let outputs):
            for (register, value) in outputs { registers[register] = value }
            return completion
        case .failure(let error):
            throw error
        }
    }

    func flush(_ page: PageAddress<HostOwned>) { log.withLock { $0.append(.flush(page.rawValue)) } }

    // Nothing below is any wrapper's business; a wrapper that asks shows up in the log.

    var processors: [ProcessorInfo] { [] }
    var capacity: HostCapacity { HostCapacity(keyIDs: nil, pages: 0, source: .ledger) }
    func allocatePage() throws(PortError) -> PageAddress<HostOwned> { throw note("allocatePage") }
    func clear(_ page: PageAddress<HostOwned>) { _ = note("clear") }
    func free(_ page: PageAddress<HostOwned>) { _ = note("free") }
    func allocateKeyID() throws(PortError) -> KeyID { throw note("allocateKeyID") }
    func freeKeyID(_ keyID: KeyID) { _ = note("freeKeyID") }
    func allocateMemory(bytes: Int) throws(PortError) -> HostMemory { throw note("allocateMemory") }
    func write(_ bytes: [UInt8], to memory: HostMemory, at offset: Int) { _ = note("write") }
    func read(_ memory: HostMemory, at offset: Int, count: Int) -> [UInt8] {
        _ = note("read")
        return []
    }
    func freeMemory(_ memory: HostMemory) { _ = note("freeMemory") }

    private func note(_ demand: String) -> PortError {
        log.withLock { $0.append(.host(demand)) }
        return PortError(.unsupported, demand)
    }

    let module = ModuleInformation(
        backend: "script", majorVersion: 1, minorVersion: 5, updateVersion: 1, buildDate: 0, buildNumber: 0,
        features0: 0, globalKeyID: KeyID(rawValue: 32),
        privateKeyIDs: KeyID(rawValue: 32)...KeyID(rawValue: 63), keyIDShift: 46, tdcsPages: 6,
        tdcsPagesPerL2VM: 1, tdvpsPages: 6, tdvpsPagesPerL2VM: 3, attributesFixed0: 0, attributesFixed1: 0,
        xfamFixed0: 0, xfamFixed1: 0, configFlagsFixed0: 0, configFlagsFixed1: 0, cpuidConfig: [],
        tscFrequencyKHz: 2_500_000, leaves: [], hasVPInitX2APICID: false)
}

/// The TD, vCPU and page that the suites speak of.
enum Sample {
    static let processor = Processor(rawValue: 3)
    static let pageAddress: UInt64 = 0x1_0010_8000
    static let td = TD(
        tdr: PageAddress(rawValue: 0x1_0010_0000), tdcs: (1...6).map { PageAddress(rawValue: 0x1_0010_0000 + $0 << 12) }
    )
    static let vp = VP(tdvpr: PageAddress(rawValue: 0x1_0010_7000), tdcx: [PageAddress(rawValue: 0x1_0020_0000)])
    static let anyPage = PageAddress<AnyPage>(rawValue: pageAddress)
    static var page: HostPage { HostPage(PageAddress(rawValue: pageAddress)) }
    static var keyID: HostKeyID { HostKeyID(KeyID(rawValue: 33)) }
}

/// The register file that holds `values` and zeroes.
func registers(_ values: [Register: UInt64]) -> Registers {
    var file = Registers()
    for (register, value) in values { file[register] = value }
    return file
}

/// Exactly one call: this RAX, these registers, on the sample processor.
func oneCall(rax: UInt64, _ values: [Register: UInt64]) -> [ScriptedPort.Event] {
    [.call(Leaf(rawValue: rax), registers(values), Sample.processor)]
}

/// One flush of the sample page, and then exactly one call.
func flushThenCall(rax: UInt64, _ values: [Register: UInt64]) -> [ScriptedPort.Event] {
    [.flush(Sample.pageAddress)] + oneCall(rax: rax, values)
}

/// The error a wrapper throws; nil if it does not.
func refusal(_ body: () throws(SEAMCALLError) -> Void) -> SEAMCALLError? {
    do throws(SEAMCALLError) {
        try body()
        return nil
    } catch {
        return error
    }
}
