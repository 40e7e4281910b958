/// What a merge patch (RFC 7396) does to one member.
public enum Change<Value: Hashable & Sendable>: Hashable, Sendable {
    /// The member is absent: nothing changes.
    case keep
    /// The member is null.
    case remove
    case set(Value)
}

/// The body of PATCH /tds/{id}, a JSON merge patch of the name and the labels.
public struct PatchTDRequest: RequestBody {
    public var name: Change<String>
    /// `set` merges: a nil value removes that label, the others are set. `remove` removes every label.
    public var labels: Change<[String: String?]>

    public init(name: Change<String> = .keep, labels: Change<[String: String?]> = .keep) {
        self.name = name
        self.labels = labels
    }

    public init(from decoder: any Decoder) throws {
        var object = try RequestObject(decoder)
        name = .keep
        labels = .keep
        if object.isNull("name") {
            object.skip("name")
            name = .remove
        } else if let value = object.name("name") {
            name = .set(value)
        }
        if object.isNull("labels") {
            object.skip("labels")
            labels = .remove
        } else if let value = object.labelChanges("labels") {
            labels = .set(value)
        }
        try object.finish()
    }

    private enum CodingKeys: CodingKey { case name, labels }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        switch name {
        case .keep: break
        case .remove: try container.encodeNil(forKey: .name)
        case .set(let value): try container.encode(value, forKey: .name)
        }
        switch labels {
        case .keep: break
        case .remove: try container.encodeNil(forKey: .labels)
        case .set(let value): try container.encode(value, forKey: .labels)
        }
    }

    /// The labels after the patch.
    public func applied(to labels: [String: String]) -> [String: String] {
        switch self.labels {
        case .keep: return labels
        case .remove: return [:]
        case .set(let changes):
            var result = labels
            for (key, value) in changes { result[key] = value }
            return result
        }
    }
}
