/// Swift source with code and comments told apart, line by line; what string literals say is left out.
///
/// Good enough for rules about words and signs. It does not know regular expression literals, and takes an
/// interpolation for part of its string.
struct SwiftText {
    struct Line {
        var code = ""
        var comment = ""
        /// Spaces before the first character.
        var indentation = 0

        var hasCode: Bool { code.contains { $0 != " " } }
        /// A line of nothing but comment.
        var isComment: Bool { !hasCode && !comment.isEmpty }
        /// The code as words: identifiers, keywords and numbers.
        var words: [Substring] { code.split { !$0.isLetter && !$0.isNumber && $0 != "_" } }
    }

    let lines: [Line]

    init(_ source: [String]) {
        var scanner = Scanner()
        lines = source.map { scanner.scan($0) }
    }

    private struct Scanner {
        enum State: Equatable {
            case code
            case comment(depth: Int)
            /// Inside a string that ends with `quotes` quotation marks and `hashes` number signs.
            case string(quotes: Int, hashes: Int)
        }

        var state = State.code

        mutating func scan(_ text: String) -> Line {
            var line = Line(indentation: text.prefix { $0 == " " }.count)
            var rest = text[...]
            if case .string(1, _) = state { state = .code }
            while !rest.isEmpty {
                switch state {
                case .code: scanCode(&rest, &line)
                case .comment(let depth): scanComment(depth, &rest, &line)
                case .string(let quotes, let hashes): scanString(quotes, hashes, &rest)
                }
            }
            return line
        }

        private mutating func scanCode(_ rest: inout Substring, _ line: inout Line) {
            if rest.hasPrefix("//") {
                line.comment += rest
                rest = ""
            } else if rest.hasPrefix("/*") {
                state = .comment(depth: 1)
                rest.removeFirst(2)
            } else {
                let hashes = rest.prefix { $0 == "#" }.count
                let quotes = rest.dropFirst(hashes).prefix(3).prefix { $0 == "\"" }.count
                if quotes == 0 {
                    line.code.append(rest.removeFirst())
                } else {
                    // Two marks are an empty string, unless a third makes it a block.
                    line.code += "\""
                    state = .string(quotes: quotes == 3 ? 3 : 1, hashes: hashes)
                    rest.removeFirst(hashes + (quotes == 3 ? 3 : 1))
                }
            }
        }

        private mutating func scanComment(_ depth: Int, _ rest: inout Substring, _ line: inout Line) {
            if rest.hasPrefix("*/") {
                state = depth == 1 ? .code : .comment(depth: depth - 1)
                rest.removeFirst(2)
            } else if rest.hasPrefix("/*") {
                state = .comment(depth: depth + 1)
                rest.removeFirst(2)
            } else {
                line.comment.append(rest.removeFirst())
            }
        }

        private mutating func scanString(_ quotes: Int, _ hashes: Int, _ rest: inout Substring) {
            let end = String(repeating: "\"", count: quotes) + String(repeating: "#", count: hashes)
            let escape = "\\" + String(repeating: "#", count: hashes)
            if rest.hasPrefix(end) {
                state = .code
                rest.removeFirst(end.count)
            } else if rest.hasPrefix(escape) {
                rest.removeFirst(min(escape.count + 1, rest.count))
            } else {
                rest.removeFirst()
            }
        }
    }
}

extension SwiftText {
    /// The modules a file imports.
    var imports: Set<String> {
        var modules: Set<String> = []
        for line in lines where line.words.contains("import") {
            let words = line.words.drop { $0 != "import" }.dropFirst()
            let kinds: Set<Substring> = ["struct", "class", "enum", "protocol", "func", "var", "let", "typealias"]
            if let module = words.first(where: { !kinds.contains($0) }) { modules.insert(String(module)) }
        }
        return modules
    }

    /// Numbers of the lines with a `!` after an operand: `x!`, `try!`, `as!`, `Int!`.
    var forcedLines: [Int] {
        lines.indices.filter { index in
            let code = Array(lines[index].code)
            return code.indices.dropFirst().contains { place in
                let before = code[place - 1]
                let afterOperand = before.isLetter || before.isNumber || ")]}>\"_?".contains(before)
                let isUnequal = place + 1 < code.count && code[place + 1] == "="
                return code[place] == "!" && afterOperand && !isUnequal
            }
        }.map { $0 + 1 }
    }

    /// Numbers of the lines with an `unsafe` that nothing explains. What explains is a comment with `SAFETY:` in
    /// the same member or over it, or one with `SAFETY of all uses:` in the same type.
    var unexplainedUnsafeLines: [Int] {
        lines.indices.filter { lines[$0].words.contains("unsafe") && !isExplained($0) }.map { $0 + 1 }
    }

    private func isExplained(_ index: Int) -> Bool {
        let (member, type) = surroundings(of: index)
        var first = member
        while first > 0, lines[first - 1].isComment { first -= 1 }
        if lines[first...end(of: member, from: index)].contains(where: { $0.comment.contains("SAFETY:") }) {
            return true
        }
        guard let type else { return false }
        return lines[type...end(of: type, from: index)].contains { $0.comment.contains("SAFETY of all uses:") }
    }

    /// The first line of the function or property that holds line `index`, and of the type around it.
    private func surroundings(of index: Int) -> (member: Int, type: Int?) {
        let types: Set<Substring> = ["struct", "class", "enum", "extension", "protocol", "actor"]
        var member = index
        for above in stride(from: index - 1, through: 0, by: -1) where lines[member].indentation > 0 {
            let line = lines[above]
            guard line.hasCode, !line.code.hasPrefix("#"), line.indentation < lines[member].indentation else {
                continue
            }
            if line.words.contains(where: types.contains), line.code.contains("{") {
                return (start(ofSignatureAt: member), above)
            }
            member = above
        }
        return (start(ofSignatureAt: member), nil)
    }

    /// A signature over several lines ends with one that begins with a parenthesis.
    private func start(ofSignatureAt line: Int) -> Int {
        guard lines[line].code.drop(while: { $0 == " " }).hasPrefix(")") else { return line }
        return lines[..<line].lastIndex { $0.hasCode && $0.indentation == lines[line].indentation } ?? line
    }

    /// The last line of what begins at `start` and holds line `index`: the one that closes its braces.
    private func end(of start: Int, from index: Int) -> Int {
        let indentation = lines[start].indentation
        guard index > start else { return index }
        return lines[index...].firstIndex { $0.hasCode && $0.indentation <= indentation } ?? lines.count - 1
    }
}
