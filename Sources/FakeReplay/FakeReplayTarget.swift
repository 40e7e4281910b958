public import FakeTDX
public import SEAMCALLTrace
public import TDXCalls

/// A fake module as a recording wants it.
public struct FakeReplayTarget: ReplayTarget, Sendable {
    public let fake: FakeTDX

    public init(_ fake: FakeTDX) { self.fake = fake }

    /// A fresh fake on the platform a trace wants, brought up unless the trace does so itself.
    ///
    /// - Throws: ``FakePlatformError`` if the trace's platform cannot be.
    public init(for trace: Trace) throws(FakePlatformError) {
        try self.init(trace.platform ?? TracePlatform(), bringsUpModule: trace.bringsUpModule)
    }

    /// The same, for a recording that is elsewhere.
    init(_ head: TracePlatform, bringsUpModule: Bool) throws(FakePlatformError) {
        self.init(
            try FakeTDX(
                platform: FakePlatform(head), profile: head.fakeProfile, start: bringsUpModule ? .loaded : .ready))
    }

    public func call(
        _ leaf: Leaf, _ registers: inout Registers, on processor: Processor
    ) throws(PortError) -> Completion {
        try fake.call(leaf, &registers, on: processor)
    }

    public func enter(_ registers: inout Registers, on processor: Processor) throws(PortError) -> ReplayEntry {
        ReplayEntry(try fake.enter(&registers, on: processor))
    }

    public func exit(
        _ event: ReplayExit, _ registers: inout Registers, on processor: Processor
    ) throws(PortError) -> ReplayEntry {
        var guest: [Register: UInt64] = [:]
        for (name, value) in event.registers {
            if let register = Register(rawValue: name) { guest[register] = value }
        }
        let exit = TDExit(
            reason: event.reason, qualification: event.qualification,
            guestPhysicalAddress: event.guestPhysicalAddress, rax: event.registers["rax"], registers: guest)
        return ReplayEntry(try fake.exit(with: exit, &registers, on: processor))
    }

    public func writeMemory(_ bytes: [UInt8], at address: UInt64) { fake.writePhysical(bytes, at: address) }

    public func readMemory(at address: UInt64, count: Int) -> [UInt8] {
        fake.readPhysical(at: address, count: count)
    }

    public func hold(_ lock: ReplayLock, exclusively: Bool) -> Bool {
        fake.hold(FakeLock(lock), exclusively: exclusively)
    }

    public func release(_ lock: ReplayLock) -> Bool { fake.release(FakeLock(lock)) }
    public func orderInterrupt(atPoll poll: Int) { fake.orderInterrupt(atPoll: poll) }
    public func failKeyGenerations(_ count: Int) { fake.failKeyGenerations(count) }
    public func failRandomDraws(_ count: Int) { fake.failRandomDraws(count) }
}

extension ReplayEntry {
    fileprivate init(_ entry: FakeEntry) {
        switch entry {
        case .answered(let completion): self = .answered(completion)
        case .inside(let registers): self = .inside(registers)
        }
    }
}

extension FakeLock {
    fileprivate init(_ lock: ReplayLock) {
        switch lock {
        case .keyTable: self = .keyTable
        case .system: self = .system
        case .writeBack(let package): self = .writeBack(package: package)
        case .page(let address): self = .page(address)
        case .opState(let td): self = .opState(td: td)
        case .septTree(let td): self = .septTree(td: td)
        case .epoch(let td): self = .epoch(td: td)
        }
    }
}
