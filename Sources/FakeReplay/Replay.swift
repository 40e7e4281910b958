internal import FakeTDX
internal import FakeTransport
public import SEAMCALLTrace

/// Replays recordings on fresh fakes: what `tdxd trace replay` does.
///
/// Each difference is printed with its trace, step, call, what was expected and what came. The last line is
/// `N traces: P agree, F differ`.
///
/// - Parameters:
///   - file: path of a file of recordings.
///   - filter: pattern of trace names; nil for all.
///   - leaves: which traces, by their leaves.
///   - socket: of a fake in another process, which makes a fresh one for each trace; nil: in this process.
///   - print: takes lines.
/// - Returns: an exit code: 0 if all selected traces agree and at least one was selected, 1 if one differs or none was
///   selected, 2 if the file cannot be replayed.
public func replay(
    file: String, filter: String? = nil, leaves: LeafSelection = .all, socket: String? = nil,
    print: (String) -> Void
) -> Int32 {
    let recordings: TraceFile
    do throws(TraceError) {
        recordings = try TraceFile(path: file)
    } catch {
        print(error.description)
        return ReplayExitCode.unusable
    }
    if let damage = recordings.damage { print("\(file): \(damage)") }
    return replay(recordings.traces, filter: filter, leaves: leaves, socket: socket, print: print)
}

/// The same for recordings at hand.
public func replay(
    _ traces: [Trace], filter: String? = nil, leaves: LeafSelection = .all, socket: String? = nil,
    print: (String) -> Void
) -> Int32 {
    let pattern = filter.map { NamePattern($0) }
    var agree = 0
    var differ = 0
    for trace in traces where leaves.includes(trace) && pattern?.matches(trace.name) ?? true {
        let target: any ReplayTarget
        do throws(ReplayFailure) {
            let (platform, assumption) = try trace.replayPlatform()
            if let assumption { print("\(trace.name): \(assumption)") }
            if platform.outputs == TracePlatform.namedOutputs {
                print("\(trace.name): registers that the back end did not give back are not compared")
            }
            target = try makeTarget(for: trace, platform, socket)
        } catch {
            print("\(trace.name): \(error.reason)")
            return ReplayExitCode.unusable
        }
        let outcome = Replayer.outcome(of: trace, on: target)
        for difference in outcome.differences { print(difference.description) }
        if outcome.leftOut > 0 {
            print("\(trace.name): \(outcome.leftOut) calls that contention decided are left out")
        }
        if outcome.differences.isEmpty { agree += 1 } else { differ += 1 }
    }
    print("\(agree + differ) traces: \(agree) agree, \(differ) differ")
    return differ == 0 && agree > 0 ? ReplayExitCode.agree : ReplayExitCode.differ
}

private func makeTarget(
    for trace: Trace, _ platform: TracePlatform, _ socket: String?
) throws(ReplayFailure) -> any ReplayTarget {
    guard let socket else {
        do throws(FakePlatformError) {
            return try FakeReplayTarget(platform, bringsUpModule: trace.bringsUpModule)
        } catch {
            throw ReplayFailure(reason: error.description)
        }
    }
    let head = ReplayHead(platform: platform, bringsUpModule: trace.bringsUpModule)
    do throws(TransportError) { return try ServedReplayTarget(head, at: socket) } catch {
        throw ReplayFailure(reason: error.description)
    }
}

private enum ReplayExitCode {
    static let agree: Int32 = 0
    static let differ: Int32 = 1
    static let unusable: Int32 = 2
}
