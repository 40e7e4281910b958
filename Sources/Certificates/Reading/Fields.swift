internal import COpenSSL
internal import Glibc

enum DERParsing {
    typealias Input = UnsafePointer<UInt8>?

    /// The object of all of these bytes, which are at least one and not more than `limit`.
    static func parse(
        _ der: [UInt8], atMost limit: Int, _ parse: (inout Input, Int) -> OpaquePointer?,
        free: @escaping (OpaquePointer) -> Void
    ) throws(CertificateError.Reason) -> Owned {
        guard !der.isEmpty else { throw .empty }
        guard der.count <= limit else { throw .tooLarge(limitBytes: limit) }
        ErrorQueue.clear()
        // SAFETY: libcrypto reads at most the count given, and moves its copy of the pointer past what it used.
        let (object, used) = unsafe der.withUnsafeBufferPointer { buffer in
            var position: Input = buffer.baseAddress
            let object = unsafe parse(&position, buffer.count)
            guard let start = buffer.baseAddress, let end = unsafe position else { return unsafe (object, 0) }
            return unsafe (object, end - start)
        }
        guard unsafe object != nil else { throw .notDER(ErrorQueue.takeReason()) }
        let owned = unsafe Owned(object, free: free)
        guard used == der.count else { throw .trailingBytes(der.count - used) }
        return owned
    }

    /// What `write`, one of libcrypto's i2d functions, writes; nil if it cannot.
    static func encoding(
        _ write: (UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>?) -> Int32
    ) -> [UInt8]? {
        // SAFETY: the first call only measures; the second writes as many bytes as the first announced.
        let count = Int(write(nil))
        guard count > 0 else { return nil }
        return unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            var position = buffer.baseAddress
            let written = unsafe write(&position)
            precondition(written == Int32(count), "an encoding has one length")
            filled = count
        }
    }
}

enum NameText {
    static let visible: ClosedRange<UInt8> = 0x21...0x7e

    /// A distinguished name as RFC 2253 writes it; control characters come out escaped.
    static func of(_ name: OpaquePointer?) -> String {
        // SAFETY: the name belongs to an object that the caller keeps alive.
        guard let name = unsafe name else { return "" }
        let buffer = MemoryBuffer()
        ErrorQueue.clear()
        // A string type that cannot be converted leaves the name short; it is for display.
        _ = unsafe copenssl_name_print(buffer.pointer, name)
        ErrorQueue.clear()
        return buffer.text
    }
}

enum ObjectText {
    /// Bytes of the longest identifier shown.
    private static let textBytesMax = 128

    /// An object identifier in dotted decimal.
    static func dotted(_ object: OpaquePointer?) -> String {
        // SAFETY: the object is the caller's, and the buffer as long as said; libcrypto ends the text with a zero.
        var buffer = [CChar](repeating: 0, count: textBytesMax)
        let length = unsafe OBJ_obj2txt(&buffer, Int32(buffer.count), object, 1)
        guard length > 0 else { return "" }
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    static func longName(_ number: Int32) -> String {
        // SAFETY: the text belongs to the library's table of objects.
        guard number != NID_undef, let name = unsafe OBJ_nid2ln(number) else { return "unknown" }
        return unsafe String(cString: name)
    }
}

enum TimeReader {
    static func read(
        _ time: UnsafePointer<ASN1_TIME>?, _ field: String
    ) throws(CertificateError.Reason) -> CalendarTime {
        // SAFETY: the time belongs to an object that the caller keeps alive; a nil one would mean the present.
        var parts = unsafe tm()
        guard let time = unsafe time, unsafe ASN1_TIME_to_tm(time, &parts) == 1 else {
            throw .invalid("\(field) is no time")
        }
        guard
            let result = unsafe CalendarTime(
                year: Int64(parts.tm_year) + 1900, month: Int64(parts.tm_mon) + 1, day: Int64(parts.tm_mday),
                hour: Int64(parts.tm_hour), minute: Int64(parts.tm_min), second: Int64(parts.tm_sec))
        else { throw .invalid("\(field) is no time") }
        return result
    }
}
