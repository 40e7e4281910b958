public import TDXCalls
internal import Threading

/// How TDH.VP.ENTER, or an exit, ended.
public enum FakeEntry: Hashable, Sendable {
    /// The host has its answer.
    case answered(Completion)
    /// The vCPU is inside its TD, with these registers that are not zero; RAX among them by its name.
    case inside([String: UInt64])
}

extension FakeTDX {
    /// TDH.VP.ENTER that leaves the vCPU inside its TD until ``exit(with:_:on:)``; until then the processor is not to
    /// be used for anything else.
    ///
    /// - Throws: ``PortError`` if the platform has no such processor.
    public func enter(_ registers: inout Registers, on processor: Processor) throws(PortError) -> FakeEntry {
        let logicalProcessor = try logicalProcessor(processor)
        let completion = state.execute(.vpEnter, &registers, on: logicalProcessor, staysInside: true)
        guard let inside = logicalProcessor.inside.withLock({ $0 }) else { return .answered(completion) }
        return .inside(GuestRegisters.values(inside.vcpu))
    }

    /// The vCPU inside its TD on `processor` exits.
    ///
    /// - Parameter registers: what the host finds in them, if it gets its answer.
    /// - Throws: ``PortError`` if no vCPU is inside there, or the platform has no such processor.
    public func exit(
        with exit: TDExit, _ registers: inout Registers, on processor: Processor
    ) throws(PortError) -> FakeEntry {
        let logicalProcessor = try logicalProcessor(processor)
        switch state.leave(with: exit, on: logicalProcessor) {
        case .notInside: throw PortError(.notExecuted, "no vCPU is inside its TD on processor \(processor.rawValue)")
        case .stayed:
            guard let inside = logicalProcessor.inside.withLock({ $0 }) else {
                throw PortError(.outcomeUnknown, "the vCPU left its TD by another exit meanwhile")
            }
            return .inside(GuestRegisters.values(inside.vcpu))
        case .left(let completion, let answered):
            registers = answered
            return .answered(completion)
        }
    }

    /// Queues an exit for the coming TDH.VP.ENTER on a processor; without one a vCPU leaves with an interrupt.
    ///
    /// - Throws: ``PortError`` if the queue is full, or the platform has no such processor.
    public func queueExit(_ exit: TDExit, on processor: Processor) throws(PortError) {
        let isQueued = try logicalProcessor(processor).exits.withLock { exits -> Bool in
            guard exits.count < LogicalProcessor.queuedExitsMax else { return false }
            exits.append(exit)
            return true
        }
        guard isQueued else { throw PortError(.exhausted, "too many exits are queued on that processor") }
    }
}
