internal import FakeTransport
internal import SEAMCALLTrace
internal import TDXCalls
internal import Threading

/// A fresh fake in another process: the calls of a recording go through its socket, and so does what surrounds them.
final class ServedReplayTarget: ReplayTarget {
    private let replay: RemoteReplay
    /// Why what has no answer of its own was not done; the next call that has one says so.
    private let trouble = Locked<PortError?>(nil)

    /// - Throws: ``TransportError`` if it cannot be had.
    init(_ head: ReplayHead, at socket: String) throws(TransportError) {
        // `try?`: a head that was read can be written.
        replay = try RemoteReplay(path: socket, head: (try? ReplayJSON.encode(head)) ?? [])
    }

    func call(
        _ leaf: Leaf, _ registers: inout Registers, on processor: Processor
    ) throws(PortError) -> Completion {
        try complain()
        return try replay.call(leaf, &registers, on: processor)
    }

    func enter(_ registers: inout Registers, on processor: Processor) throws(PortError) -> ReplayEntry {
        try entry(.enter(registers.byName, processor: processor.rawValue), &registers)
    }

    func exit(
        _ event: ReplayExit, _ registers: inout Registers, on processor: Processor
    ) throws(PortError) -> ReplayEntry {
        let exit = ReplayOrder.Exit(
            reason: event.reason, qualification: event.qualification,
            guestPhysicalAddress: event.guestPhysicalAddress, registers: event.registers)
        return try entry(.exit(exit, processor: processor.rawValue), &registers)
    }

    func writeMemory(_ bytes: [UInt8], at address: UInt64) {
        for start in stride(from: 0, to: bytes.count, by: ReplayOrder.memoryBytesMax) {
            let part = bytes[start..<min(bytes.count, start + ReplayOrder.memoryBytesMax)]
            _ = told(.write(Array(part), address: address + UInt64(start)))
        }
    }

    func readMemory(at address: UInt64, count: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < count {
            let part = min(ReplayOrder.memoryBytesMax, count - bytes.count)
            guard let read = told(.read(address: address + UInt64(bytes.count), count: part))?.bytes,
                read.count == part
            else { return bytes }
            bytes += read
        }
        return bytes
    }

    func hold(_ lock: ReplayLock, exclusively: Bool) -> Bool {
        told(.hold(ReplayOrder.Lock(lock), exclusively: exclusively))?.isDone ?? false
    }

    func release(_ lock: ReplayLock) -> Bool { told(.release(ReplayOrder.Lock(lock)))?.isDone ?? false }
    func orderInterrupt(atPoll poll: Int) { _ = told(.orderInterrupt(poll: poll)) }
    func failKeyGenerations(_ count: Int) { _ = told(.failKeyGenerations(count)) }
    func failRandomDraws(_ count: Int) { _ = told(.failRandomDraws(count)) }

    // MARK: Messages

    private func order(_ order: ReplayOrder) throws(PortError) -> ReplayOrderAnswer {
        try complain()
        return try ReplayJSON.decode(
            ReplayOrderAnswer.self, try replay.arrange(try ReplayJSON.encode(order)))
    }

    private func entry(_ wish: ReplayOrder, _ registers: inout Registers) throws(PortError) -> ReplayEntry {
        let answer = try order(wish)
        if let host = answer.host { registers.set(host) }
        if let guest = answer.guest { return .inside(guest) }
        guard let completion = answer.completion else { throw PortError(.outcomeUnknown, "an entry without an end") }
        return .answered(Completion(rawValue: completion))
    }

    private func told(_ wish: ReplayOrder) -> ReplayOrderAnswer? {
        do throws(PortError) { return try order(wish) } catch {
            trouble.withLock { $0 = $0 ?? error }
            return nil
        }
    }

    private func complain() throws(PortError) {
        if let trouble = trouble.withLock({ $0 }) { throw trouble }
    }
}
