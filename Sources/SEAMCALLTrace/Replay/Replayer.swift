internal import TDXCalls

/// Replays a recording on a fresh module and compares every answer.
///
/// Of each call the completion is compared, and every register that recordings list: after the call it must be
/// what went in, or what `out` says. Registers that are `unstable` are not compared. Calls that contention decided are
/// left out, for a replay has none.
public struct Replayer {
    private let trace: Trace
    private let target: any ReplayTarget
    private var heldPages: [UInt64] = []
    private var differences: [Difference] = []
    private var leftOut = 0

    /// How a replay went.
    public struct Outcome: Hashable, Sendable {
        /// None if the target agrees.
        public let differences: [Difference]
        /// Calls that were not made, because contention decided their answers.
        public let leftOut: Int
    }

    /// Differences that are kept of one trace; the rest is counted as one.
    public static let differencesMax = 1000

    /// What the back end did not give stands in the recording as 0.
    private var hasNamedOutputsOnly: Bool { trace.platform?.outputs == TracePlatform.namedOutputs }

    private init(_ trace: Trace, on target: any ReplayTarget) {
        self.trace = trace
        self.target = target
    }

    /// Replays `trace` on a target that was made for it.
    ///
    /// - Returns: the differences; none if the target agrees.
    public static func replay(_ trace: Trace, on target: any ReplayTarget) -> [Difference] {
        outcome(of: trace, on: target).differences
    }

    /// The same, with what was left out.
    public static func outcome(of trace: Trace, on target: any ReplayTarget) -> Outcome {
        var replayer = Replayer(trace, on: target)
        for (index, step) in trace.steps.enumerated() {
            guard replayer.differences.count < differencesMax else { break }
            do throws(TraceError) {
                try replayer.run(step, index)
            } catch {
                replayer.differ(index, "\(step)", "a step that can be replayed", error.description)
            }
        }
        return Outcome(differences: replayer.differences, leftOut: replayer.leftOut)
    }

    private mutating func run(_ step: TraceStep, _ index: Int) throws(TraceError) {
        switch step {
        case .call(let call) where call.contention == true: leftOut += 1
        case .call(let call): try run(call, index)
        case .tdEvent(let event): try run(event, index)
        case .memoryWrite(let write): target.writeMemory(try write.bytes(), at: write.hpa.rawValue)
        case .memoryRead(let read): try compare(read, index)
        case .lockHold(let lock): try hold(lock, index)
        case .lockRelease(let lock): try release(lock, index)
        case .interruptPending(let interrupt): target.orderInterrupt(atPoll: interrupt.atPoll)
        case .keyGenerationFails(let failure): target.failKeyGenerations(failure.count)
        case .randomDrawFails(let failure): target.failRandomDraws(failure.count)
        case .fact: break
        case .repeated: try repeatLastCall(before: index)
        }
    }

    private mutating func differ(_ index: Int, _ call: String, _ expected: String, _ got: String) {
        differences.append(Difference(trace: trace.name, step: index, call: call, expected: expected, got: got))
    }

    /// A `repeat` says how many further calls like an earlier one were made, all with the same completion.
    private mutating func repeatLastCall(before index: Int) throws(TraceError) {
        guard let times = RepeatNote.count(in: trace.steps[index]),
            let call = RepeatNote.call(before: index, in: trace.steps)
        else { return }
        let leaf = try call.leaf()
        for _ in 0..<times {
            var registers = try call.input()
            let completion = answer { () throws(PortError) in
                try target.call(leaf, &registers, on: Processor(rawValue: UInt32(call.lp)))
            }
            guard completion == .completion(Completion(rawValue: call.status?.rawValue ?? 0)) else {
                return differ(index, describe(call), "\(times) answers alike", "\(completion)")
            }
        }
    }

    private enum Answer: Equatable, CustomStringConvertible {
        case completion(Completion)
        case failure(PortError)

        var description: String {
            switch self {
            case .completion(let completion): "\(completion)"
            case .failure(let error): "port failure: \(error.explanation)"
            }
        }
    }

    private func answer(_ body: () throws(PortError) -> Completion) -> Answer {
        do throws(PortError) {
            return .completion(try body())
        } catch {
            return .failure(error)
        }
    }

    private mutating func run(_ call: CallStep, _ index: Int) throws(TraceError) {
        let leaf = try call.leaf()
        let input = try call.input()
        guard let lp = UInt32(exactly: call.lp) else { throw TraceError("no such processor: \(call.lp)") }
        let processor = Processor(rawValue: lp)
        var registers = input
        let outcome: Answered
        // Recordings of the module say separately how a vCPU left its TD; those of a daemon have only the answer to the host.
        if leaf == .vpEnter, call.entered == true || Completion(rawValue: call.status?.rawValue ?? 0).isError {
            outcome = entryOutcome { () throws(PortError) in try target.enter(&registers, on: processor) }
        } else {
            outcome = .answer(
                answer { () throws(PortError) in try target.call(leaf, &registers, on: processor) }, registers)
        }
        let expected = Expectation(
            status: call.entered == true ? nil : call.status?.rawValue, input: input, out: call.out ?? [:],
            guest: call.tdRegs, unstable: call.unstable ?? [])
        compare(outcome, registers, expected, index, describe(call))
    }

