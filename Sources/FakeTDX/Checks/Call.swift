internal import TDXCalls

/// One SEAMCALL under way: registers, the processor it runs on, and the locks it has taken so far.
struct Call: ~Copyable {
    let module: ModuleState
    let processor: LogicalProcessor
    let leaf: Leaf
    var registers: Registers
    var held = HeldLocks()
    /// Whether TDH.VP.ENTER leaves the vCPU inside its TD, to exit by a call of its own.
    let staysInside: Bool

    init(
        module: ModuleState, processor: LogicalProcessor, leaf: Leaf, registers: Registers = Registers(),
        staysInside: Bool = false
    ) {
        self.module = module
        self.processor = processor
        self.leaf = leaf
        self.registers = registers
        self.staysInside = staysInside
    }

    var version: UInt8 { leaf.version }

    /// Takes a lock until the call ends.
    ///
    /// - Throws: OPERAND_BUSY with `operand`.
    mutating func lock(_ lock: LockReference, _ mode: LockMode, _ operand: OperandID) throws(Refusal) {
        guard lock.take(mode) else { throw Refusal(.operandBusy, operand) }
        held.add(lock, mode)
    }

    /// Takes the module's global lock.
    ///
    /// - Throws: SYS_BUSY.
    mutating func lockSystem(_ mode: LockMode) throws(Refusal) {
        guard module.globalLock.take(mode) else { throw Refusal(.sysBusy) }
        held.add(module.globalLock, mode)
    }
}
