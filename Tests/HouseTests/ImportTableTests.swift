import FoundationEssentials
import TestFolders
import Testing

@Suite("Who may import whom")
struct ImportTableTests {
    private let table = Dictionary(uniqueKeysWithValues: RoomRule.all.map { ($0.name, $0) })

    @Test("Every folder in Sources has a row in the table, and no file lies loose")
    func everyRoomHasARow() throws {
        let rooms = try SourceTree.entries(of: "Sources")
        #expect(rooms.contains("TDXCalls"))
        for room in rooms { #expect(table[room] != nil, "Sources/\(room) is not in the import table") }
    }

    @Test("A room imports only what the table grants it")
    func importsAreGranted() throws {
        for room in try SourceTree.entries(of: "Sources") {
            guard let rule = table[room] else { continue }
            for file in try SourceTree.swiftFiles(below: "Sources/" + room) {
                let granted = rule.rooms.union(rule.outside).union(RoomRule.standard)
                let refused = SwiftText(try file.lines()).imports.subtracting(granted)
                #expect(refused.sorted() == [], "\(file)")
            }
        }
    }

    @Test("Rooms in the table are rooms: no row grants one that has no row, or itself")
    func rowsAreClosed() {
        for rule in RoomRule.all {
            #expect(rule.rooms.subtracting(table.keys).sorted() == [], "\(rule.name)")
            #expect(!rule.rooms.contains(rule.name), "\(rule.name)")
        }
    }

    @Test("No room can reach itself over others")
    func noCycles() {
        for rule in RoomRule.all {
            var reached: Set<String> = []
            var open = rule.rooms
            while let next = open.popFirst() {
                guard reached.insert(next).inserted else { continue }
                open.formUnion(table[next]?.rooms ?? [])
            }
            #expect(!reached.contains(rule.name), "\(rule.name)")
        }
    }

    @Test("Package.swift declares exactly what each room imports, and the table grants it")
    func manifestAgrees() throws {
        let manifest = try Manifest.read()
        let targets = manifest.targets.filter { $0.type != "test" && !($0.path?.hasPrefix("Tests/") ?? false) }
        #expect(targets.contains { $0.name == "TDXCalls" })
        for target in targets {
            let rule = try #require(table[target.name], "\(target.name) is not in the import table")
            let declared = target.dependencyNames
            #expect(declared.subtracting(rule.rooms.union(rule.outside)).sorted() == [], "\(target.name)")
            guard target.type != "system" else { continue }
            let files = try SourceTree.swiftFiles(below: "Sources/" + target.name)
            guard !files.isEmpty else { continue }  // A target of C headers declares nothing and imports nothing.
            let imported = try files.reduce(into: Set<String>()) { $0.formUnion(SwiftText(try $1.lines()).imports) }
            let toolchain = RoomRule.standard.union(["Glibc", "FoundationEssentials"])
            #expect(imported.subtracting(toolchain).sorted() == declared.sorted(), "\(target.name)")
        }
    }

    @Test("Every room with Swift files is a target")
    func everyRoomIsATarget() throws {
        let targets = Set(try Manifest.read().targets.map(\.name))
        for room in try SourceTree.entries(of: "Sources") {
            guard try !SourceTree.swiftFiles(below: "Sources/" + room).isEmpty else { continue }
            #expect(targets.contains(room), "Sources/\(room)")
        }
    }
}

/// What the package manager makes of Package.swift.
private struct Manifest: Decodable {
    struct Target: Decodable {
        let name: String
        let type: String
        let path: String?
        let dependencies: [Dependency]

        var dependencyNames: Set<String> { Set(dependencies.map(\.name)) }
    }

    /// `{"byName": ["Room", null]}`, `{"product": ["HTTPTypes", "swift-http-types", null, null]}`.
    struct Dependency: Decodable {
        let name: String

        init(from decoder: any Decoder) throws {
            let kinds = try decoder.singleValueContainer().decode([String: [Lenient]].self)
            guard let name = kinds.values.first?.first?.text else {
                throw DecodingError.dataCorrupted(.init(codingPath: decoder.codingPath, debugDescription: "no name"))
            }
            self.name = name
        }
    }

    /// A string, or something else that does not matter here.
    struct Lenient: Decodable {
        let text: String?

        init(from decoder: any Decoder) throws {
            text = try? decoder.singleValueContainer().decode(String.self)  // Null and objects carry no name.
        }
    }

    let targets: [Target]

    static func read() throws -> Manifest {
        // A scratch path of its own: the one of the running build is locked by it.
        let scratch = try TemporaryFolder()
        let answer = try run([
            "swift", "package", "--package-path", SourceTree.root, "--scratch-path", scratch.path, "dump-package",
        ])
        guard answer.status == 0, let start = answer.output.firstIndex(of: "{") else {
            throw CommandFailure(answer: answer)
        }
        return try JSONDecoder().decode(Manifest.self, from: Data(answer.output[start...].utf8))
    }
}
