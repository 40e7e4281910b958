internal import GuestImages
internal import HTTPExchange
internal import HTTPTypes

// What the client says the body's digest is: RFC 9530's fields, and our parameter.

extension RequestHead {
    /// Of `Content-Digest` and `Repr-Digest`, which are the same where a body has no coding, and of `?digest=`.
    func expectedDigests(_ parameter: String?) throws(Refused) -> [ExpectedDigest] {
        var expected: [ExpectedDigest] = []
        for name in [HTTPField.Name.contentDigest, .reprDigest] {
            guard let text = field(name) else { continue }
            guard let members = DigestDictionary(text)?.members else {
                throw .parameter(name.rawName, "must be a dictionary of byte sequences, as sha-256=:base64:")
            }
            // Algorithms that are not known here are the client's to trust in.
            for (algorithm, bytes) in members where ExpectedDigest.isKnown(algorithm) {
                guard let digest = ExpectedDigest(algorithm: algorithm, bytes: bytes) else {
                    throw .parameter(name.rawName, "\(algorithm) has another length than \(bytes.count) bytes")
                }
                expected.append(digest)
            }
        }
        if let parameter {
            guard let digest = ImageDigest(text: parameter),
                let wanted = ExpectedDigest(algorithm: "sha-384", bytes: digest.bytes)
            else { throw .parameter("digest", "must be sha384: and 96 lower-case hexadecimal digits") }
            expected.append(wanted)
        }
        return expected
    }
}

/// A structured field that is a dictionary of byte sequences; parameters of a member are skipped.
///
/// - Source: RFC 8941, sections 3.2 and 3.3.5.
struct DigestDictionary {
    private(set) var members: [(key: String, bytes: [UInt8])] = []

    /// A field with more is refused.
    static let membersMax = 8

    /// Nil if the text is none.
    init?(_ text: String) {
        let items = text.split(separator: ",", omittingEmptySubsequences: false)
        guard items.count <= Self.membersMax else { return nil }
        for item in items {
            let parts = item.trimming(" \t").split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, Self.isKey(parts[0]), parts[1].first == ":" else { return nil }
            let rest = parts[1].dropFirst()
            guard let end = rest.firstIndex(of: ":"), let bytes = Self.bytes(rest[..<end]) else { return nil }
            let after = rest[rest.index(after: end)...]
            guard after.isEmpty || after.first == ";" else { return nil }
            // Of two with one key the last counts.
            let key = String(parts[0])
            members.removeAll { $0.key == key }
            members.append((key, bytes))
        }
    }

    private static func isKey(_ text: Substring) -> Bool {
        guard let first = text.utf8.first, (0x61...0x7a).contains(first) || first == UInt8(ascii: "*") else {
            return false
        }
        return text.utf8.allSatisfy { byte in
            (0x61...0x7a).contains(byte) || (0x30...0x39).contains(byte) || "_-.*".utf8.contains(byte)
        }
    }

    /// Base 64 with its padding.
    private static func bytes(_ text: Substring) -> [UInt8]? {
        guard text.utf8.count.isMultiple(of: 4) else { return nil }
        var bytes: [UInt8] = []
        var bits: UInt32 = 0
        var digits = 0
        var padding = 0
        for byte in text.utf8 {
            if byte == UInt8(ascii: "=") {
                padding += 1
                guard padding <= 2 else { return nil }
                continue
            }
            guard padding == 0, let value = digit(byte) else { return nil }
            bits = bits << 6 | value
            digits += 1
            if digits.isMultiple(of: 4) {
                bytes += [UInt8(bits >> 16 & 0xff), UInt8(bits >> 8 & 0xff), UInt8(bits & 0xff)]
                bits = 0
            }
        }
        switch (digits % 4, padding) {
        case (0, 0): return bytes
        case (2, 2): return bytes + [UInt8(bits >> 4 & 0xff)]
        case (3, 1): return bytes + [UInt8(bits >> 10 & 0xff), UInt8(bits >> 2 & 0xff)]
        default: return nil
        }
    }

    private static func digit(_ byte: UInt8) -> UInt32? {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(byte - UInt8(ascii: "A"))
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(byte - UInt8(ascii: "a")) + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte - UInt8(ascii: "0")) + 52
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }
}

extension HTTPField.Name {
    static let contentDigest = HTTPField.Name.known("Content-Digest")
    static let reprDigest = HTTPField.Name.known("Repr-Digest")
}
