internal import TDXCalls

extension ModuleState {
    /// Executes one SEAMCALL: the dispatcher's tests, the leaf, and the locks given back.
    ///
    /// - Parameter staysInside: whether TDH.VP.ENTER leaves the vCPU inside its TD.
    func execute(
        _ leaf: Leaf, _ registers: inout Registers, on processor: LogicalProcessor, staysInside: Bool = false
    ) -> Completion {
        if let refusal = dispatch(leaf) { return refusal }
        var call = Call(
            module: self, processor: processor, leaf: leaf, registers: registers, staysInside: staysInside)
        let completion: Completion
        do throws(Refusal) {
            completion = try leaves.run(Int(leaf.number), &call)
        } catch {
            completion = error.completion
        }
        call.held.releaseAll()
        registers = call.registers
        return completion
    }

    /// The dispatcher's tests; nil if the leaf is to be executed.
    private func dispatch(_ leaf: Leaf) -> Completion? {
        let traits = leaves.traits(Int(leaf.number))
        // Numbers that take versions do so even where nothing is dispatched.
        guard leaf.reserved == 0, leaf.version == 0 || traits.contains(.takesVersions) else {
            return Completion(.operandInvalid, operand: .rax)
        }
        let state = state
        if state != .ready {
            if state == .shutdown, leaf.number != Leaf.sysLPShutdown.number { return .sysShutdown }
            let worksBeforeReady = traits.contains(.worksBeforeReady) || leaf.number == Leaf.sysUpdate.number
            if !worksBeforeReady { return .sysNotReady }
        }
        return traits.contains(.isDispatched) ? nil : Completion(.operandInvalid, operand: .rax)
    }
}

extension Call {
    /// Leaves that take a version test it themselves, before any lock.
    ///
    /// - Throws: OPERAND_INVALID with RAX for a version above 1.
    func checkVersion() throws(Refusal) {
        guard version <= 1 else { throw Refusal(.operandInvalid, .rax) }
    }
}
