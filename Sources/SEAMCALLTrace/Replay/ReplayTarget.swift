public import TDXCalls

/// What a recording is replayed on: a module, and the handles by which its surroundings are arranged.
public protocol ReplayTarget {
    func call(
        _ leaf: Leaf, _ registers: inout Registers, on processor: Processor
    ) throws(PortError) -> Completion
    /// TDH.VP.ENTER, up to the guest.
    func enter(_ registers: inout Registers, on processor: Processor) throws(PortError) -> ReplayEntry
    /// The vCPU inside its TD on `processor` exits.
    ///
    /// - Parameter registers: what the host finds in them, if TDH.VP.ENTER is thereby answered.
    func exit(
        _ event: ReplayExit, _ registers: inout Registers, on processor: Processor
    ) throws(PortError) -> ReplayEntry
    func writeMemory(_ bytes: [UInt8], at address: UInt64)
    func readMemory(at address: UInt64, count: Int) -> [UInt8]
    /// - Returns: false if somebody else holds the lock.
    func hold(_ lock: ReplayLock, exclusively: Bool) -> Bool
    /// - Returns: false if it is not held.
    func release(_ lock: ReplayLock) -> Bool
    /// - Parameter poll: counted from 1; 0 for none.
    func orderInterrupt(atPoll poll: Int)
    func failKeyGenerations(_ count: Int)
    func failRandomDraws(_ count: Int)
}

/// A lock another processor may hold.
public enum ReplayLock: Hashable, Sendable {
    case keyTable
    case system
    case writeBack(package: Int)
    case page(UInt64)
    case opState(td: UInt64)
    case septTree(td: UInt64)
    case epoch(td: UInt64)
}

/// How TDH.VP.ENTER, or an exit, ended.
public enum ReplayEntry: Hashable, Sendable {
    /// The host has its answer.
    case answered(Completion)
    /// The vCPU is inside its TD with these registers, RAX among them by its name.
    case inside([String: UInt64])
}

/// An exit of a vCPU.
public struct ReplayExit: Hashable, Sendable {
    public var reason: UInt16
    public var qualification: UInt64
    public var guestPhysicalAddress: UInt64
    /// Guest registers, RAX among them by its name, that changed since entry.
    public var registers: [String: UInt64]

    public init(
        reason: UInt16, qualification: UInt64, guestPhysicalAddress: UInt64, registers: [String: UInt64]
    ) {
        self.reason = reason
        self.qualification = qualification
        self.guestPhysicalAddress = guestPhysicalAddress
        self.registers = registers
    }
}
