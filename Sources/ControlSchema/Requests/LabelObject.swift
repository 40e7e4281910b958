/// An object of strings, some of which may be null where that means removal.
///
/// It is read on its own, since a label's key is checked as well as its value, and each is to be refused by its own
/// pointer.
struct LabelObject: Decodable {
    var values: [String: String?] = [:]

    init(from decoder: any Decoder) throws {
        var object = try RequestObject(decoder)
        for key in object.names.sorted() {
            if let reason = LabelSyntax.violation(inKey: key) {
                object.refuse(key, reason)
                object.skip(key)
                continue
            }
            if object.isNull(key) {
                object.skip(key)
                values[key] = .some(nil)
                continue
            }
            var reason: String?
            let value = object.member(key, "a string") { (container, name) -> String? in
                let text = try container.decode(String.self, forKey: name)
                reason = LabelSyntax.violation(inValue: text)
                return text
            }
            if let reason { object.refuse(key, reason) }
            if let value { values[key] = value }
        }
        try object.finish()
    }
}

extension RequestObject {
    /// The labels of a new resource: at most `LabelSyntax.maximumCount`, none of them null.
    mutating func labels(_ name: String) -> [String: String]? {
        guard let object = labelChanges(name) else { return nil }
        var labels: [String: String] = [:]
        for (key, value) in object {
            guard let value else {
                refuse(name, key, "must not be null; leave the member out")
                continue
            }
            labels[key] = value
        }
        return labels
    }

    /// The labels of a merge patch: null removes.
    mutating func labelChanges(_ name: String) -> [String: String?]? {
        guard let object = object(name, LabelObject.self) else { return nil }
        guard object.values.count <= LabelSyntax.maximumCount else {
            refuse(name, "must have at most \(LabelSyntax.maximumCount) members")
            return nil
        }
        return object.values
    }
}
