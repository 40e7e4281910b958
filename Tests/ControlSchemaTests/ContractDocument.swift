import FoundationEssentials
import Testing

/// Any JSON value; the contract has no fractions in it.
enum JSON: Codable, Hashable, Sendable {
    case null
    case bool(Bool)
    case integer(Int64)
    case string(String)
    case array([JSON])
    case object([String: JSON])

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        // What it is can only be found by trying; the reasons of the failures are of no interest.
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(Int64.self) {
            self = .integer(value)
        } else if let value = try? container.decode([JSON].self) {
            self = .array(value)
        } else {
            self = .object(try container.decode([String: JSON].self))
        }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .bool(let value): try container.encode(value)
        case .integer(let value): try container.encode(value)
        case .string(let value): try container.encode(value)
        case .array(let value): try container.encode(value)
        case .object(let value): try container.encode(value)
        }
    }

    init(bytes: [UInt8]) throws { self = try JSONDecoder().decode(JSON.self, from: Data(bytes)) }

    var bytes: [UInt8] { get throws { try [UInt8](JSONEncoder().encode(self)) } }

    subscript(_ name: String) -> JSON? {
        if case .object(let members) = self { members[name] } else { nil }
    }

    var members: [String: JSON] {
        if case .object(let members) = self { members } else { [:] }
    }

    var elements: [JSON] {
        if case .array(let elements) = self { elements } else { [] }
    }

    var text: String? {
        if case .string(let text) = self { text } else { nil }
    }

    var number: Int? {
        if case .integer(let value) = self { Int(value) } else { nil }
    }

    func without(_ name: String) -> JSON {
        var members = members
        members[name] = nil
        return .object(members)
    }
}

/// The contract as the daemon serves it, read from the source that holds it.
struct ContractDocument: Sendable {
    struct Missing: Error {}

    let root: JSON

    static let shared = Result { try ContractDocument() }

    init() throws {
        let tests = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        let path = "/\(tests)/Sources/ControlAPI/OpenAPIDocument.swift"
        guard let data = FileManager.default.contents(atPath: path) else { throw Missing() }
        let parts = String(decoding: data, as: UTF8.self).split(separator: "#\"\"\"\n")
        guard parts.count == 2, let json = parts[1].split(separator: "\n\"\"\"#").first else { throw Missing() }
        root = try JSON(bytes: Array(json.utf8))
    }

    var schemas: [String: JSON] { root["components"]?["schemas"]?.members ?? [:] }

    /// What `node` is, or what it refers to.
    func resolved(_ node: JSON) -> JSON {
        guard let reference = node["$ref"]?.text else { return node }
        return reference.split(separator: "/").dropFirst().reduce(root) { $0[String($1)] ?? .null }
    }

    /// One example of a body: where it stands, its schema, and whether it is of a request.
    struct Example: Sendable, CustomTestStringConvertible {
        var place: String
        var schema: String
        var value: JSON
        var isRequest: Bool
        var testDescription: String { place }
    }

    var examples: [Example] {
        var examples: [Example] = []
        for (path, item) in root["paths"]?.members ?? [:] {
            for (method, operation) in item.members where operation["operationId"] != nil {
                let place = "\(method) \(path)"
                if let body = operation["requestBody"] {
                    examples += self.examples(in: body, "\(place) body", isRequest: true)
                }
                for (status, response) in operation["responses"]?.members ?? [:] {
                    examples += self.examples(in: resolved(response), "\(place) \(status)", isRequest: false)
                }
            }
        }
        return examples.sorted { $0.place < $1.place }
    }

    private func examples(in body: JSON, _ place: String, isRequest: Bool) -> [Example] {
        (body["content"]?.members ?? [:]).flatMap { _, media in
            let schema = media["schema"]?["$ref"]?.text?.split(separator: "/").last.map(String.init) ?? ""
            return (media["examples"]?.members ?? [:]).map { name, example in
                Example(
                    place: "\(place) \(name)", schema: schema, value: resolved(example)["value"] ?? .null,
                    isRequest: isRequest)
            }
        }
    }

    /// A value with every member that `schema` describes, made of the schema's own examples.
    func fullest(_ node: JSON) -> JSON {
        if let example = node["examples"]?.elements.first { return example }
        let schema = resolved(node)
        if let items = schema["items"] { return .array([fullest(items)]) }
        return .object((schema["properties"]?.members ?? [:]).mapValues { fullest($0) })
    }
}
