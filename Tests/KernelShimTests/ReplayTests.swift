import KernelShim
import SEAMCALLTrace
import ShimReplay
import Testing

@Suite("Recordings through the shim")
struct ReplayTests {
    private static func traces(_ name: String) throws -> [Trace] {
        let folders = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(2)
        return try TraceFile(path: (folders + ["Recordings", name[...]]).joined(separator: "/")).traces
    }

    @Test(
        "The recordings whose pages the shim can give agree", arguments: [("traces.json", 146, 51), ("random.json", 0, 0)])
    func recordings(_ file: String, _ agree: Int, _ whole: Int) throws {
        let machine = try Machine()
        var replay = ShimReplay { () throws(ShimUnavailable) in machine.open() }
        var lines: [String] = []
        let code = try replay.run(try Self.traces(file)) { lines.append($0) }
        #expect(replay.differ == 0)
        #expect(replay.agree == agree)
        #expect(replay.whole == whole)
        #expect(code == (agree > 0 ? 0 : 1))
        #expect(machine.pagesOut == 0)
        #expect(machine.keyIDsOut == 0)
    }
}
