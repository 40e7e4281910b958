import FoundationEssentials

/// A JSON value to look into; what is not there is `null`.
enum JSON: Equatable, Decodable {
    case null
    case bool(Bool)
    case number(Double)
    case text(String)
    case list([JSON])
    case object([String: JSON])

    init(_ bytes: [UInt8]) {
        self = (try? JSONDecoder().decode(JSON.self, from: Data(bytes))) ?? .null
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else if let value = try? container.decode(String.self) {
            self = .text(value)
        } else if let value = try? container.decode([JSON].self) {
            self = .list(value)
        } else {
            self = .object(try container.decode([String: JSON].self))
        }
    }

    subscript(_ name: String) -> JSON { if case .object(let members) = self { members[name] ?? .null } else { .null } }
    subscript(_ index: Int) -> JSON {
        if case .list(let items) = self, items.indices.contains(index) { items[index] } else { .null }
    }
    var string: String? { if case .text(let value) = self { value } else { nil } }
    var int: Int? { if case .number(let value) = self { Int(value) } else { nil } }
    var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
    var items: [JSON] { if case .list(let items) = self { items } else { [] } }
    var members: [String: JSON] { if case .object(let members) = self { members } else { [:] } }
}
