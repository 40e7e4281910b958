public import TDXCalls

/// Both ports over others', writing down what goes through them as a recording that can be replayed.
///
/// Calls are written in the order they end. A replay starts from a fresh module, so a recording is complete only if the
/// recorder was there from the start.
public final class Recorder: Sendable {
    private let calls: any SEAMCALLPort
    private let host: any HostPort
    private let sink: any StepSink
    private let overlaps = Overlaps()
    private let isFake: Bool

    public init(calls: any SEAMCALLPort, host: any HostPort, into sink: any StepSink) {
        self.calls = calls
        self.host = host
        self.sink = sink
        isFake = host.module.backend == "fake"
    }
}

extension Recorder: SEAMCALLPort {
    public var retriesEntropy: Bool { calls.retriesEntropy }

    public func call(
        _ leaf: Leaf, _ registers: inout Registers, on processor: Processor
    ) throws(PortError) -> Completion {
        guard sink.isRecording else { return try calls.call(leaf, &registers, on: processor) }
        let before = registers
        let ticket = overlaps.begin()
        // Only when it is written down: otherwise a call that begins now might be written before it.
        defer { overlaps.end(ticket) }
        do throws(PortError) {
            let completion = try calls.call(leaf, &registers, on: processor)
            var step = CallStep(leaf: leaf, on: processor, in: before, completion, out: registers)
            if overlaps.hasMetAnother(ticket) {
                step.concurrent = true
                if completion.saysContention { step.contention = true }
            }
            if completion.isSuccess { step.unstable = UnstableFields.registers(leaf, before, isFake: isFake) }
            sink.append(Circumstances.before(completion) + [.call(step)])
            return completion
        } catch {
            let outcome = error.reason == .outcomeUnknown ? "may have reached" : "did not reach"
            sink.append([.fact(NoteStep(note: "\(leaf.name) \(outcome) the module: \(error.explanation)"))])
            throw error
        }
    }
}

extension Recorder: HostPort {
    public var processors: [ProcessorInfo] { host.processors }
    public var module: ModuleInformation { host.module }
    public var capacity: HostCapacity { host.capacity }

    public func allocatePage() throws(PortError) -> PageAddress<HostOwned> { try host.allocatePage() }
    public var largePagesRefusal: String? { host.largePagesRefusal }
    public var largePages: HostLargePages { host.largePages }
    public func allocateLargePage() throws(PortError) -> PageAddress<HostOwned> { try host.allocateLargePage() }
    public func flush(_ page: PageAddress<HostOwned>) { host.flush(page) }
    public func free(_ page: PageAddress<HostOwned>) { host.free(page) }
    public func allocateKeyID() throws(PortError) -> KeyID { try host.allocateKeyID() }
    public func freeKeyID(_ keyID: KeyID) { host.freeKeyID(keyID) }

    public func clear(_ page: PageAddress<HostOwned>) {
        host.clear(page)
        guard sink.isRecording else { return }
        sink.append([.memoryWrite(MemoryWriteStep(hpa: page.rawValue, zeroes: pageSizeBytes))])
    }

    public func allocateMemory(bytes: Int) throws(PortError) -> HostMemory {
        let memory = try host.allocateMemory(bytes: bytes)
        guard sink.isRecording else { return memory }
        // Whatever it holds: the caller may rely on it, and a replay has other memory there.
        for offset in stride(from: 0, to: memory.sizeBytes, by: MemoryWriteStep.bytesMax) {
            let count = min(MemoryWriteStep.bytesMax, memory.sizeBytes - offset)
            append(host.read(memory, at: offset, count: count), at: memory.address + UInt64(offset))
        }
        return memory
    }

    public func freeMemory(_ memory: HostMemory) { host.freeMemory(memory) }

    public func read(_ memory: HostMemory, at offset: Int, count: Int) -> [UInt8] {
        let bytes = host.read(memory, at: offset, count: count)
        guard sink.isRecording else { return bytes }
        for start in stride(from: 0, to: bytes.count, by: MemoryWriteStep.bytesMax) {
            let part = bytes[start..<min(bytes.count, start + MemoryWriteStep.bytesMax)]
            sink.append([.memoryRead(MemoryReadStep(hpa: memory.address + UInt64(offset + start), bytes: part))])
        }
        return bytes
    }

    public func write(_ bytes: [UInt8], to memory: HostMemory, at offset: Int) {
        host.write(bytes, to: memory, at: offset)
        guard sink.isRecording else { return }
        append(bytes, at: memory.address + UInt64(offset))
    }

    private func append(_ bytes: [UInt8], at address: UInt64) {
        for start in stride(from: 0, to: bytes.count, by: MemoryWriteStep.bytesMax) {
            let part = bytes[start..<min(bytes.count, start + MemoryWriteStep.bytesMax)]
            sink.append([.memoryWrite(MemoryWriteStep(hpa: address + UInt64(start), bytes: part))])
        }
    }
}
