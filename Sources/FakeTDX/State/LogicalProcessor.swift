internal import Synchronization
internal import TDXCalls
internal import Threading

/// A logical processor as the module sees it.
final class LogicalProcessor: Sendable {
    /// The module's number: position in the platform's list.
    let index: Int
    let package: Int
    /// Whether SYS.LP.INIT has run here.
    let isInitialized = Atomic<Bool>(false)
    /// The vCPU that is inside its TD on this processor.
    let inside = Locked<InsideTD?>(nil)
    /// Exits that VP.ENTER is to meet here, in order.
    let exits = Locked<[TDExit]>([])

    /// Most exits that can be queued on a processor.
    static let queuedExitsMax = 1024

    init(index: Int, package: Int) {
        self.index = index
        self.package = package
    }
}

/// A vCPU inside its TD: what it holds until it leaves.
struct InsideTD: Sendable {
    let td: TDState
    let vcpu: VCPUState
    /// TD_EPOCH when it entered.
    let epoch: UInt64
    let held: [HeldLocks.Held]
}
