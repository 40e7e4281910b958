import Testing

@Suite("Reading Swift source")
struct SwiftTextTests {
    @Test("Code, comments and strings are told apart")
    func parts() {
        let text = SwiftText([
            #"let a = "x // no comment" // a comment"#,
            ##"let b = #"raw "quoted" \"# + "esc \" aped" /* gone */ + c"##,
            "/* one /* two */",
            "still */ let d = \"\"",
            "let e = \"\"\"",
            "    inside! // the string",
            "    \"\"\" + f",
        ])
        #expect(text.lines[0].code == "let a = \" ")
        #expect(text.lines[0].comment == "// a comment")
        #expect(text.lines[1].words == ["let", "b", "c"])
        #expect(text.lines[2].isComment)
        #expect(text.lines[3].words == ["let", "d"])
        #expect(!text.lines[5].hasCode && text.lines[5].comment.isEmpty)
        #expect(text.lines[6].words == ["f"])
    }

    @Test("Imports are found with and without access level, attribute and kind")
    func imports() {
        let text = SwiftText([
            "import A", "public import B", "@testable internal import C", "import struct D.Thing", "// import E",
            "let text = \"import F\"", "@_exported import G",
        ])
        #expect(text.imports == ["A", "B", "C", "D", "G"])
    }

    @Test("A force is found, and a negation or a comparison is none")
    func forces() {
        let text = SwiftText([
            "let a = b!", "let a = !b", "if a != b {", "if a!=b {", "let c = try! d()", "let e = f as! G",
            "var h: Int!", "let i = j()!.k", "#expect(!l && !m) // really!", "let n = \"o!\"",
        ])
        #expect(text.forcedLines == [1, 5, 6, 7, 8])
    }

    @Test("An unsafe expression wants its reason in the same member")
    func reasons() {
        let text = SwiftText([
            "struct S {",
            "    // SAFETY: above a one-line member.",
            "    func a() { unsafe b() }",
            "    func c(",
            "        _ d: Int",
            "    ) {",
            "        unsafe e()",
            "        // SAFETY: for all of them.",
            "        if d { unsafe f() }",
            "    }",
            "    func g() {",
            "        unsafe h()",
            "        // No reason given.",
            "    }",
            "    nonisolated(unsafe) var i = 0",
            "    /// SAFETY: over the signature.",
            "    func j(",
            "        _ k: Int",
            "    ) {",
            "        l { unsafe m() }",
            "    }",
            "}",
            "let n = unsafe o()  // SAFETY: on the line.",
            "let p = unsafe q()",
            "struct T {",
            "    // SAFETY of all uses: this owner alone.",
            "    let r: UnsafePointer<Int>",
            "    init() {",
            "        unsafe r = s()",
            "    }",
            "}",
            "func u() { unsafe v() }",
        ])
        #expect(text.unexplainedUnsafeLines == [12, 15, 24, 32])
    }
}
