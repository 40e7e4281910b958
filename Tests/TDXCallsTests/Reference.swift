import FoundationEssentials

/// The reference files the tables are made of, read at test time from the source tree.
enum Reference {
    static func load<Value: Decodable>(_ name: String, as type: Value.Type) throws -> Value {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        let data = try Data(contentsOf: folder.appending(path: "Reference").appending(path: name))
        return try JSONDecoder().decode(type, from: data)
    }
}

/// A 64-bit number written as `0x…` in a JSON string.
struct Hexadecimal: Decodable, Hashable {
    let value: UInt64

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard text.hasPrefix("0x"), let value = UInt64(text.dropFirst(2), radix: 16) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "no hexadecimal number: \(text)")
        }
        self.value = value
    }
}
