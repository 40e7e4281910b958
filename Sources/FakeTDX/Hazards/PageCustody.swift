/// What the host owes for a page, in a word: where the page is, what became of its cache lines, and the KeyID they may
/// be dirty under.
struct PageCustody: RawRepresentable, Hashable, Sendable {
    var rawValue: UInt64

    init(rawValue: UInt64) { self.rawValue = rawValue }

    private enum Bit {
        static let handedOut: UInt64 = 1 << 0
        static let flushed: UInt64 = 1 << 1
        static let cleared: UInt64 = 1 << 2
        static let written: UInt64 = 1 << 3
        static let freed: UInt64 = 1 << 4
        static let owned: UInt64 = 1 << 5
        static let wasPrivate: UInt64 = 1 << 6
        static let ordinary: UInt64 = 0xffff
    }

    private static let keyIDShift: UInt64 = 16
    private static let generationShift: UInt64 = 32

    private func has(_ bit: UInt64) -> Bool { rawValue & bit != 0 }

    private mutating func set(_ bit: UInt64, _ value: Bool) {
        if value { rawValue |= bit } else { rawValue &= ~bit }
    }

    /// The host's allocator has given it out.
    var isHandedOut: Bool { has(Bit.handedOut) }
    /// Flushed since it was handed out.
    var isFlushed: Bool {
        get { has(Bit.flushed) }
        set {
            set(Bit.flushed, newValue)
            if newValue { set(Bit.written, false) }
        }
    }
    /// Cleared since it came back.
    var isCleared: Bool {
        get { has(Bit.cleared) }
        set { set(Bit.cleared, newValue) }
    }
    /// Freed by the host, and not handed out again.
    var isFreed: Bool { has(Bit.freed) }
    /// The module has it.
    var isOwned: Bool { has(Bit.owned) }
    /// It was the module's, and has not been cleared since.
    var hasPrivateRemains: Bool { has(Bit.wasPrivate) && !has(Bit.owned) && !has(Bit.cleared) }
    /// Lines may be dirty under KeyID 0.
    var mayBeDirty: Bool { has(Bit.written) || has(Bit.handedOut) && !has(Bit.flushed) }

    /// The KeyID that lines may be dirty under; 0 for none.
    var keyID: UInt16 { UInt16(truncatingIfNeeded: rawValue >> Self.keyIDShift) }
    /// ``KeyTable/generation(_:)`` of that KeyID when the module took the page.
    var generation: UInt32 { UInt32(truncatingIfNeeded: rawValue >> Self.generationShift) }

    /// The lines were written back.
    mutating func forgetLines() { rawValue &= Bit.ordinary }

    mutating func handOut() { rawValue = Bit.handedOut }
    mutating func takeBack() { rawValue = Bit.freed }
    mutating func write() { set(Bit.written, true) }

    mutating func give(underKeyID keyID: UInt16, generation: UInt32) {
        rawValue =
            rawValue & Bit.ordinary & ~Bit.cleared | Bit.owned | Bit.wasPrivate
            | UInt64(keyID) << Self.keyIDShift | UInt64(generation) << Self.generationShift
    }

    mutating func comeBack() { set(Bit.owned, false) }
}

/// A call as a report names it, in a word; zero for none.
struct Deed: RawRepresentable, Hashable, Sendable {
    let rawValue: UInt64

    init(rawValue: UInt64) { self.rawValue = rawValue }

    static let none = Deed(rawValue: 0)

    /// What the host does without the module.
    enum Host: UInt64, Sendable {
        case allocate, flush, clear, free, write, read, freeKeyID, freeMemory

        var name: String {
            switch self {
            case .allocate: "host.allocate"
            case .flush: "host.flush"
            case .clear: "host.clear"
            case .free: "host.free"
            case .write: "host.write"
            case .read: "host.read"
            case .freeKeyID: "host.freeKeyID"
            case .freeMemory: "host.freeMemory"
            }
        }
    }

    private static let codeMask: UInt64 = 0xfff
    private static let hostBit: UInt64 = 0x800
    private static let processorShift: UInt64 = 12
    private static let sequenceShift: UInt64 = 24

    init(leaf: UInt16, processor: Int, sequence: UInt64) {
        rawValue =
            UInt64(leaf) & (Self.hostBit - 1) | UInt64(processor) << Self.processorShift
            | sequence << Self.sequenceShift
    }

    init(_ deed: Host, sequence: UInt64) {
        rawValue = deed.rawValue | Self.hostBit | sequence << Self.sequenceShift
    }

    var host: Host? { rawValue & Self.hostBit == 0 ? nil : Host(rawValue: rawValue & (Self.hostBit - 1)) }
    var leaf: UInt16 { UInt16(truncatingIfNeeded: rawValue & Self.codeMask) }
    /// Position in the platform's list.
    var processor: Int { Int(rawValue >> Self.processorShift & Self.codeMask) }
    var sequence: UInt64 { rawValue >> Self.sequenceShift }
}
