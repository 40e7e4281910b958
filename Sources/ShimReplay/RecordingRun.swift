internal import KernelShim
internal import SEAMCALLTrace
internal import TDXCalls

/// One recording on a session of its own.
struct RecordingRun {
    private let trace: Trace
    private let shim: KernelShim
    private let processors: [UInt32: Processor]
    private var objects: ObjectMap
    private(set) var differences: [Difference] = []
    /// Calls that were made, and those that changed nothing and that the device does not take.
    private(set) var made = 0
    private(set) var leftOut = 0
    /// Owners that were not compared, because they may be those of former times.
    private(set) var formerOwners = 0
    private let pages: ShimReplay.Pages

    /// - Throws: ``Obstacle`` if the device's machine is not the recording's.
    init(_ trace: Trace, _ shim: KernelShim, _ pages: ShimReplay.Pages) throws(Obstacle) {
        guard !trace.bringsUpModule else { throw .cannotBeGiven("it brings the module up itself") }
        self.trace = trace
        self.shim = shim
        self.pages = pages
        processors = try Self.processors(trace.platform ?? TracePlatform(), shim.processors)
        let bits = trace.platform?.keyIDBits ?? Self.standardKeyIDBits
        objects = ObjectMap(shim, keyIDShift: UInt8(clamping: Self.addressBits - bits))
    }

    // As in recordings that say nothing of their platform.
    private static let standardKeyIDBits = 6
    private static let standardProcessors = 4
    private static let standardPackages = 2
    private static let addressBits = 52

    /// Which of the device's processors stands for which of the recording's: the packages in order, and in each its
    /// processors in order, as many as there are.
    private static func processors(
        _ head: TracePlatform, _ given: [ProcessorInfo]
    ) throws(Obstacle) -> [UInt32: Processor] {
        let count = head.lps ?? standardProcessors
        let packageCount = max(1, head.packages ?? standardPackages)
        let recorded: [(lp: UInt32, package: Int)] =
            if let table = head.lpToPackage {
                table.compactMap { lp, package in UInt32(lp).map { ($0, package) } }.sorted { $0.0 < $1.0 }
            } else {
                (0..<max(0, count)).map { (UInt32($0), $0 / max(1, count / packageCount)) }
            }
        let theirs = Set(recorded.map(\.package)).sorted()
        let ours = Set(given.map(\.package)).sorted()
        guard theirs.count == ours.count else {
            throw .cannotBeGiven("it was made on a machine of another number of packages")
        }
        var map: [UInt32: Processor] = [:]
        for (their, our) in zip(theirs, ours) {
            let pairs = zip(recorded.filter { $0.package == their }, given.filter { $0.package == our })
            for (one, other) in pairs { map[one.lp] = other.processor }
        }
        return map
    }

    /// - Throws: ``Obstacle`` if the device fails, and at the first step that it cannot give and that what follows may
    ///   need.
    mutating func run() throws(Obstacle) {
        defer { objects.freeMemory() }
        for (index, step) in trace.steps.enumerated() {
            guard differences.count < Replayer.differencesMax else { return }
            do throws(TraceError) { try run(step, index) } catch { throw .cannotBeGiven(error.description) }
            if let obstacle { throw obstacle }
        }
    }

    /// Set by the step that cannot be given.
    private var obstacle: Obstacle?

    private mutating func run(_ step: TraceStep, _ index: Int) throws(TraceError) {
        switch step {
        case .call(let call) where call.contention == true: leftOut += 1
        case .call(let call): try run(call, index)
        case .memoryWrite(let write):
            let bytes = try write.bytes()
            do throws(Obstacle) { try objects.write(bytes, at: write.hpa.rawValue) } catch { obstacle = error }
        case .fact: break
        case .memoryRead: obstacle = .cannotBeGiven("it reads what the module wrote to memory")
        case .lockHold, .lockRelease: obstacle = .cannotBeGiven("it holds locks of the module's")
        case .interruptPending: obstacle = .cannotBeGiven("it interrupts a call")
        case .keyGenerationFails, .randomDrawFails: obstacle = .cannotBeGiven("it makes the processor fail")
        case .tdEvent: obstacle = .cannotBeGiven("a vCPU runs in it")
        case .repeated: obstacle = .cannotBeGiven("it stands for calls that it does not list")
        }
    }

