import FakeTDX
import Logging
import TDXCalls
import Testing
import Threading

@testable import TDLifecycle

@Suite("What is logged of refused SEAMCALLs")
struct RefusalLogTests {
    private struct Lines: LogHandler {
        let written: Locked<[String]>
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.error
        subscript(metadataKey key: String) -> Logger.MetadataValue? {
            get { nil }
            set {}
        }
        func log(event: LogEvent) { written.withLock { $0.append(event.message.description) } }
    }

    @Test("A client that has a leaf refused again and again fills no log: so many lines, and then their number")
    func flood() throws {
        let written = Locked<[String]>([])
        let fake = try FakeTDX { Issue.record("the host owed something: \($0)") }
        let scheduler = ManualScheduler()
        let engine = Engine(
            calls: fake, host: fake,
            environment: EngineEnvironment(
                wallClock: scheduler, elapsedClock: scheduler, random: CountingRandom(), scheduler: scheduler),
            logger: Logger(label: "test") { _ in Lines(written: written) })
        let world = try World(fake: fake, engine: engine)
        let (td, creation) = try engine.createTD(world.request(world.spec(until: .tdrCreated)), by: world.lab)
        scheduler.runUntilQuiet()
        #expect(try engine.operation(creation).state == .succeeded)
        func refuse() throws {
            // Its key is not configured.
            let (_, step) = try engine.step(.id(td), StepRequest(call: .addTDCSPage), by: world.lab)
            scheduler.runUntilQuiet()
            #expect(try engine.operation(step).state == .failed)
        }
        for _ in 0..<50 { try refuse() }
        #expect(written.withLock { $0 } == Array(repeating: "SEAMCALL refused", count: LineBudget.linesDefault))
        #expect(engine.suppressedLogLines == 30)
        scheduler.enqueue(after: LineBudget.periodDefault) {}
        scheduler.runUntilQuiet()
        try refuse()
        #expect(
            written.withLock { $0.suffix(2) } == ["Refused SEAMCALLs were left out of the log", "SEAMCALL refused"])
    }
}
