internal import FakeTDX
public import FakeTransport
internal import SEAMCALLTrace
public import TDXCalls

/// Fresh fakes for clients that replay recordings: what `tdxd fake-module` gives them.
public struct FakeReplayService: ServedReplay {
    private let target: FakeReplayTarget

    /// - Parameter head: as ``ServedReplayTarget`` writes it.
    /// - Throws: ``PortError`` if there is no such platform.
    public init(head: [UInt8]) throws(PortError) {
        let head = try ReplayJSON.decode(ReplayHead.self, head)
        do throws(FakePlatformError) {
            target = try FakeReplayTarget(head.platform, bringsUpModule: head.bringsUpModule)
        } catch {
            throw PortError(.unsupported, error.description)
        }
    }

    public var calls: any SEAMCALLPort { target.fake }

    public func arrange(_ order: [UInt8]) throws(PortError) -> [UInt8] {
        try ReplayJSON.encode(try carryOut(try ReplayJSON.decode(ReplayOrder.self, order)))
    }

    private func carryOut(_ order: ReplayOrder) throws(PortError) -> ReplayOrderAnswer {
        var answer = ReplayOrderAnswer()
        switch order {
        case .enter(let values, let processor):
            var registers = Registers()
            registers.set(values)
            let entry = try target.enter(&registers, on: Processor(rawValue: processor))
            note(entry, registers, in: &answer)
        case .exit(let exit, let processor):
            var registers = Registers()
            let event = ReplayExit(
                reason: exit.reason, qualification: exit.qualification,
                guestPhysicalAddress: exit.guestPhysicalAddress, registers: exit.registers)
            let entry = try target.exit(event, &registers, on: Processor(rawValue: processor))
            note(entry, registers, in: &answer)
        case .write(let bytes, let address): target.writeMemory(bytes, at: address)
        case .read(let address, let count):
            guard (0...ReplayOrder.memoryBytesMax).contains(count) else {
                throw PortError(.notExecuted, "\(count) bytes are not read at once")
            }
            answer.bytes = target.readMemory(at: address, count: count)
        case .hold(let lock, let exclusively): answer.isDone = target.hold(lock.lock, exclusively: exclusively)
        case .release(let lock): answer.isDone = target.release(lock.lock)
        case .orderInterrupt(let poll): target.orderInterrupt(atPoll: poll)
        case .failKeyGenerations(let count): target.failKeyGenerations(count)
        case .failRandomDraws(let count): target.failRandomDraws(count)
        }
        return answer
    }

    private func note(_ entry: ReplayEntry, _ registers: Registers, in answer: inout ReplayOrderAnswer) {
        answer.host = registers.byName
        switch entry {
        case .answered(let completion): answer.completion = completion.rawValue
        case .inside(let guest): answer.guest = guest
        }
    }
}
