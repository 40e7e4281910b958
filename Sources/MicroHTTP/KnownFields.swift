internal import HTTPTypes

/// The names most fields have, ready made: recognising one costs less than making another.
enum KnownFields {
    private struct Known: Sendable {
        let bytes: [UInt8]
        let name: HTTPField.Name
    }

    /// A name's place is its length in bytes.
    private static let byLength: [[Known]] = {
        let names: [HTTPField.Name] = [
            .accept, .acceptEncoding, .acceptLanguage, .cacheControl, .connection, .contentEncoding, .contentLength,
            .contentType, .expect, .ifMatch, .ifNoneMatch, .transferEncoding, .userAgent,
        ]
        // These have no constant in the vocabulary.
        let ours = ["Host", "Idempotency-Key", "Prefer"].compactMap { HTTPField.Name($0) }
        var byLength: [[Known]] = []
        for name in names + ours {
            let bytes = Array(name.canonicalName.utf8)
            while byLength.count <= bytes.count { byLength.append([]) }
            byLength[bytes.count].append(Known(bytes: bytes, name: name))
        }
        return byLength
    }()

    /// The field name these bytes are in any case, if it is a known one.
    static func name(_ bytes: UnsafeRawBufferPointer) -> HTTPField.Name? {
        let byLength = byLength
        guard bytes.count < byLength.count else { return nil }
        // SAFETY: the caller vouches for the bytes during this call; those of one place have one length.
        for known in byLength[bytes.count] where unsafe isSame(known.bytes, bytes) { return known.name }
        return nil
    }

    private static func isSame(_ canonical: [UInt8], _ bytes: UnsafeRawBufferPointer) -> Bool {
        for index in canonical.indices {
            // SAFETY: both have as many bytes.
            let byte = unsafe bytes[index]
            let isUpper = (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
            if canonical[index] != (isUpper ? byte | 0x20 : byte) { return false }
        }
        return true
    }
}