    private mutating func run(_ event: TDEventStep, _ index: Int) throws(TraceError) {
        guard let lp = UInt32(exactly: event.lp), let reason = UInt16(exactly: event.tdExit.reason) else {
            throw TraceError("no such processor or exit reason")
        }
        // The recordings list what an exit leaves in the registers against zeroes, not against the entry's.
        let input = Registers()
        var registers = input
        let exit = ReplayExit(
            reason: reason, qualification: event.tdExit.qualification?.rawValue ?? 0,
            guestPhysicalAddress: event.tdExit.gpa?.rawValue ?? 0,
            registers: (event.tdExit.tdRegs ?? [:]).mapValues(\.rawValue))
        let outcome = entryOutcome { () throws(PortError) in
            try target.exit(exit, &registers, on: Processor(rawValue: lp))
        }
        let expected = Expectation(
            status: event.staysInTD == true ? nil : event.status?.rawValue, input: input, out: event.out ?? [:],
            guest: event.tdRegsAfter, unstable: [])
        compare(outcome, registers, expected, index, "td.event on processor \(event.lp), exit reason \(reason)")
    }

    private enum Answered {
        case answer(Answer, Registers)
        case inside([String: UInt64])
    }

    private func entryOutcome(_ body: () throws(PortError) -> ReplayEntry) -> Answered {
        do throws(PortError) {
            switch try body() {
            case .answered(let completion): return .answer(.completion(completion), Registers())
            case .inside(let guest): return .inside(guest)
            }
        } catch {
            return .answer(.failure(error), Registers())
        }
    }

    private struct Expectation {
        /// Nil where the vCPU is to be inside its TD.
        let status: UInt64?
        let input: Registers
        let out: [String: Hex]
        let guest: [String: Hex]?
        let unstable: [String]
    }

    private mutating func compare(
        _ outcome: Answered, _ registers: Registers, _ expected: Expectation, _ index: Int, _ call: String
    ) {
        switch (outcome, expected.status) {
        case (.answer(let answer, _), let status?):
            let wanted = Completion(rawValue: status)
            guard answer == .completion(wanted) else {
                return differ(index, call, "\(wanted)", "\(answer)")
            }
            compareRegisters(registers, expected, index, call)
        case (.inside(let guest), nil):
            guard let wanted = expected.guest else { return }
            for name in Set(guest.keys).union(wanted.keys).sorted()
            where guest[name] ?? 0 != wanted[name]?.rawValue ?? 0 {
                differ(
                    index, call, "guest \(name) \(wanted[name] ?? Hex(rawValue: 0))",
                    "\(Hex(rawValue: guest[name] ?? 0))")
            }
        case (.answer(let answer, _), nil): differ(index, call, "the vCPU inside its TD", "\(answer)")
        case (.inside, let status?): differ(index, call, "\(Completion(rawValue: status))", "the vCPU inside its TD")
        }
    }

    private mutating func compareRegisters(
        _ registers: Registers, _ expected: Expectation, _ index: Int, _ call: String
    ) {
        for register in CallStep.registers where !expected.unstable.contains(register.rawValue) {
            let wanted = expected.out[register.rawValue]?.rawValue ?? expected.input[register]
            guard registers[register] != wanted, wanted != 0 || !hasNamedOutputsOnly else { continue }
            differ(
                index, call, "\(register.rawValue) \(Hex(rawValue: wanted))",
                "\(Hex(rawValue: registers[register]))")
        }
    }

    private mutating func compare(_ read: MemoryReadStep, _ index: Int) throws(TraceError) {
        let wanted = try read.bytes()
        let got = target.readMemory(at: read.hpa.rawValue, count: wanted.count)
        guard let first = zip(wanted, got).enumerated().first(where: { $0.element.0 != $0.element.1 }) else { return }
        let offset = Hex(rawValue: UInt64(first.offset))
        differ(
            index, "mem.read \(read.hpa)", "\(Hex(rawValue: UInt64(first.element.0))) at offset \(offset)",
            "\(Hex(rawValue: UInt64(first.element.1)))")
    }

    private func describe(_ call: CallStep) -> String {
        let registers = call.in.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " ")
        let version = call.version.map { " v\($0)" } ?? ""
        return "\(call.op)\(version) on processor \(call.lp) \(registers)"
    }
}

extension Replayer {
    private mutating func hold(_ step: LockStep, _ index: Int) throws(TraceError) {
        let lock = try replayLock(step)
        if case .page(let page) = lock { heldPages.append(page) }
        guard target.hold(lock, exclusively: step.mode == "exclusive") else {
            return differ(index, "lock.hold \(step.lock)", "the lock free", "held already")
        }
    }

    private mutating func release(_ step: LockStep, _ index: Int) throws(TraceError) {
        var step = step
        if step.lock == "PAGE", step.page == nil { step.page = heldPages.popLast().map { Hex(rawValue: $0) } }
        guard target.release(try replayLock(step)) else {
            return differ(index, "lock.release \(step.lock)", "the lock held", "not held")
        }
    }

    private func replayLock(_ step: LockStep) throws(TraceError) -> ReplayLock {
        switch (step.lock, step.page, step.td, step.package) {
        case ("KOT", _, _, _): return .keyTable
        case ("SYS", _, _, _): return .system
        case ("WBCACHE", _, _, let package?): return .writeBack(package: package)
        case ("PAGE", let page?, _, _): return .page(page.rawValue)
        case ("OP_STATE", _, let td?, _): return .opState(td: td.rawValue)
        case ("SEPT_TREE", _, let td?, _): return .septTree(td: td.rawValue)
        case ("TD_EPOCH", _, let td?, _): return .epoch(td: td.rawValue)
        default: throw TraceError("no such lock, or not said whose: \(step.lock)")
        }
    }
}
