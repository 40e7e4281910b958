internal import HTTPExchange
internal import HTTPTypes

/// The fields of a request's head as they are taken over from the library, one by one.
struct ReceivedFields {
    /// A field of which there may be one.
    struct Single {
        private(set) var value: String?
        private(set) var isRepeated = false

        fileprivate mutating func note(_ value: String) {
            if self.value == nil { self.value = value } else { isRepeated = true }
        }
    }

    /// Bytes of a field.
    struct Size {
        let name: Int
        let value: Int
    }

    /// Names and values as they came, one after the other.
    private(set) var written: [UInt8] = []
    private(set) var sizes: [Size] = []
    /// All but `Host`.
    private(set) var fields = HTTPFields()
    /// The first thing that is wrong with them.
    private(set) var refusal: Refusal?

    // The fields that decide where a request ends and whom it is for.
    private(set) var host = Single()
    private(set) var length = Single()
    private(set) var coding = Single()
    private(set) var expectation = Single()

    private let limit: Int

    /// - Parameter limit: how many there may be.
    init(limit: Int) { self.limit = limit }

    /// Takes over one more field; false when there is no point in another.
    mutating func take(name rawName: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) -> Bool {
        guard sizes.count < limit else { return refuse(.headTooLarge) }
        // SAFETY: the caller vouches for the bytes during this call.
        unsafe written.append(contentsOf: rawName)
        unsafe written.append(contentsOf: value)
        sizes.append(Size(name: rawName.count, value: value.count))
        // A name that is not UTF-8 is no token either way.
        guard
            let name = unsafe KnownFields.name(rawName) ?? HTTPField.Name(String(decoding: rawName, as: UTF8.self))
        else { return refuse(.bad("bad-field-name", "a field name is no token")) }
        guard unsafe value.allSatisfy({ ($0 >= 0x20 && $0 != 0x7F) || $0 == 0x09 }) else {
            return refuse(.bad("bad-field-value", "a field value contains a control character"))
        }
        if name == Self.hostName {
            // As the server tells apart what it is asked for, this one is not a field but the authority.
            host.note(unsafe String(decoding: value, as: UTF8.self))
            return true
        }
        let field = unsafe HTTPField(name: name, value: value)
        note(field)
        fields.append(field)
        return true
    }

    private static let hostName = HTTPField.Name("Host")

    private mutating func refuse(_ reason: Refusal) -> Bool {
        refusal = reason
        return false
    }

    private mutating func note(_ field: HTTPField) {
        let name = field.name.canonicalName
        // Comparing lengths first spares most fields three comparisons.
        switch name.utf8.count {
        case 14 where name == "content-length": length.note(field.value)
        case 17 where name == "transfer-encoding": coding.note(field.value)
        case 6 where name == "expect": expectation.note(field.value)
        default: break
        }
    }
}
