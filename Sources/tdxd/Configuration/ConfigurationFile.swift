internal import Configuration
internal import FoundationEssentials

/// The configuration file: one JSON object, a member for each setting it sets.
struct ConfigurationFile: Sendable {
    /// Bytes.
    static let sizeMax = 1 << 20

    let path: String
    let values: [Setting: ConfigContent]

    /// - Throws: when the file cannot be read, is no JSON object, or has a member that is unknown or of a wrong type.
    init(path: String) throws(ConfigurationError) {
        let data: Data
        do {
            data = try Data(contentsOf: URL(filePath: path))
        } catch {
            throw ConfigurationError(file: path, "cannot be read")
        }
        guard data.count <= Self.sizeMax else {
            throw ConfigurationError(file: path, "is larger than \(Self.sizeMax) bytes")
        }
        try self.init(path: path, json: data)
    }

    init(path: String, json: Data) throws(ConfigurationError) {
        let members: [String: Member]
        do {
            members = try JSONDecoder().decode([String: Member].self, from: json)
        } catch {
            throw ConfigurationError(file: path, "is not a JSON object")
        }
        let known = Dictionary(uniqueKeysWithValues: Setting.all.map { ($0.key, $0) })
        var values: [Setting: ConfigContent] = [:]
        // In order, so that the same file always gives the same first error.
        for (name, member) in members.sorted(by: { $0.key < $1.key }) {
            guard let setting = known[name] else {
                throw ConfigurationError(file: "\(path): \(name)", "no such setting")
            }
            guard let content = member.content(of: setting.kind) else {
                throw ConfigurationError(.file(path: path), setting, setting.kind.expectation)
            }
            values[setting] = content
        }
        self.path = path
        self.values = values
    }
}

/// A member's value, of whatever type the file gives it.
private enum Member: Decodable {
    case text(String), number(Int), list([String]), other

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        // Each `try?` only asks whether it is this type; `other` is refused with the setting's name.
        if let text = try? container.decode(String.self) {
            self = .text(text)
        } else if let number = try? container.decode(Int.self) {
            self = .number(number)
        } else if let list = try? container.decode([String].self) {
            self = .list(list)
        } else {
            self = .other
        }
    }

    func content(of kind: Setting.Kind) -> ConfigContent? {
        switch (kind, self) {
        case (.text, .text(let text)): .string(text)
        case (.number, .number(let number)): .int(number)
        case (.list, .list(let list)): .stringArray(list)
        default: nil
        }
    }
}

extension Setting.Kind {
    /// What a value of another type should have been.
    var expectation: String {
        switch self {
        case .text: "must be a string"
        case .number: "must be a whole number"
        case .list: "must be an array of strings"
        }
    }
}
