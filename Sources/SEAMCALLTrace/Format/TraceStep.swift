/// One step of a recording.
public enum TraceStep: Hashable, Sendable {
    case call(CallStep)
    case memoryWrite(MemoryWriteStep)
    case memoryRead(MemoryReadStep)
    case lockHold(LockStep)
    case lockRelease(LockStep)
    case interruptPending(InterruptStep)
    case keyGenerationFails(FailureStep)
    case randomDrawFails(FailureStep)
    case tdEvent(TDEventStep)
    /// A note; nothing to execute.
    case fact(NoteStep)
    /// Stands for further identical calls; nothing to execute that a replay could tell.
    case repeated(NoteStep)
}

extension TraceStep: Codable {
    private enum Key: String, CodingKey { case op }

    public init(from decoder: any Decoder) throws {
        let op = try decoder.container(keyedBy: Key.self).decode(String.self, forKey: .op)
        switch op {
        case "mem.write": self = .memoryWrite(try MemoryWriteStep(from: decoder))
        case "mem.read": self = .memoryRead(try MemoryReadStep(from: decoder))
        case "lock.hold": self = .lockHold(try LockStep(from: decoder))
        case "lock.release": self = .lockRelease(try LockStep(from: decoder))
        case "interrupt.pending": self = .interruptPending(try InterruptStep(from: decoder))
        case "pconfig.fail": self = .keyGenerationFails(try FailureStep(from: decoder))
        case "rdseed.fail": self = .randomDrawFails(try FailureStep(from: decoder))
        case "td.event": self = .tdEvent(try TDEventStep(from: decoder))
        case "fact": self = .fact(try NoteStep(from: decoder))
        case "repeat": self = .repeated(try NoteStep(from: decoder))
        default: self = .call(try CallStep(from: decoder))
        }
    }

    public func encode(to encoder: any Encoder) throws {
        switch self {
        case .call(let step): try step.encode(to: encoder)
        case .memoryWrite(let step): try encode(step, "mem.write", to: encoder)
        case .memoryRead(let step): try encode(step, "mem.read", to: encoder)
        case .lockHold(let step): try encode(step, "lock.hold", to: encoder)
        case .lockRelease(let step): try encode(step, "lock.release", to: encoder)
        case .interruptPending(let step): try encode(step, "interrupt.pending", to: encoder)
        case .keyGenerationFails(let step): try encode(step, "pconfig.fail", to: encoder)
        case .randomDrawFails(let step): try encode(step, "rdseed.fail", to: encoder)
        case .tdEvent(let step): try encode(step, "td.event", to: encoder)
        case .fact(let step): try encode(step, "fact", to: encoder)
        case .repeated(let step): try encode(step, "repeat", to: encoder)
        }
    }

    private func encode(_ step: some Encodable, _ op: String, to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(op, forKey: .op)
        try step.encode(to: encoder)
    }
}

/// Host memory filled before the next call.
public struct MemoryWriteStep: Hashable, Sendable, Codable {
    public var hpa: Hex
    /// Pairs of digits, padded with zeroes up to `len` or repeated `repeat` times.
    public var hex: String
    public var len: Int?
    public var `repeat`: Int?
    public var note: String?
    /// The same as parameters; a reading aid.
    public var tdParams: JSONValue?

    public init(hpa: UInt64, bytes: some BidirectionalCollection<UInt8>) {
        self.hpa = Hex(rawValue: hpa)
        (hex, len) = HexBytes.trimmed(bytes)
    }

    /// Zeroes.
    ///
    /// - Parameter bytes: at most ``bytesMax``.
    public init(hpa: UInt64, zeroes bytes: Int) {
        self.hpa = Hex(rawValue: hpa)
        hex = ""
        len = bytes
    }

    private enum CodingKeys: String, CodingKey {
        case hpa, hex, len, note
        case `repeat`
        case tdParams = "td_params"
    }

    /// Bytes that one step may write.
    public static let bytesMax = 1 << 24

    /// What is to be written.
    ///
    /// - Throws: ``TraceError`` if `hex` is none, or the whole too long.
    public func bytes() throws(TraceError) -> [UInt8] {
        guard let content = HexBytes.parse(hex) else { throw TraceError("mem.write: hex is not pairs of digits") }
        let times = self.repeat ?? 1
        let length = max(len ?? 0, content.count)
        guard times >= 1, length <= Self.bytesMax / times else {
            throw TraceError("mem.write: more than \(Self.bytesMax) bytes")
        }
        let padded = content + [UInt8](repeating: 0, count: length - content.count)
        return Array(repeatElement(padded, count: times).joined())
    }
}

/// Host memory as the module left it.
public struct MemoryReadStep: Hashable, Sendable, Codable {
    public var hpa: Hex
    /// Pairs of digits, padded with zeroes up to `len`.
    public var hex: String
    public var len: Int?
    public var note: String?

    public init(hpa: UInt64, bytes: some BidirectionalCollection<UInt8>) {
        self.hpa = Hex(rawValue: hpa)
        (hex, len) = HexBytes.trimmed(bytes)
    }

    /// - Throws: ``TraceError`` if `hex` is none, or too long.
    public func bytes() throws(TraceError) -> [UInt8] {
        var write = MemoryWriteStep(hpa: hpa.rawValue, zeroes: 0)
        write.hex = hex
        write.len = len
        return try write.bytes()
    }
}

/// Another processor takes a lock, or gives it back.
public struct LockStep: Hashable, Sendable, Codable {
    /// KOT, SYS, WBCACHE, PAGE, OP_STATE, SEPT_TREE or TD_EPOCH.
    public var lock: String
    /// `shared` or `exclusive`; absent on release.
    public var mode: String?
    /// For PAGE; on release the one held last.
    public var page: Hex?
    /// For OP_STATE, SEPT_TREE and TD_EPOCH: the TDR.
    public var td: Hex?
    /// For WBCACHE.
    public var package: Int?
}

/// The next TDH.PHYMEM.CACHE.WB sees an interrupt at a poll.
public struct InterruptStep: Hashable, Sendable, Codable {
    /// Counted from 1; 0 for none.
    public var atPoll: Int
    public var kind: String

    public init(atPoll: Int, kind: String) {
        self.atPoll = atPoll
        self.kind = kind
    }

    private enum CodingKeys: String, CodingKey {
        case kind
        case atPoll = "at_poll"
    }
}

/// The next key generations, or random draws, fail.
public struct FailureStep: Hashable, Sendable, Codable {
    /// Int.max stands for all.
    public var count: Int

    public init(count: Int) { self.count = count }

    private enum CodingKeys: String, CodingKey { case count }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        // `try?` because the count may be the word "all".
        if let count = try? container.decode(Int.self, forKey: .count) {
            self.count = count
        } else {
            count = .max
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        if count == .max {
            try container.encode("all", forKey: .count)
        } else {
            try container.encode(count, forKey: .count)
        }
    }
}

/// Words for the reader.
public struct NoteStep: Hashable, Sendable, Codable {
    public var note: String?
    public var ops: JSONValue?
    public var mrtd: String?
    public var matchesDocumentedFormula: Bool?

    public init(note: String) { self.note = note }

    private enum CodingKeys: String, CodingKey {
        case note, ops, mrtd
        case matchesDocumentedFormula = "matches_documented_formula"
    }
}
