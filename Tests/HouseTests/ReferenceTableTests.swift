import Testing

@Suite("Generated tables")
struct ReferenceTableTests {
    @Test("The tables in TDXCalls are what their script makes of the reference files")
    func tablesAreFresh() throws {
        let answer = try run(["python3", SourceTree.root + "/Tests/Reference/make-tables", "--check"])
        #expect(answer.status == 0, "\(answer.output)")
    }
}
