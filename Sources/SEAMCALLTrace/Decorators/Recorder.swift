public import TDXCalls
internal import Threading

/// Both ports over others', writing down what goes through them as a recording that can be replayed.
///
/// Calls are written in the order they end. A replay starts from a fresh module, so a recording is complete only if the
/// recorder was there from the start.
public final class Recorder: Sendable {
    private let calls: any SEAMCALLPort
    private let host: any HostPort
    private let stepsMax: Int
    private let state = Locked(State())

    private struct State: Sendable {
        var steps: [TraceStep] = []
        var dropped = 0
    }

    /// Steps kept unless said otherwise.
    public static let stepsMaxDefault = 1_000_000

    public init(calls: any SEAMCALLPort, host: any HostPort, stepsMax: Int = Recorder.stepsMaxDefault) {
        self.calls = calls
        self.host = host
        self.stepsMax = stepsMax
    }

    /// Steps that were not kept because there were too many.
    public var droppedSteps: Int { state.withLock { $0.dropped } }

    /// What was recorded so far.
    public func trace(named name: String, purpose: String = "") -> Trace {
        let processors = host.processors
        let platform = TracePlatform(lps: processors.count, packages: Set(processors.map(\.package)).count)
        return Trace(name: name, purpose: purpose, platform: platform, steps: state.withLock { $0.steps })
    }

    private func append(_ step: TraceStep) {
        state.withLock { state in
            if state.steps.count < stepsMax { state.steps.append(step) } else { state.dropped += 1 }
        }
    }
}

extension Recorder: SEAMCALLPort {
    public var retriesEntropy: Bool { calls.retriesEntropy }

    public func call(
        _ leaf: Leaf, _ registers: inout Registers, on processor: Processor
    ) throws(PortError) -> Completion {
        let before = registers
        do throws(PortError) {
            let completion = try calls.call(leaf, &registers, on: processor)
            append(.call(CallStep(leaf: leaf, on: processor, in: before, completion, out: registers)))
            return completion
        } catch {
            append(.fact(NoteStep(note: "\(leaf.name) did not reach the module: \(error.explanation)")))
            throw error
        }
    }
}

extension Recorder: HostPort {
    public var processors: [ProcessorInfo] { host.processors }
    public var module: ModuleInformation { host.module }
    public var capacity: HostCapacity { host.capacity }

    public func allocatePage() throws(PortError) -> PageAddress<HostOwned> { try host.allocatePage() }
    public func flush(_ page: PageAddress<HostOwned>) { host.flush(page) }
    public func clear(_ page: PageAddress<HostOwned>) { host.clear(page) }
    public func free(_ page: PageAddress<HostOwned>) { host.free(page) }
    public func allocateKeyID() throws(PortError) -> KeyID { try host.allocateKeyID() }
    public func freeKeyID(_ keyID: KeyID) { host.freeKeyID(keyID) }
    public func allocateMemory(bytes: Int) throws(PortError) -> HostMemory { try host.allocateMemory(bytes: bytes) }
    public func freeMemory(_ memory: HostMemory) { host.freeMemory(memory) }

    public func read(_ memory: HostMemory, at offset: Int, count: Int) -> [UInt8] {
        host.read(memory, at: offset, count: count)
    }

    public func write(_ bytes: [UInt8], to memory: HostMemory, at offset: Int) {
        host.write(bytes, to: memory, at: offset)
        append(.memoryWrite(MemoryWriteStep(hpa: memory.address + UInt64(offset), bytes: bytes)))
    }
}
