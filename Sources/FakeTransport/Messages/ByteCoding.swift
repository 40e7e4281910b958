/// Little-endian numbers one after the other, as the shim's structures have them.
struct ByteWriter {
    private(set) var bytes: [UInt8] = []

    init(capacity: Int) { bytes.reserveCapacity(capacity) }

    mutating func append(_ value: some FixedWidthInteger) {
        var rest = UInt64(truncatingIfNeeded: value)
        for _ in 0..<value.bitWidth / 8 {
            bytes.append(UInt8(truncatingIfNeeded: rest))
            rest >>= 8
        }
    }

    mutating func append(zeroes count: Int) { bytes.append(contentsOf: repeatElement(0, count: count)) }
    mutating func append(contentsOf more: some Sequence<UInt8>) { bytes.append(contentsOf: more) }
}

/// Reads what ``ByteWriter`` wrote, or what somebody made up.
struct ByteReader {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

    var remaining: Int { rest.count }

    /// - Throws: ``MessageFault`` if there are not enough bytes.
    mutating func take(_ count: Int) throws(MessageFault) -> ArraySlice<UInt8> {
        guard count >= 0, count <= rest.count else { throw MessageFault("a message ends too early") }
        defer { rest = rest.dropFirst(count) }
        return rest.prefix(count)
    }

    mutating func number<Number: FixedWidthInteger>(_: Number.Type = Number.self) throws(MessageFault) -> Number {
        var value: UInt64 = 0
        for byte in try take(Number.bitWidth / 8).reversed() { value = value << 8 | UInt64(byte) }
        return Number(truncatingIfNeeded: value)
    }

    mutating func skip(_ count: Int) throws(MessageFault) { _ = try take(count) }
}

/// A message that does not say what messages can say.
public struct MessageFault: Error, Hashable, Sendable {
    /// A sentence for whoever reads the log.
    public let reason: String

    init(_ reason: String) { self.reason = reason }
}
