internal import HTTPExchange
internal import HTTPTypes

/// The fields of a request's head as they are taken over from the library, one by one.
struct ReceivedFields {
    private(set) var fields = HTTPFields()
    /// The first thing that is wrong with them.
    private(set) var refusal: Refusal?

    // The fields that decide where a request ends and whom it is for.
    private(set) var hosts: [String] = []
    private(set) var lengths: [String] = []
    private(set) var codings: [String] = []
    private(set) var expectations: [String] = []

    private let limit: Int

    /// - Parameter limit: how many there may be.
    init(limit: Int) { self.limit = limit }

    /// Takes over one more field; false when there is no point in another.
    mutating func take(name rawName: String, value: UnsafeRawBufferPointer) -> Bool {
        guard fields.count < limit else { return refuse(.headTooLarge) }
        guard let name = HTTPField.Name(rawName) else {
            return refuse(.bad("bad-field-name", "a field name is no token"))
        }
        // SAFETY: the caller vouches for the bytes during this call.
        guard unsafe value.allSatisfy({ ($0 >= 0x20 && $0 != 0x7F) || $0 == 0x09 }) else {
            return refuse(.bad("bad-field-value", "a field value contains a control character"))
        }
        let field = unsafe HTTPField(name: name, value: value)
        note(field)
        fields.append(field)
        return true
    }

    private mutating func refuse(_ reason: Refusal) -> Bool {
        refusal = reason
        return false
    }

    private mutating func note(_ field: HTTPField) {
        let name = field.name.canonicalName
        // Comparing lengths first spares most fields four comparisons.
        switch name.utf8.count {
        case 4 where name == "host": hosts.append(field.value)
        case 14 where name == "content-length": lengths.append(field.value)
        case 17 where name == "transfer-encoding": codings.append(field.value)
        case 6 where name == "expect": expectations.append(field.value)
        default: break
        }
    }
}
