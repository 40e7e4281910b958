import FakeReplay
import SEAMCALLTrace
import Testing

@Suite("Recordings on the fake")
struct ReplayTests {
    private func run(_ traces: [Trace], leaves: LeafSelection) -> (code: Int32, lines: [String]) {
        var lines: [String] = []
        let code = replay(traces, leaves: leaves) { lines.append($0) }
        return (code, lines)
    }

    @Test("all 88 recordings of the RFC's leaves agree, register by register")
    func rfc() throws {
        let outcome = run(try Recordings.traces.get(), leaves: .rfc)
        #expect(
            outcome.lines.last == "88 traces: 88 agree, 0 differ", "\(outcome.lines.prefix(60).joined(separator: "\n"))"
        )
        #expect(outcome.code == 0)
    }
}

extension ReplayTests {
    @Test("all 243 recordings agree")
    func all() throws {
        let outcome = run(try Recordings.traces.get(), leaves: .all)
        #expect(
            outcome.lines.last == "243 traces: 243 agree, 0 differ",
            "\(outcome.lines.prefix(200).joined(separator: "\n"))")
    }

    @Test("the 8 random recordings agree")
    func random() throws {
        let outcome = run(try Recordings.random.get(), leaves: .all)
        #expect(
            outcome.lines.last == "8 traces: 8 agree, 0 differ", "\(outcome.lines.prefix(200).joined(separator: "\n"))")
    }
}
