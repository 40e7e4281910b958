import FoundationEssentials

/// The source tree these tests were built from.
enum SourceTree {
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path

    struct File: Sendable, CustomStringConvertible {
        /// Path below the root, with slashes.
        let path: String
        var description: String { path }
        var fullPath: String { SourceTree.root + "/" + path }
        var name: Substring { path.split(separator: "/").last ?? "" }
        var isExecutable: Bool { FileManager.default.isExecutableFile(atPath: fullPath) }

        func hasSuffix(_ suffixes: String...) -> Bool { suffixes.contains { path.hasSuffix($0) } }

        /// The lines of a text file; none for a file that is no text.
        func lines() throws -> [String] {
            let data = try Data(contentsOf: URL(filePath: fullPath))
            guard let text = String(bytes: data, encoding: .utf8) else { return [] }
            return text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        }
    }

    /// Names in a folder, sorted; none if there is no such folder.
    static func entries(of folder: String) throws -> [String] {
        let path = folder.isEmpty ? root : root + "/" + folder
        guard FileManager.default.fileExists(atPath: path) else { return [] }
        return try FileManager.default.contentsOfDirectory(atPath: path).sorted()
    }

    /// Every file below a folder, sorted by path.
    static func files(below folder: String) throws -> [File] {
        let names = try FileManager.default.subpathsOfDirectory(atPath: root + "/" + folder)
        return names.sorted().compactMap { name in
            var isFolder: Bool {
                (try? FileManager.default.contentsOfDirectory(atPath: root + "/" + folder + "/" + name)) != nil
            }
            // What interpreters leave beside a script is not part of the tree.
            return name.contains("__pycache__") || isFolder ? nil : File(path: folder + "/" + name)
        }
    }

    /// The folders of the tree that hold what people wrote, of those that are there.
    static func writtenFiles() throws -> [File] {
        let folders = try entries(of: "").filter { ["Sources", "Tests", "openapi", "deploy", ".ci"].contains($0) }
        let loose = try entries(of: "").filter { ["Package.swift", "README.md"].contains($0) }
        return try folders.flatMap(files(below:)) + loose.map(File.init)
    }

    static func swiftFiles(below folders: String...) throws -> [File] {
        try folders.flatMap(files(below:)).filter { $0.hasSuffix(".swift") }
    }
}
