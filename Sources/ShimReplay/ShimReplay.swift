public import KernelShim
public import SEAMCALLTrace
internal import TDXCalls
internal import Threading

/// Replays recordings on the kernel shim's device: what `tdxd trace replay --module shim` does.
///
/// The device gives its own pages, KeyIDs and memory for those a recording names. Each recording has a session of its own,
/// whose TDs are torn down behind it. A recording is left out as soon as it wants what the device cannot give, unless the
/// call that does changed nothing: then that call is. Registers that the shim does not give back, and address bits of
/// secure EPT entries, are not compared.
public struct ShimReplay {
    /// What may have become of the device's pages before.
    public enum Pages: Sendable {
        /// Nothing: no page has been given to the module since it came up.
        case unused
        /// The module may remember owners of before, which are then not compared where a recording has none.
        case usedBefore
    }

    private let open: () throws(ShimUnavailable) -> any ShimDevice
    private let pages: Pages
    /// How many recordings went how.
    public private(set) var agree = 0
    public private(set) var differ = 0
    /// Recordings that agree and of which every call was made.
    public private(set) var whole = 0
    /// How many were left out, by the reason.
    public private(set) var leftOut: [String: Int] = [:]
    /// Calls of those that were not left out: made, and not.
    public private(set) var callsMade = 0
    public private(set) var callsLeftOut = 0
    /// Owners of pages that were not compared, because they may be those of before.
    public private(set) var formerOwners = 0

    /// - Parameter open: opens the device anew.
    public init(_ pages: Pages, open: @escaping () throws(ShimUnavailable) -> any ShimDevice) {
        self.pages = pages
        self.open = open
    }

    /// How a replay ended, as an exit code.
    public enum ExitCode: Int32, Sendable {
        /// At least one recording was replayed, and all that were agree.
        case agree = 0
        case differ = 1
        /// All were left out, or there was none.
        case nothingReplayed = 3
    }

    /// - Parameter print: takes lines.
    /// - Throws: ``ShimUnavailable`` if the device fails, or does not let go of what a recording left.
    public mutating func run(_ traces: [Trace], print: (String) -> Void) throws(ShimUnavailable) -> ExitCode {
        for trace in traces { try run(trace, print) }
        for (reason, count) in leftOut.sorted(by: { ($1.value, $0.key) < ($0.value, $1.key) }) {
            print("left out: \(count): \(reason)")
        }
        print("\(callsMade) calls made and compared; \(callsLeftOut) that change nothing left out")
        if formerOwners > 0 {
            print("\(formerOwners) owners of pages were not compared: they may be of recordings before")
        }
        let skipped = leftOut.values.reduce(0, +)
        print(
            "\(agree + differ) of \(traces.count) recordings replayed: \(agree) agree (\(whole) with every call), "
                + "\(differ) differ; \(skipped) left out")
        return differ > 0 ? .differ : agree > 0 ? .agree : .nothingReplayed
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
        let trouble = Locked<PortError?>(nil)
        let shim = try KernelShim(open()) { error in trouble.withLock { $0 = $0 ?? error } }
        do throws(Obstacle) {
            var run = try RecordingRun(trace, shim, pages)
            try run.run()
            if run.made == 0 { throw .cannotBeGiven("none of its calls can be made") }
            for difference in run.differences { print(difference.description) }
            note(run)
        } catch {
            switch error {
            case .deviceFails(let failure): throw .failing(failure)
            case .cannotBeGiven(let reason):
                leftOut[reason, default: 0] += 1
                print("\(trace.name): left out: \(reason)")
            }
        }
        if let trouble = trouble.withLock({ $0 }) { throw .failing(trouble) }
        return shim.session.number
    }

    private mutating func note(_ run: RecordingRun) {
        callsMade += run.made
        callsLeftOut += run.leftOut
        formerOwners += run.formerOwners
        if !run.differences.isEmpty {
            differ += 1
        } else {
            agree += 1
            if run.leftOut == 0 { whole += 1 }
        }
    }
}
