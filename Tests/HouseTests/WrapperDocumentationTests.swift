import Testing

@Suite("The table of wrappers")
struct WrapperDocumentationTests {
    @Test("Every public wrapper has a row in Wrappers.md with its exact signature, and every row is a wrapper")
    func rowsAreWrappers() throws {
        let code = try SourceTree.swiftFiles(below: "Sources/TDXCalls").flatMap { wrappers(in: try $0.lines()) }
        let rows = try tableRows().map(\.ours)
        #expect(code.count >= 20)
        #expect(rows.sorted() == code.sorted())
    }

    @Test("Every row names its leaf as the specification does, and tells what differs and why")
    func rowsAreComplete() throws {
        for row in try tableRows() {
            #expect(row.leaf.hasPrefix("TDH."), "\(row.ours)")
            #expect(!row.rfc.isEmpty && !row.mainline.isEmpty, "\(row.ours)")
            #expect(row.difference.count > 20, "\(row.ours)")
        }
    }

    @Test("A signature is read over several lines")
    func readsSignatures() {
        let source = [
            "    public func tdh_one(_ td: TD) {", "    }", "    func tdh_hidden() {",
            "    public func tdh_two(", "        _ td: TD, on processor: Processor", "    ) throws(Oops) -> Int {",
        ]
        #expect(
            wrappers(in: source) == [
                "tdh_one(_ td: TD)", "tdh_two(_ td: TD, on processor: Processor) throws(Oops) -> Int",
            ])
    }

    @Test("Every completion a wrapper's comment names is one that exists")
    func namedCompletionsExist() throws {
        let table = SourceTree.File(path: "Sources/TDXCalls/Tables/CompletionTable.swift")
        let constants = Set(
            try table.lines().filter { $0.contains(" = Completion(rawValue:") }
                .compactMap { SwiftText([$0]).lines.first?.words.drop { $0 != "let" }.dropFirst().first })
        #expect(constants.count > 100)
        var named = 0
        for file in try SourceTree.swiftFiles(below: "Sources/TDXCalls/Wrappers") {
            let lines = SwiftText(try file.lines()).lines
            let codeWords = Set(lines.flatMap(\.words))
            for word in lines.flatMap({ quotedWords(in: $0.comment) }) where !codeWords.contains(word) {
                #expect(constants.contains(word) || word.hasPrefix("tdh_"), "\(file): `\(word)`")
                named += 1
            }
        }
        #expect(named > 50, "the search itself works")
    }

    /// What stands between single back quotes and is one word.
    private func quotedWords(in comment: String) -> [Substring] {
        let parts = comment.replacing("``", with: "").split(separator: "`", omittingEmptySubsequences: false)
        return parts.enumerated().filter { $0.offset % 2 == 1 }.map(\.element).filter { part in
            part.allSatisfy { $0.isLetter || $0.isNumber || $0 == "_" }
        }
    }

    private struct Row {
        let leaf, rfc, mainline, ours, difference: String
    }

    private func tableRows() throws -> [Row] {
        let page = SourceTree.File(path: "Sources/TDXCalls/TDXCalls.docc/Wrappers.md")
        return try page.lines().compactMap { line in
            let cells = line.split(separator: "|").map { cell in
                String(cell.drop { " `".contains($0) }.reversed().drop { " `".contains($0) }.reversed())
            }
            guard cells.count == 5, cells[3].hasPrefix("tdh_") else { return nil }
            return Row(leaf: cells[0], rfc: cells[1], mainline: cells[2], ours: cells[3], difference: cells[4])
        }
    }

    /// The signatures of public `tdh_` functions, each on one line with single spaces.
    private func wrappers(in source: [String]) -> [String] {
        let mark = "public func tdh_"
        return source.indices.filter { source[$0].contains(mark) }.map { first in
            let text = source[first...].prefix(Self.signatureLinesMax).joined(separator: " ")
            let words = text.prefix { $0 != "{" }.split(separator: " ").drop { $0 != "func" }.dropFirst()
            return words.joined(separator: " ").replacing("( ", with: "(").replacing(" )", with: ")")
        }
    }

    private static let signatureLinesMax = 6
}
