/// The value of one lower-case hexadecimal digit.
func hexadecimalDigit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    default: nil
    }
}

/// The value of `"0x"` and as many digits as `digits` allows. One spelling per value: unless `padded`, a leading
/// zero is refused, so that equal values are equal strings and a cached answer never differs from a fresh one.
func hexadecimalValue(of text: String, digits: ClosedRange<Int>, padded: Bool) -> UInt64? {
    let bytes = text.utf8
    guard bytes.starts(with: "0x".utf8), digits.contains(bytes.count - 2) else { return nil }
    let number = bytes.dropFirst(2)
    if !padded && number.count > 1 && number.first == UInt8(ascii: "0") { return nil }
    var value: UInt64 = 0
    for byte in number {
        guard let digit = hexadecimalDigit(byte) else { return nil }
        value = value << 4 | UInt64(digit)
    }
    return value
}

/// Decodes a string and reads it with `parse`; what it should have been is `expected`.
func decodeText<Value>(
    from decoder: any Decoder, _ expected: String, _ parse: (String) -> Value?
) throws -> Value {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    guard let value = parse(text) else {
        throw DecodingError.dataCorruptedError(in: container, debugDescription: "must be " + expected)
    }
    return value
}
