/// A request target as the request line had it, up to its first NUL, looked through once.
struct ReceivedTarget {
    /// Of little use unless `isClean`: what is not UTF-8 is replaced in it.
    let text: String
    /// Bytes received, whatever `text` makes of them.
    let count: Int
    /// Nothing but visible ASCII in it, and no fragment.
    let isClean: Bool
    /// Some of it is percent-encoded, and decoding it may fail.
    let isEncoded: Bool
    /// Bytes before the first `?`.
    let pathCount: Int

    init(_ bytes: UnsafeRawBufferPointer) {
        var isClean = true
        var isEncoded = false
        var pathCount = bytes.count
        for place in bytes.indices {
            // SAFETY: the caller vouches for the bytes during this call.
            let byte = unsafe bytes[place]
            if byte < 0x21 || byte > 0x7E || byte == UInt8(ascii: "#") { isClean = false }
            if byte == UInt8(ascii: "%") { isEncoded = true }
            if byte == UInt8(ascii: "?"), pathCount == bytes.count { pathCount = place }
        }
        text = unsafe String(decoding: bytes, as: UTF8.self)
        count = bytes.count
        self.isClean = isClean
        self.isEncoded = isEncoded
        self.pathCount = pathCount
    }
}
