import Digests
import FakeTDX
import TDXCalls

/// Times calls of the fake one after the other, and the bare hash that the measuring ones contain.
///
/// Then the same call the ways it can go: in this process, through a socket and, given a device, through the kernel.
///
/// usage: fake-benchmark [ROUNDS [DEVICE]]
/// With --ways before them: only the ways.
@main
enum FakeBenchmark {
    static let roundsDefault = 31

    static func main() throws {
        var arguments = CommandLine.arguments.dropFirst()
        let isWaysOnly = arguments.first == "--ways"
        if isWaysOnly { arguments.removeFirst() }
        guard let rounds = arguments.first.map({ Int($0) }) ?? roundsDefault else {
            throw Failure("the rounds must be a number")
        }
        let device = arguments.dropFirst().first
        guard rounds > 0 else { throw Failure("the rounds must be a positive number") }
        if isWaysOnly { return try RoundTrips.report(rounds: rounds, device: device) }
        var times: [String: [Double]] = [:]
        for _ in 0..<rounds {
            var bench = try Bench()
            for (name, nanoseconds) in try bench.round() { times[name, default: []].append(nanoseconds) }
        }
        let medians = times.mapValues(\.median)
        print("median of \(rounds) rounds, one processor, ns a call (calls a second)")
        for (name, median) in medians.sorted(by: { $0.key < $1.key }) {
            print("  \(name.padded(to: 24))\(Int(median))  (\(Int(1e9 / median)))")
        }
        guard let extend = medians[Bench.extend], let hash = medians[Bench.bareHash] else { return }
        print("MR.EXTEND takes \(hundredths(extend / hash)) times the bare SHA-384 of its 384 bytes")
        try RoundTrips.report(rounds: rounds, device: device)
    }

    private static func hundredths(_ ratio: Double) -> String {
        let whole = Int((ratio * 100).rounded())
        return "\(whole / 100).\(whole % 100 < 10 ? "0" : "")\(whole % 100)"
    }
}

struct Failure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

/// One fresh fake, and a timed run of each leaf on it.
private struct Bench {
    static let extend = "TDH.MR.EXTEND"
    static let bareHash = "SHA-384 of 384 bytes"

    private static let firstPage: UInt64 = 0x1_0010_0000
    private static let parameters: UInt64 = 0x2000_0000
    private static let source: UInt64 = 0x2001_0000
    private static let tdcsPages = 6
    /// TDs of a round: a KeyID each.
    private static let tds: ClosedRange<UInt64> = 33...63
    /// Guest pages of the TD that is measured: what one secure EPT page of the lowest level maps.
    private static let guestPages: UInt64 = 512
    private static let chunkBytes: UInt64 = 256
    private static let reads = 10_000
    /// An address that is added to a measurement, and 256 bytes at it.
    private static let hashedBytes = 384

    private let fake: FakeTDX
    private let clock = ContinuousClock()
    private var nextPage = Self.firstPage

    init() throws { fake = try FakeTDX() }

    mutating func round() throws -> [(name: String, nanoseconds: Double)] {
        let tdrs = Self.tds.map { _ in page() }
        for (tdr, keyID) in zip(tdrs, Self.tds) { try call(.mngCreate, tdr, keyID) }
        let packages: [(tdr: UInt64, processor: UInt32)] = tdrs.map { ($0, 0) } + tdrs.map { ($0, 2) }
        let config = try time(packages) { bench, step in try bench.call(.mngKeyConfig, step.tdr, on: step.processor) }
        var pages: [(tdr: UInt64, page: UInt64)] = []
        for tdr in tdrs { for _ in 0..<Self.tdcsPages { pages.append((tdr, page())) } }
        let addCX = try time(pages) { bench, step in try bench.call(.mngAddCX, step.page, step.tdr) }

        let tdr = tdrs[0]
        fake.writePhysical(try TDParams(maxVCPUs: 1, tscFrequency: 100).encoded(), at: Self.parameters)
        try call(.mngInit, tdr, Self.parameters)
        guard let field = FieldInfo.named("MAX_VCPUS", in: .td)?.id.rawValue else { throw Failure("no such field") }
        let read = try time(0..<Self.reads) { bench, _ in try bench.call(.mngRD, tdr, field) }

        for level: UInt64 in [3, 2, 1] { try call(.memSEPTAdd, level, tdr, r8: page()) }
        fake.writePhysical((0..<4096).map { UInt8(truncatingIfNeeded: $0) }, at: Self.source)
        var guest: [(gpa: UInt64, page: UInt64)] = []
        for number in 0..<Self.guestPages { guest.append((number << 12, page())) }
        let add = try time(guest) { bench, step in
            try bench.call(.memPageAdd, step.gpa, tdr, r8: step.page, r9: Self.source)
        }
        var hash = SHA384()
        let bytes = [UInt8](repeating: 0x5a, count: Self.hashedBytes)
        // In turns, page by page, and the medians of the pages: a machine with other work slows both alike.
        var extends: [Double] = []
        var bares: [Double] = []
        for (gpa, _) in guest {
            let chunks = stride(from: gpa, to: gpa + 4096, by: Int(Self.chunkBytes)).map { $0 }
            extends.append(try time(chunks) { bench, address in try bench.call(.mrExtend, address, tdr) })
            bares.append(try time(chunks) { _, _ in hash.update(bytes) })
        }
        let (extend, bare) = (extends.median, bares.median)
        guard hash.digest() != SHA384().digest() else { throw Failure("nothing was hashed") }
        return [
            ("TDH.MNG.KEY.CONFIG", config), ("TDH.MNG.ADDCX", addCX), ("TDH.MNG.RD", read), ("TDH.MEM.PAGE.ADD", add),
            (Self.extend, extend), (Self.bareHash, bare),
        ]
    }

    private mutating func page() -> UInt64 {
        defer { nextPage += 4096 }
        return nextPage
    }

    /// Nanoseconds a step.
    private func time<Steps: Collection>(
        _ steps: Steps, _ body: (Bench, Steps.Element) throws -> Void
    ) throws -> Double {
        let start = clock.now
        for step in steps { try body(self, step) }
        let elapsed = (clock.now - start).components
        return (Double(elapsed.seconds) * 1e9 + Double(elapsed.attoseconds) / 1e9) / Double(steps.count)
    }

    private func call(
        _ leaf: Leaf, _ rcx: UInt64 = 0, _ rdx: UInt64 = 0, r8: UInt64 = 0, r9: UInt64 = 0, on processor: UInt32 = 0
    ) throws {
        var registers = Registers(rcx: rcx, rdx: rdx, r8: r8, r9: r9)
        let completion = try fake.call(leaf, &registers, on: Processor(rawValue: processor))
        guard completion == .success else { throw Failure("\(leaf.name) answered \(completion)") }
    }
}

extension [Double] {
    var median: Double { sorted()[count / 2] }
}

extension String {
    fileprivate func padded(to width: Int) -> String {
        self + String(repeating: " ", count: max(1, width - count))
    }
}
