internal import Glibc

/// An IPv4 or IPv6 address, without port or zone.
public struct IPAddress: Hashable, Sendable, CustomStringConvertible {
    /// Four or sixteen, in network order.
    public let bytes: [UInt8]

    private static let v4Bytes = 4
    private static let v6Bytes = 16

    /// Nil unless there are 4 or 16 bytes.
    public init?(bytes: [UInt8]) {
        guard bytes.count == Self.v4Bytes || bytes.count == Self.v6Bytes else { return nil }
        self.bytes = bytes
    }

    /// Reads `192.0.2.1` or `2001:db8::1`.
    public init?(_ text: String) {
        // SAFETY: inet_pton writes 4 or 16 bytes, according to the family, into a buffer of 16.
        var buffer = [UInt8](repeating: 0, count: Self.v6Bytes)
        if unsafe inet_pton(AF_INET, text, &buffer) == 1 {
            bytes = Array(buffer.prefix(Self.v4Bytes))
        } else if unsafe inet_pton(AF_INET6, text, &buffer) == 1 {
            bytes = buffer
        } else {
            return nil
        }
    }

    public var description: String {
        // SAFETY: the text is written into a buffer of the length said, which is the longest there can be.
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        let family = bytes.count == Self.v4Bytes ? AF_INET : AF_INET6
        let written = unsafe inet_ntop(family, bytes, &text, socklen_t(text.count))
        precondition(unsafe written != nil, "4 or 16 bytes are an address")
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
