import FakeTDX
import TDXCalls
import Testing
import Threading

@Suite("Time on the fake")
struct TimingTests {
    @Test("a write-back in slices takes its whole time in all, each call about a slice, and can be resumed")
    func slices() throws {
        let timing = FakeTiming(cacheWriteBack: .milliseconds(80), cacheWriteBackSlice: .milliseconds(5))
        let fake = try FakeTDX(timing: timing)
        let lp = Processor(rawValue: 0)
        var registers = Registers(rcx: 0x1_0010_0000, rdx: 33)
        #expect(try fake.call(.mngCreate, &registers, on: lp) == .success)
        #expect(try fake.call(.mngVPFlushDone, &registers, on: lp) == .success)
        registers = Registers()
        let start = MonotonicTime.now
        var calls = 1
        while try fake.call(.phymemCacheWB, &registers, on: lp) == .interruptedResumable, calls < 100 {
            calls += 1
            registers.rcx = 1
        }
        let elapsed = MonotonicTime.now.duration(since: start)
        #expect(calls == 16)
        #expect(elapsed >= .milliseconds(80))
    }

    @Test("holds the key table shared only within each call")
    func keyTable() throws {
        let timing = FakeTiming(cacheWriteBack: .milliseconds(20), cacheWriteBackSlice: .milliseconds(5))
        let fake = try FakeTDX(timing: timing)
        let lp = Processor(rawValue: 0)
        var registers = Registers(rcx: 0x1_0010_0000, rdx: 33)
        #expect(try fake.call(.mngCreate, &registers, on: lp) == .success)
        #expect(try fake.call(.mngVPFlushDone, &registers, on: lp) == .success)
        registers = Registers()
        #expect(try fake.call(.phymemCacheWB, &registers, on: lp) == .interruptedResumable)
        registers = Registers(rcx: 0x1_0020_0000, rdx: 34)
        #expect(try fake.call(.mngCreate, &registers, on: lp) == .success)
    }

    @Test("negative and endless times are refused", arguments: [Duration.milliseconds(-1), .seconds(3601)])
    func bad(duration: Duration) {
        #expect(throws: FakePlatformError.self) { try FakeTDX(timing: FakeTiming(call: duration)) }
    }
}
