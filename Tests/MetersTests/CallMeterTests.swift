import TDXCalls
import Testing
import Threading

@testable import Meters

@Suite("What SEAMCALLs answered")
struct CallMeterTests {
    /// Answers what it is told to.
    private final class Port: SEAMCALLPort {
        let answers: Locked<[Result<Completion, PortError>]>

        init(_ answers: [Result<Completion, PortError>]) { self.answers = Locked(answers.reversed()) }

        func call(
            _ leaf: Leaf, _ registers: inout Registers, on processor: Processor
        ) throws(PortError) -> Completion {
            registers.rcx = 7
            guard let answer = answers.withLock({ $0.popLast() }) else { return .success }
            return try answer.get()
        }
    }

    private let processor = Processor(rawValue: 0)

    /// Every call takes 3 µs.
    private func meter(_ answers: [Result<Completion, PortError>]) -> CallMeter {
        let time = Locked<UInt64>(0)
        return CallMeter(Port(answers)) {
            time.withLock { time in
                defer { time += 3_000 }
                return time
            }
        }
    }

    @Test("Answers are counted by leaf and name; versions of a leaf and details of an answer make no difference")
    func counts() throws {
        let meter = meter([
            .success(.success), .success(Completion(.operandBusy, operand: .rcx)),
            .success(Completion(.operandBusy, operand: .rdx)), .success(Completion(rawValue: 0x8000_77aa_0000_0000)),
            .failure(PortError(.notExecuted, "gone")),
        ])
        var registers = Registers()
        for leaf: Leaf in [.vpInit, .vpInit, .vpInit.version(1), .vpInit] {
            _ = try meter.call(leaf, &registers, on: processor)
        }
        #expect(registers.rcx == 7)
        #expect(throws: PortError.self) { try meter.call(.mngInit, &registers, on: processor) }
        #expect(meter.count(.vpInit, "TDX_SUCCESS") == 1)
        #expect(meter.count(.vpInit, "TDX_OPERAND_BUSY") == 2)
        #expect(meter.count(.vpInit, "unknown") == 1)
        #expect(meter.count(.mngInit, "not_executed") == 1)
        #expect(meter.count(.mngCreate, "TDX_SUCCESS") == 0)
    }

    @Test("It is written by leaf number, with durations, and write-backs by what became of them")
    func text() throws {
        let meter = meter([
            .success(.interruptedResumable), .success(.interruptedResumable), .success(.success),
            .success(.wbCacheResumeError), .success(.success),
        ])
        var registers = Registers()
        for _ in 0..<4 { _ = try meter.call(.phymemCacheWB, &registers, on: processor) }
        _ = try meter.call(.mngCreate, &registers, on: processor)
        var exposition = Exposition()
        meter.write(to: &exposition)
        let lines = exposition.text.split(separator: "\n").filter { !$0.contains("_bucket") }
        #expect(
            lines == [
                "# HELP tdxd_seamcalls_total SEAMCALLs issued, by leaf and by what they answered.",
                "# TYPE tdxd_seamcalls_total counter",
                #"tdxd_seamcalls_total{leaf="TDH.MNG.CREATE",completion="TDX_SUCCESS"} 1"#,
                #"tdxd_seamcalls_total{leaf="TDH.PHYMEM.CACHE.WB",completion="TDX_INTERRUPTED_RESUMABLE"} 2"#,
                #"tdxd_seamcalls_total{leaf="TDH.PHYMEM.CACHE.WB",completion="TDX_SUCCESS"} 1"#,
                #"tdxd_seamcalls_total{leaf="TDH.PHYMEM.CACHE.WB",completion="TDX_WBCACHE_RESUME_ERROR"} 1"#,
                "# HELP tdxd_seamcall_duration_seconds How long SEAMCALLs took, by leaf.",
                "# TYPE tdxd_seamcall_duration_seconds histogram",
                #"tdxd_seamcall_duration_seconds_sum{leaf="TDH.MNG.CREATE"} 0.000003"#,
                #"tdxd_seamcall_duration_seconds_count{leaf="TDH.MNG.CREATE"} 1"#,
                #"tdxd_seamcall_duration_seconds_sum{leaf="TDH.PHYMEM.CACHE.WB"} 0.000012"#,
                #"tdxd_seamcall_duration_seconds_count{leaf="TDH.PHYMEM.CACHE.WB"} 4"#,
                "# HELP tdxd_cache_write_backs_total "
                    + "Answers of TDH.PHYMEM.CACHE.WB, by what became of the write-back.",
                "# TYPE tdxd_cache_write_backs_total counter",
                #"tdxd_cache_write_backs_total{outcome="completed"} 1"#,
                #"tdxd_cache_write_backs_total{outcome="interrupted"} 2"#,
                #"tdxd_cache_write_backs_total{outcome="refused"} 1"#,
            ])
    }

    @Test("No call is lost when several threads call at once")
    func threads() {
        let meter = CallMeter(Port([]))
        let threads = (0..<4).map { _ in
            Threading.Thread {
                var registers = Registers()
                for _ in 0..<500 { _ = try? meter.call(.mngRD, &registers, on: Processor(rawValue: 0)) }
            }
        }
        for thread in threads { thread.join() }
        #expect(meter.count(.mngRD, "TDX_SUCCESS") == 2_000)
    }
}
