public import KernelShim
public import SEAMCALLTrace
internal import TDXCalls

/// Replays recordings on the kernel shim's device: what `tdxd trace replay --module shim` does.
///
/// The device gives its own pages, KeyIDs and memory for those a recording names. Each recording has a session of its own,
/// whose TDs are torn down behind it. Registers that the shim does not give back, and address bits of secure EPT entries,
/// are not compared.
public struct ShimReplay {
    private let open: () throws(ShimUnavailable) -> any ShimDevice
    /// How many recordings went how.
    public private(set) var agree = 0
    public private(set) var differ = 0
    /// Recordings that agree and of which every call was made.
    public private(set) var whole = 0
    /// How many were left out, by the reason.
    public private(set) var leftOut: [String: Int] = [:]

    /// - Parameter open: opens the device anew.
    public init(open: @escaping () throws(ShimUnavailable) -> any ShimDevice) { self.open = open }

    /// - Parameter print: takes lines.
    /// - Returns: an exit code: 0 if all that could be replayed agree and there is one, else 1.
    /// - Throws: ``ShimUnavailable`` if the device fails, or does not let go of what a recording left.
    public mutating func run(_ traces: [Trace], print: (String) -> Void) throws(ShimUnavailable) -> Int32 {
        for trace in traces { try run(trace, print) }
        let skipped = leftOut.values.reduce(0, +)
        for (reason, count) in leftOut.sorted(by: { ($1.value, $0.key) < ($0.value, $1.key) }) {
            print("left out: \(count): \(reason)")
        }
        print(
            "\(agree + differ) of \(traces.count) recordings replayed: \(agree) agree (\(whole) with every call), "
                + "\(differ) differ; \(skipped) left out")
        return differ == 0 && agree > 0 ? 0 : 1
    }

    private mutating func run(_ trace: Trace, _ print: (String) -> Void) throws(ShimUnavailable) {
        let session = try runInSession(trace, print)
        // The session is closed by now: what is left in it is an orphan's.
        let administration = try ShimAdministration(open())
        do throws(PortError) {
            guard try administration.sessions().contains(where: { $0.number == session }) else { return }
            while true {
                switch try administration.reclaim(session) {
                case .done: return
                case .more: continue
                case .stuck(let leaf, let completion, _):
                    throw PortError(
                        .notExecuted, "\(trace.name): its TDs cannot be torn down: \(leaf.name): \(completion)")
                }
            }
        } catch {
            throw .failing(error)
        }
    }

    /// The number of the session, which ends with this.
    private mutating func runInSession(_ trace: Trace, _ print: (String) -> Void) throws(ShimUnavailable) -> UInt64 {
        let shim = try KernelShim(open()) { _ in }
        do throws(CannotBeGiven) {
            var run = try RecordingRun(trace, shim)
            try run.run()
            for difference in run.differences { print(difference.description) }
            if run.made == 0 { throw CannotBeGiven(reason: "none of its calls can be made") }
            if !run.differences.isEmpty {
                differ += 1
            } else {
                agree += 1
                if run.leftOut == 0 { whole += 1 }
            }
        } catch {
            leftOut[error.reason, default: 0] += 1
        }
        return shim.session.number
    }
}
