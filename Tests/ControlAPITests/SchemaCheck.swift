import ControlSchema

/// The keywords of JSON Schema that the contract uses. Stricter than the standard in two places: a member that
/// the schema does not list is a finding, and so is a word that is not among the known ones.
struct SchemaCheck: Sendable {
    private let schemas: JSON
    private static let prefix = "#/components/schemas/"

    init(_ schemas: JSON) { self.schemas = schemas }

    func findings(_ value: JSON, _ reference: String) -> [String] {
        findings(value, .object(["$ref": .text(reference)]))
    }

    func findings(_ value: JSON, _ schema: JSON) -> [String] {
        var found: [String] = []
        check(value, schema, "", &found)
        return found
    }

    private func check(_ value: JSON, _ schema: JSON, _ place: String, _ found: inout [String]) {
        if let reference = schema["$ref"].string {
            let target = schemas[String(reference.dropFirst(Self.prefix.count))]
            if target == .null { found.append("\(place): the contract has no \(reference)") }
            check(value, target, place, &found)
            return
        }
        switch (schema["type"].string, value) {
        case ("object", .object(let members)): object(members, schema, place, &found)
        case ("array", .list(let items)): array(items, schema, place, &found)
        case ("string", .text(let text)): string(text, schema, place, &found)
        case ("integer", .number(let number)) where number.rounded() == number: integer(number, schema, place, &found)
        case ("boolean", .bool): break
        case (nil, _): break
        case (let type?, _): found.append("\(place): is \(value), not of type \(type)")
        }
    }

    private func object(_ members: [String: JSON], _ schema: JSON, _ place: String, _ found: inout [String]) {
        let properties = schema["properties"].members
        for name in schema["required"].items.compactMap(\.string) where members[name] == nil {
            found.append("\(place)/\(name): is missing")
        }
        for (name, value) in members {
            if let property = properties[name] {
                check(value, property, "\(place)/\(name)", &found)
            } else if case .object = schema["additionalProperties"] {
                check(value, schema["additionalProperties"], "\(place)/\(name)", &found)
            } else if schema["additionalProperties"].bool != true {
                found.append("\(place)/\(name): is not documented")
            }
        }
    }

    private func array(_ items: [JSON], _ schema: JSON, _ place: String, _ found: inout [String]) {
        if let limit = schema["maxItems"].int, items.count > limit { found.append("\(place): has more than \(limit)") }
        for (index, item) in items.enumerated() { check(item, schema["items"], "\(place)/\(index)", &found) }
    }

    private func string(_ text: String, _ schema: JSON, _ place: String, _ found: inout [String]) {
        for list in ["enum", "x-known-values"] where schema[list] != .null {
            if !schema[list].items.contains(.text(text)) { found.append("\(place): '\(text)' is not a known word") }
        }
        if let pattern = schema["pattern"].string {
            guard let regex = try? Regex(pattern) else { return found.append("\(place): \(pattern) is no pattern") }
            if text.firstMatch(of: regex) == nil { found.append("\(place): '\(text)' does not match \(pattern)") }
        }
        if let limit = schema["maxLength"].int, text.unicodeScalars.count > limit { found.append("\(place): is long") }
        if schema["format"].string == "date-time", Timestamp(text: text) == nil {
            found.append("\(place): '\(text)' is no time")
        }
    }

    private func integer(_ number: Double, _ schema: JSON, _ place: String, _ found: inout [String]) {
        if let least = schema["minimum"].int, number < Double(least) {
            found.append("\(place): \(number) is too small")
        }
        if let most = schema["maximum"].int, number > Double(most) { found.append("\(place): \(number) is too great") }
    }
}
