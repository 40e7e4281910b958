import FoundationEssentials
import TestFolders

/// Compiles snippets against the TDXCalls that this test binary was built with.
enum SnippetCompiler {
    /// What all snippets have.
    private static let common = """
        import TDXCalls

        func keep<Value>(_ value: Value) {}

        extension Donation {
            var isAccepted: Bool { switch self { case .accepted: true; case .refused: false } }
        }
        """

    private static func text(_ statements: String, number: Int) -> String {
        """
        import TDXCalls

        func snippet\(number)(
            tdx: TDXModule, td: inout TD, vp: inout VP, page: consuming HostPage, keyID: consuming HostKeyID,
            memory: HostMemory, field: FieldID, cpu: Processor, package: Package
        ) throws {
        \(statements)
        }
        """
    }

    /// The compiler's errors about each of the snippets, which are a file each of one module: a start of the
    /// compiler costs more than a hundred of them. Ownership is checked only where all types are right.
    static func errors(in snippets: [String]) throws -> [[String]] {
        let folder = try TemporaryFolder()
        let files = try snippets.enumerated().map { number, statements in
            try folder.write(text(statements, number: number), to: "Snippet\(number).swift")
        }
        let answer = try run(
            [
                "swiftc", "-emit-sil", "-whole-module-optimization", "-swift-version", "6", "-warnings-as-errors",
                "-module-name", "Snippets", "-I", try modulesFolder(), "-o", folder.file("Snippets.sil"),
                try folder.write(common, to: "Common.swift"),
            ] + files)
        let errors = answer.output.split(separator: "\n").filter { $0.contains(".swift:") && $0.contains(": error: ") }
            .map(String.init)
        let found = snippets.indices.map { number in errors.filter { $0.contains("/Snippet\(number).swift:") } }
        guard answer.status == (errors.isEmpty ? 0 : 1), found.joined().count == errors.count else {
            throw CommandFailure(answer: answer)
        }
        return found
    }

    struct NoModules: Error {
        let searchedFrom: String
    }

    /// The package manager puts modules beside the products, whatever the configuration, scratch path or
    /// sanitizer; so they are near this running binary.
    static func modulesFolder() throws -> String {
        let binary = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        var folder = URL(filePath: binary).deletingLastPathComponent()
        for _ in 0..<levelsMax {
            for candidate in [folder.appending(path: "Modules"), folder]
            where FileManager.default.fileExists(atPath: candidate.appending(path: "TDXCalls.swiftmodule").path) {
                return candidate.path
            }
            folder = folder.deletingLastPathComponent()
        }
        throw NoModules(searchedFrom: binary)
    }

    /// How far above the binary its modules may lie.
    private static let levelsMax = 4
}