    private mutating func run(_ call: CallStep, _ index: Int) throws(TraceError) {
        let leaf = try call.leaf()
        let input = try call.input()
        do throws(Obstacle) {
            guard let processor = UInt32(exactly: call.lp).flatMap({ processors[$0] }) else {
                throw .cannotBeGiven("it uses more processors than there are")
            }
            let given = try registers(call, leaf, input)
            var registers = given
            let answer = try make(leaf, &registers, on: processor)
            made += 1
            compare(call, input, given, registers, answer.completion, answer.outputs, index)
        } catch {
            if case .cannotBeGiven = error, call.changesNothing(leaf) { leftOut += 1 } else { obstacle = error }
        }
    }

    private func make(
        _ leaf: Leaf, _ registers: inout Registers, on processor: Processor
    ) throws(Obstacle) -> (completion: Completion, outputs: [Register: OutputClass]) {
        do throws(PortError) { return try shim.callTellingOutputs(leaf, &registers, on: processor) } catch {
            throw Obstacle(error)
        }
    }

    private mutating func registers(
        _ call: CallStep, _ leaf: Leaf, _ input: Registers
    ) throws(Obstacle) -> Registers {
        guard let operands = KernelShim.operands(of: leaf) else {
            throw .cannotBeGiven("the shim does not carry \(leaf.name)")
        }
        var given = input
        // In the registers' order: which objects are allocated must not depend on chance.
        for register in Register.allCases {
            guard let kind = operands[register] else { continue }
            if case .value = kind { continue }
            // The device gives good ones only: what the module found wrong with this one would not be there.
            guard call.operand != register.rawValue.uppercased() else {
                throw .cannotBeGiven("an operand that the module refuses")
            }
            given[register] = try objects.given(input[register], kind)
        }
        // RDMD tells of pages that are not the host's to give.
        if leaf == .phymemPageRDMD, call.out?["rcx"]?.rawValue == PageType.rsvd.rawValue {
            throw .cannotBeGiven("a reserved page")
        }
        return given
    }

    private mutating func compare(
        _ call: CallStep, _ input: Registers, _ given: Registers, _ got: Registers, _ completion: Completion,
        _ outputs: [Register: OutputClass], _ index: Int
    ) {
        let wanted = Completion(rawValue: call.status?.rawValue ?? 0)
        guard completion == wanted else { return differ(call, index, "\(wanted)", "\(completion)") }
        for (register, kind) in outputs.sorted(by: { $0.key.rawValue < $1.key.rawValue })
        where !(call.unstable ?? []).contains(register.rawValue) {
            var wanted = call.out?[register.rawValue]?.rawValue ?? input[register]
            var value = got[register]
            switch kind {
            // The device leaves the address out.
            case .entry: wanted &= ~OutputClass.addressBits
            // What was not changed is as it was given.
            case _ where value == given[register]: value = input[register]
            case .page: value = objects.recorded(page: value) ?? value
            case .value: value = objects.recorded(value, where: wanted)
            }
            guard value != wanted else { continue }
            if register == .rdx, isFormerOwner(call, wanted) {
                formerOwners += 1
                continue
            }
            differ(call, index, "\(register.rawValue) \(Hex(rawValue: wanted))", "\(Hex(rawValue: value))")
        }
    }

    /// Whether another owner than `wanted` may be that of former times: the module leaves the last owner of a page that
    /// has none any more, or is a TD's root, to be seen. In the recording the page never had one, but what the device gave
    /// for it may have.
    private func isFormerOwner(_ call: CallStep, _ wanted: UInt64) -> Bool {
        guard pages == .usedBefore, call.op == Leaf.phymemPageRDMD.name, wanted == 0 else { return false }
        return [PageType.nda.rawValue, PageType.tdr.rawValue].contains(call.out?["rcx"]?.rawValue)
    }

    private mutating func differ(_ call: CallStep, _ index: Int, _ expected: String, _ got: String) {
        differences.append(
            Difference(
                trace: trace.name, step: index, call: "\(call.op) on processor \(call.lp)", expected: expected,
                got: got))
    }
}

extension CallStep {
    /// Whether what follows is the same without the call.
    fileprivate func changesNothing(_ leaf: Leaf) -> Bool {
        let completion = Completion(rawValue: status?.rawValue ?? 0)
        // An error by its bits, and yet some of the work is done.
        if case .interruptedResumable = completion { return false }
        if completion.isError { return stateChanged != true }
        return Self.readers.contains(leaf.number)
    }

    // RECLAIMID is there for compatibility, and does nothing.
    private static let readers = Set(
        [Leaf.sysRD, .sysInfo, .memRD, .memSEPTRD, .mngRD, .phymemPageRDMD, .mngKeyReclaimID].map(\.number))
}
