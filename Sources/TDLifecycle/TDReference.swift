/// How a TD is named from outside: by id, also when deleted, or by name while it lives.
public enum TDReference: Hashable, Sendable, CustomStringConvertible {
    case id(ResourceID)
    case name(String)

    public init(_ text: String) {
        if let id = ResourceID(text), id.kind == .td { self = .id(id) } else { self = .name(text) }
    }

    public var description: String {
        switch self {
        case .id(let id): id.description
        case .name(let name): name
        }
    }
}
