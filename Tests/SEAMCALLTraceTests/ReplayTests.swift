import FakeReplay
import SEAMCALLTrace
import Testing

@Suite("Recordings on the fake")
struct ReplayTests {
    private func run(_ traces: [Trace], filter: String? = nil, leaves: LeafSelection) -> (code: Int32, lines: [String])
    {
        var lines: [String] = []
        let code = replay(traces, filter: filter, leaves: leaves) { lines.append($0) }
        return (code, lines)
    }

    /// What differs first, for a reader who has to find out why.
    private func excerpt(_ lines: [String]) -> Comment { "\(lines.prefix(50).joined(separator: "\n"))" }

    @Test("all 88 recordings of the RFC's leaves agree, register by register")
    func rfc() throws {
        let outcome = run(try Recordings.traces.get(), leaves: .rfc)
        #expect(outcome.lines.last == "88 traces: 88 agree, 0 differ", excerpt(outcome.lines))
        #expect(outcome.code == 0)
    }

    @Test("all 243 recordings agree, register by register")
    func all() throws {
        let outcome = run(try Recordings.traces.get(), leaves: .all)
        #expect(outcome.lines.last == "243 traces: 243 agree, 0 differ", excerpt(outcome.lines))
        #expect(outcome.code == 0)
    }

    @Test("the 8 random recordings agree, register by register")
    func random() throws {
        let outcome = run(try Recordings.random.get(), leaves: .all)
        #expect(outcome.lines.last == "8 traces: 8 agree, 0 differ", excerpt(outcome.lines))
        #expect(outcome.code == 0)
    }

    @Test("selecting nothing is a failure, not a success")
    func nothing() throws {
        let outcome = run(try Recordings.traces.get(), filter: "no.such.trace", leaves: .all)
        #expect(outcome.lines == ["0 traces: 0 agree, 0 differ"])
        #expect(outcome.code == 1)
    }

    @Test("a filter takes the traces it names")
    func filter() throws {
        let outcome = run(try Recordings.traces.get(), filter: "hkid.*", leaves: .all)
        #expect(outcome.lines == ["3 traces: 3 agree, 0 differ"])
    }

    @Test("a file that is none is told apart from a difference")
    func noFile() {
        var lines: [String] = []
        #expect(replay(file: "/nowhere") { lines.append($0) } == 2)
        #expect(lines.count == 1)
    }
}
