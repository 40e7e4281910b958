import TDXCalls
import Testing
import Threading

@testable import TDLifecycle

/// What `GET /invariants` says while the engine works.
final class InvariantWatch: Sendable {
    private struct State: Sendable {
        var looks = 0
        var broken: [String] = []
        var isOver = false
    }

    private let state = Locked(State())

    /// How often it was looked, and what was found broken.
    var looks: Int { state.withLock { $0.looks } }
    var broken: [String] { state.withLock { $0.broken } }

    private func take(_ report: InvariantReport) {
        let broken = report.findings.flatMap { finding in
            finding.counterexamples.map { "\(finding.invariant.rawValue): \($0)" }
        }
        state.withLock { state in
            state.looks += 1
            state.broken += broken
        }
    }

    /// Looks before each call.
    func watch(_ world: World) {
        world.port.onEachCall { [engine = world.engine] in self.take(engine.inspectNow()) }
    }

    /// Looks again and again on the engine's own threads, until it is over. It rests nine times as long as a look
    /// takes, so that those it watches get on.
    func watch(_ engine: Engine) -> Thread {
        Thread {
            while !self.state.withLock(\.isOver) {
                let began = ContinuousClock.now
                let answer = Monitor<InvariantReport?>(nil)
                engine.inspect { report in answer.withLock { $0 = report } }
                guard let report = answer.wait(timeout: .seconds(60), until: { $0 }) else { break }
                self.take(report)
                sleepBlocking((ContinuousClock.now - began) * 9)
            }
        }
    }

    func end() { state.withLock { $0.isOver = true } }
}

@Suite("Invariants at every call")
struct LiveInvariantTests {

    @Test("All hold before each call of a life with vCPUs and memory, from creation to the last page")
    func life() throws {
        for startsInPlace in [false, true] {
            let world = try World(startsInPlace: startsInPlace)
            let watch = InvariantWatch()
            watch.watch(world)
            var spec = world.spec(vcpus: 2, until: .finalized)
            spec.memory = [region(0x10_0000, pages: 3)]
            let content = Pattern(spec.memory[0].sizeBytes, seed: 1, portion: 20_480)
            let request = TDRequest(
                name: "a", labels: [:], spec: spec, contents: [content])
            let (td, creation) = try world.engine.createTD(request, by: world.lab)
            #expect(try world.end(creation).state == .succeeded)
            #expect(try world.delete(td).state == .succeeded)
            #expect(watch.broken == [])
            #expect(watch.looks == world.port.calls)
            world.port.onEachCall(nil)
            world.expectInvariants("a life")
        }
    }

    @Test(
        "All hold before each call when the first, the second, ... call of a creation is refused and taken back",
        arguments: [
            ScriptedPort.Fault.answer(Completion(.operandInvalid, operand: .rcx)),
            .answer(Completion(.operandBusy, operand: .rcx)),
            .failAfter(PortError(.outcomeUnknown, "the line went dead")),
        ])
    func failures(_ fault: ScriptedPort.Fault) throws {
        for nth in 1...24 {
            let world = try World()
            let watch = InvariantWatch()
            watch.watch(world)
            world.port.arm(fault, atCall: nth)
            let (td, _) = try world.create(world.spec(vcpus: 2))
            if try world.domain(td).quarantine.isEmpty, try !world.domain(td).isDeleted {
                #expect(try world.delete(td).state == .succeeded)
            }
            #expect(watch.broken == [], "at call \(nth)")
            #expect(watch.looks == world.port.calls && world.port.fired == 1)
        }
    }
}
