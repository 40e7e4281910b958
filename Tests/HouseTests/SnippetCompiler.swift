import FoundationEssentials

/// Compiles snippets against the TDXCalls that this test binary was built with.
enum SnippetCompiler {
    /// What each snippet is given.
    static let prelude = """
        import TDXCalls

        func keep<Value>(_ value: Value) {}

        func snippet(
            tdx: TDXModule, td: inout TD, vp: inout VP, page: consuming HostPage, keyID: consuming HostKeyID,
            memory: HostMemory, field: FieldID, cpu: Processor, package: Package
        ) throws {

        """

    /// The compiler's answer to the statements; ownership is checked too, which is after the types.
    static func compile(_ statements: String) throws -> CommandAnswer {
        let folder = try TemporaryFolder()
        let file = try folder.write(prelude + statements + "\n}\n", to: "Snippet.swift")
        return try run([
            "swiftc", "-emit-sil", "-swift-version", "6", "-warnings-as-errors", "-module-name", "Snippet", "-I",
            try modulesFolder(),
            "-o", folder.path + "/Snippet.sil", file,
        ])
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
