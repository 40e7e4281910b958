import Testing

@Suite("Rules of the house")
struct HouseRuleTests {
    /// A file people can still hold in their head; most are a third of it.
    static let linesMax = 600

    @Test("The top level holds what was agreed, and nothing else")
    func topLevel() throws {
        let agreed: Set<String> = [
            "Package.swift", "Sources", "Tests", "openapi", "deploy", "README.md", "LICENSE",
            ".ci", ".gitignore", ".swift-format", ".swift-version",
        ]
        // What git and the package manager make, and git ignores.
        let made = try SourceTree.entries(of: "").filter {
            $0 == ".git" || $0 == ".swiftpm" || $0 == "Package.resolved" || $0 == ".build" || $0.hasPrefix(".build-")
        }
        let unexpected = Set(try SourceTree.entries(of: "")).subtracting(agreed).subtracting(made)
        #expect(unexpected.sorted() == [])
        #expect(Set(try SourceTree.entries(of: "")).isSuperset(of: ["Package.swift", "Sources", "Tests", "LICENSE"]))
    }

    @Test("Every unsafe expression says why it is safe")
    func safetyComments() throws {
        var count = 0
        for file in try SourceTree.swiftFiles(below: "Sources", "Tests") {
            let text = SwiftText(try file.lines())
            count += text.lines.count { $0.words.contains("unsafe") }
            for line in text.unexplainedUnsafeLines { Issue.record("\(file):\(line): unsafe without SAFETY:") }
        }
        #expect(count > 0, "the search itself works: the locks are full of them")
    }

    @Test("Nothing is forced: no try!, no as!, no unwrapping")
    func nothingForced() throws {
        for file in try SourceTree.swiftFiles(below: "Sources", "Tests") {
            for line in SwiftText(try file.lines()).forcedLines { Issue.record("\(file):\(line): forced") }
        }
    }

    @Test("The rooms import FoundationEssentials and never all of Foundation")
    func noFoundation() throws {
        for file in try SourceTree.swiftFiles(below: "Sources") {
            let imports = SwiftText(try file.lines()).imports
            #expect(!imports.contains("Foundation"), "\(file)")
        }
    }

    @Test("Locks are the house's own: the thread sanitizer cannot see the standard library's")
    func noStandardMutex() throws {
        for file in try SourceTree.swiftFiles(below: "Sources", "Tests") {
            for (index, line) in SwiftText(try file.lines()).lines.enumerated() where line.words.contains("Mutex") {
                Issue.record("\(file):\(index + 1): Mutex; the room Threading has Locked and Monitor")
            }
        }
    }

    @Test("Nothing is left for later: no reminders in the tree")
    func noReminders() throws {
        // Put together here, so that this file does not find itself.
        let reminders: Set<Substring> = ["TO" + "DO", "FIX" + "ME", "X" + "XX"]
        for file in try SourceTree.writtenFiles() where !file.hasSuffix(".json") {
            for (index, line) in try file.lines().enumerated() {
                let words = line.split { !$0.isLetter && !$0.isNumber && $0 != "_" }
                for word in words where reminders.contains(word) { Issue.record("\(file):\(index + 1): \(word)") }
            }
        }
    }

    @Test("No file is longer than anyone reads; generated tables apart")
    func fileLength() throws {
        for file in try SourceTree.writtenFiles() where file.hasSuffix(".swift", ".c", ".h", ".py", ".sh") {
            let lines = try file.lines()
            let isGenerated = lines.first?.hasPrefix("// Made by ") == true
            #expect(isGenerated || lines.count <= Self.linesMax, "\(file): \(lines.count) lines")
        }
    }

    @Test("A script can be run, and what can be run is a script")
    func runBit() throws {
        var scripts = 0
        for file in try SourceTree.writtenFiles() {
            let isScript = try file.lines().first?.hasPrefix("#!") == true
            #expect(file.isExecutable == isScript, "\(file)")
            scripts += isScript ? 1 : 0
        }
        #expect(scripts > 0, "the search itself works: the tables are made by one")
    }
}
