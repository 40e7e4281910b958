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
        var pathCount: Int?
        var count = 0
        // SAFETY: the caller vouches for the bytes during this call.
        for place in 0..<bytes.count {
            let byte = unsafe bytes[place]
            if !(0x21...0x7E).contains(byte) || byte == UInt8(ascii: "#") { isClean = false }
            if byte == UInt8(ascii: "%") { isEncoded = true }
            if byte == UInt8(ascii: "?"), pathCount == nil { pathCount = count }
            count += 1
        }
        text = unsafe String(decoding: bytes, as: UTF8.self)
        self.count = count
        self.pathCount = pathCount ?? count
        self.isClean = isClean
        self.isEncoded = isEncoded
    }
}
