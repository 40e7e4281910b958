internal import COpenSSL

enum ByteString {
    /// The bytes of an ASN.1 string or integer.
    static func copy(_ string: UnsafePointer<ASN1_STRING>) -> [UInt8] {
        // SAFETY: libcrypto's own length of libcrypto's own bytes; the caller keeps the object alive.
        let count = unsafe Int(ASN1_STRING_length(string))
        guard count > 0, let start = unsafe ASN1_STRING_get0_data(string) else { return [] }
        return unsafe [UInt8](UnsafeBufferPointer(start: start, count: count))
    }
}

enum RandomBytes {
    /// Bytes nobody can predict.
    static func take(_ count: Int) -> [UInt8] {
        // SAFETY: the buffer has room for as many bytes as are asked for.
        unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            ErrorQueue.expect(unsafe RAND_bytes(buffer.baseAddress, Int32(count)), "random bytes")
            filled = count
        }
    }
}

enum Hexadecimal {
    private static let digits = Array("0123456789abcdef".utf8)

    static func text(_ bytes: some Sequence<UInt8>) -> String {
        String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    /// Nil when the digits are odd in number or not hexadecimal.
    static func bytes(_ text: some Sequence<UInt8>) -> [UInt8]? {
        var bytes: [UInt8] = []
        var high: UInt8?
        for character in text {
            guard let digit = value(of: character) else { return nil }
            if let first = high {
                bytes.append(first << 4 | digit)
                high = nil
            } else {
                high = digit
            }
        }
        return high == nil ? bytes : nil
    }

    private static func value(of character: UInt8) -> UInt8? {
        switch character {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): character - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): character - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): character - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
