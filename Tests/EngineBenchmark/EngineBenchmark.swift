import FakeTDX
import Glibc
import Logging
import TDLifecycle
import TDXCalls
import Threading

/// Creates and deletes TDs with two vCPUs on the fake, without HTTP, and says what processor time a cycle takes.
///
/// usage: engine-benchmark [CYCLES [CLIENTS]]
@main
enum EngineBenchmark {
    static func main() throws {
        let numbers = CommandLine.arguments.dropFirst().compactMap { Int($0) }
        let cycles = numbers.first ?? 2_000
        let clients = numbers.dropFirst().first ?? 1
        let fake = try FakeTDX()
        let scheduler = ThreadedScheduler(threads: 2)
        let environment = EngineEnvironment(
            wallClock: SystemWallClock(), elapsedClock: SystemElapsedClock(), random: SystemRandom(),
            scheduler: scheduler, startsInPlace: true)
        let quiet = Logger(label: "benchmark") { _ in SwiftLogNoOpLogHandler() }
        let engine = Engine(calls: fake, host: fake, environment: environment, logger: quiet)
        let before = engine.capacity.pages.free
        let (start, startTime) = (processorTime(), MonotonicTime.now)
        let threads = (0..<clients).map { _ in
            Threading.Thread { for _ in 0..<cycles / clients { Self.cycle(engine) } }
        }
        for thread in threads { thread.join() }
        let used = processorTime() - start
        let elapsed = MonotonicTime.now.duration(since: startTime).components
        let seconds = Double(elapsed.seconds) + Double(elapsed.attoseconds) / 1e18
        scheduler.stop()
        guard engine.capacity.pages.free == before else { fatalError("pages were lost") }
        print(
            "\(cycles) cycles, \(clients) clients: \(used / 1_000 / cycles) us of processor time a cycle, "
                + "\(Int(Double(cycles) / seconds)) cycles/s")
    }

    static func cycle(_ engine: Engine) {
        let requester = Requester(principal: "benchmark", requestID: engine.makeRequestID())
        do {
            let spec = TDSpec(
                attributes: .septVEDisable, xfam: [.x87, .sse], maxVCPUs: 2, numL2VMs: 0, gpaWidthBits: 48,
                eptLevels: 4, tscFrequencyKHz: 2_500_000, noRBPMod: true, flexiblePendingVE: false, mrConfigID: .zero,
                mrOwner: .zero, mrOwnerConfig: .zero, ia32ArchCapabilities: nil, cpuid: [], vcpuCount: 2,
                buildUntil: .initialized)
            let made = try engine.createTD(TDRequest(name: nil, labels: [:], spec: spec), by: requester)
            wait(engine, made.operation)
            wait(engine, try engine.deleteTD(.id(made.td), by: requester).operation)
        } catch {
            fatalError("\(error)")
        }
    }

    private static func wait(_ engine: Engine, _ id: ResourceID) {
        let ended = Monitor<TDLifecycle.Operation?>(nil)
        do {
            try engine.awaitEnd(of: id, timeout: .seconds(10)) { operation in ended.withLock { $0 = operation } }
        } catch {
            fatalError("\(error)")
        }
        guard ended.wait(until: { $0 })?.state == .succeeded else { fatalError("an operation failed") }
    }

    /// Nanoseconds of all threads.
    private static func processorTime() -> Int {
        var time = timespec()
        // SAFETY: the call fills the structure it is given.
        unsafe clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return time.tv_sec * 1_000_000_000 + time.tv_nsec
    }
}
