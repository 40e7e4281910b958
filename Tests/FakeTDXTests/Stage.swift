import FakeTDX
import TDXCalls
import Testing

/// A fake with one TD brought to a named point, and raw calls on it. Pages are the ones the recordings use.
final class Stage {
    /// How far the TD has come.
    enum Point: Int, Comparable {
        case empty, created, onePackage, keysConfigured, tdcsComplete, initialized, vcpuCreated, vcpuInitialized
        case memory, runnable, blocked, writtenBack, teardown

        static func < (left: Point, right: Point) -> Bool { left.rawValue < right.rawValue }
    }

    enum Page {
        static let tdr: UInt64 = 0x1_0010_0000
        static let tdcs: [UInt64] = (1...10).map { tdr + $0 * 0x1000 }
        static let tdvpr: UInt64 = 0x1_0011_4000
        static let tdvps: [UInt64] = (1...14).map { tdvpr + $0 * 0x1000 }
        static let septLevel3: UInt64 = 0x1_0012_b000
        static let septLevel2: UInt64 = 0x1_0012_a000
        static let septLevel1: UInt64 = 0x1_0012_9000
        static let guest: UInt64 = 0x1_0013_2000
        static let free: UInt64 = 0x1_0013_c000
        static let otherFree: UInt64 = 0x1_0013_d000
        static let reservedArea: UInt64 = 0x1_3f00_0000
        static let uninitializedTDMR: UInt64 = 0x1_8000_1000
        static let outside: UInt64 = 0x3000_0000
        static let parameters: UInt64 = 0x2000_0000
        static let source: UInt64 = 0x2001_0000
    }

    static let keyID: UInt64 = 33

    let fake: FakeTDX
    var parameters = TDParams(maxVCPUs: 4, tscFrequency: 100)

    init(_ point: Point = .empty, debug: Bool = false, profile: FakeProfile = .release1501) throws {
        fake = try FakeTDX(profile: profile)
        if debug { parameters.attributes = .debug }
        try advance(to: point)
    }

    /// One call; the registers that came back are kept.
    @discardableResult
    func call(
        _ leaf: Leaf, _ rcx: UInt64 = 0, _ rdx: UInt64 = 0, r8: UInt64 = 0, r9: UInt64 = 0, on processor: UInt32 = 0
    ) throws -> Completion {
        registers = Registers(rcx: rcx, rdx: rdx, r8: r8, r9: r9)
        return try fake.call(leaf, &registers, on: Processor(rawValue: processor))
    }

    private(set) var registers = Registers()

    /// A call that must be refused with a completion and change nothing.
    func refuse(
        _ completion: Completion, _ operand: OperandID? = nil, _ leaf: Leaf, _ rcx: UInt64 = 0, _ rdx: UInt64 = 0,
        r8: UInt64 = 0, r9: UInt64 = 0, on processor: UInt32 = 0, location: SourceLocation = #_sourceLocation
    ) throws {
        let before = fake.snapshot()
        let answer = try call(leaf, rcx, rdx, r8: r8, r9: r9, on: processor)
        #expect(
            answer == (operand.map { Completion(completion, operand: $0) } ?? completion), sourceLocation: location)
        // A snapshot is too long to be printed.
        let isUnchanged = fake.snapshot() == before
        #expect(isUnchanged, "the refused call changed state", sourceLocation: location)
    }

    /// A call that must succeed.
    func accept(
        _ leaf: Leaf, _ rcx: UInt64 = 0, _ rdx: UInt64 = 0, r8: UInt64 = 0, r9: UInt64 = 0, on processor: UInt32 = 0,
        location: SourceLocation = #_sourceLocation
    ) throws {
        #expect(try call(leaf, rcx, rdx, r8: r8, r9: r9, on: processor) == .success, sourceLocation: location)
    }

    func writeParameters() throws { fake.writePhysical(try parameters.encoded(), at: Page.parameters) }

    /// A TD field as MNG.RD reads it.
    func field(_ name: String, element: Int = 0) throws -> UInt64 {
        let id = try #require(FieldInfo.named(name, in: .td)?.id(element: element))
        try accept(.mngRD, Page.tdr, id.rawValue)
        return registers.r8
    }

    private var point = Point.empty

    func advance(to target: Point) throws {
        while point < target, let next = Point(rawValue: point.rawValue + 1) {
            try step(to: next)
            point = next
        }
    }

    private func step(to next: Point) throws {
        switch next {
        case .empty: break
        case .created: try accept(.mngCreate, Page.tdr, Self.keyID)
        case .onePackage: try accept(.mngKeyConfig, Page.tdr, on: 0)
        case .keysConfigured: try accept(.mngKeyConfig, Page.tdr, on: 2)
        case .tdcsComplete: for page in Page.tdcs.prefix(6) { try accept(.mngAddCX, page, Page.tdr) }
        case .initialized:
            try writeParameters()
            try accept(.mngInit, Page.tdr, Page.parameters)
        case .vcpuCreated:
            try accept(.vpCreate, Page.tdvpr, Page.tdr)
            for page in Page.tdvps.prefix(5) { try accept(.vpAddCX, page, Page.tdvpr) }
        case .vcpuInitialized: try accept(.vpInit, Page.tdvpr, 0x1234)
        case .memory:
            try accept(.memSEPTAdd, 3, Page.tdr, r8: Page.septLevel3)
            try accept(.memSEPTAdd, 2, Page.tdr, r8: Page.septLevel2)
            try accept(.memSEPTAdd, 1, Page.tdr, r8: Page.septLevel1)
            fake.writePhysical((0..<4096).map { UInt8($0 % 256) }, at: Page.source)
            try accept(.memPageAdd, 0, Page.tdr, r8: Page.guest, r9: Page.source)
        case .runnable: try accept(.mrFinalize, Page.tdr)
        case .blocked:
            try accept(.vpFlush, Page.tdvpr)
            try accept(.mngVPFlushDone, Page.tdr)
        case .writtenBack:
            try accept(.phymemCacheWB, 0, on: 0)
            try accept(.phymemCacheWB, 0, on: 2)
        case .teardown: try accept(.mngKeyFreeID, Page.tdr)
        }
    }

    /// Addresses that are no page of a given type, each with the refusal that names `operand`.
    static func badPages(_ operand: OperandID, notOfType wrong: [UInt64]) -> [(address: UInt64, Completion)] {
        let invalid = Completion(.operandInvalid, operand: operand)
        let range = Completion(.operandAddrRangeError, operand: operand)
        let metadata = Completion(.pageMetadataIncorrect, operand: operand)
        return [
            (Page.free + 0x800, invalid), (Page.free | 33 << 46, invalid), (1 << 52 | Page.free, invalid),
            (Page.outside, range), (Page.uninitializedTDMR, range), (0, range), (0x2000_0000_0000, range),
            (Page.reservedArea, metadata),
        ] + wrong.map { ($0, metadata) }
    }
}
