import Digests
import TDLifecycle
import TDXCalls
import Threading

/// Bytes that differ from page to page and from seed to seed, and never were stored.
final class Pattern: MemoryContent {
    /// What it does at some offset, once.
    enum Event: Sendable { case stall, fail }

    private struct State: Sendable {
        var event: (offset: UInt64, Event)?
        var waiting: (@Sendable () -> Void)?
        var ended: [Bool] = []
        var asked = 0
        var isBroken = false
    }

    let name: String?
    let sizeBytes: UInt64
    let seed: UInt64
    /// Bytes given at once.
    private let portion: Int
    private let state: Locked<State>

    /// - Parameter name: of content that can be read again.
    init(
        _ sizeBytes: UInt64, seed: UInt64 = 1, portion: Int = .max, _ event: Event? = nil, at offset: UInt64 = 0,
        name: String? = nil
    ) {
        self.name = name
        self.sizeBytes = sizeBytes
        self.seed = seed
        self.portion = portion
        state = Locked(State(event: event.map { (offset, $0) }))
    }

    func byte(_ offset: UInt64) -> UInt8 {
        offset < sizeBytes ? UInt8(truncatingIfNeeded: (offset &* 31 &+ offset >> 8 &* seed) &+ seed) : 0
    }

    func read(
        at offset: UInt64, into bytes: inout MutableRawSpan, wake: @escaping @Sendable () -> Void
    ) -> ContentSupply {
        let event = state.withLock { state -> Event? in
            state.asked += 1
            if state.isBroken { return .fail }
            guard let event = state.event, offset >= event.offset else { return nil }
            state.event = nil
            if case .stall = event.1 { state.waiting = wake }
            return event.1
        }
        switch event {
        case .stall: return .nothingYet
        case .fail: return .failed("the client hung up")
        case nil: break
        }
        let count = Int(min(UInt64(min(bytes.byteCount, portion)), sizeBytes - offset))
        for place in 0..<count {
            bytes.storeBytes(of: byte(offset + UInt64(place)), toByteOffset: place, as: UInt8.self)
        }
        return .filled(count)
    }

    func end(_ complete: Bool) { state.withLock { $0.ended.append(complete) } }

    /// What it was told at the end; once.
    var ended: [Bool] { state.withLock { $0.ended } }
    /// How often bytes were asked for.
    var asked: Int { state.withLock { $0.asked } }
    /// From here on every read fails, or none does any more.
    func breakDown(_ isBroken: Bool) { state.withLock { $0.isBroken = isBroken } }
    var isAwaited: Bool { state.withLock { $0.waiting != nil } }

    func wake() {
        let wake = state.withLock { state in
            defer { state.waiting = nil }
            return state.waiting
        }
        wake?()
    }
}

/// MRTD by the book, one piece after another: nothing of the engine's is used.
struct BookMRTD {
    private var hash = SHA384()

    mutating func add(_ gpa: UInt64) { hash.update(Self.header("MEM.PAGE.ADD", gpa)) }

    mutating func extend(_ gpa: UInt64, _ content: [UInt8]) {
        hash.update(Self.header("MR.EXTEND", gpa))
        hash.update(content)
    }

    mutating func add(_ region: MemoryRegion, _ content: Pattern) {
        for page in 0..<UInt64(region.pageCount) {
            add(region.gpa.rawValue + page * 4096)
            guard region.measure else { continue }
            for chunk in 0..<UInt64(16) {
                let offset = page * 4096 + chunk * 256
                extend(region.gpa.rawValue + offset, (offset..<offset + 256).map(content.byte))
            }
        }
    }

    var value: MeasurementID? { MeasurementID(bytes: hash.digest().bytes) }

    private static func header(_ name: String, _ gpa: UInt64) -> [UInt8] {
        let text = Array(name.utf8)
        return text + Array(repeating: 0, count: 16 - text.count)
            + (0..<8).map { UInt8(truncatingIfNeeded: gpa >> UInt64(8 * $0)) } + Array(repeating: 0, count: 104)
    }
}

func region(_ gpa: UInt64, pages: Int, measure: Bool = true, digest: String? = nil) -> MemoryRegion {
    MemoryRegion(
        gpa: GPA(rawValue: gpa), sizeBytes: UInt64(pages * 4096), measure: measure, imageDigest: digest)
}

extension MeasurementID {
    /// 96 lower-case digits.
    var hex: String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}
