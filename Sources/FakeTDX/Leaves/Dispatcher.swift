internal import TDXCalls

extension ModuleState {
    /// Executes one SEAMCALL: the dispatcher's tests, the leaf, and the locks given back.
    ///
    /// - Parameter staysInside: whether TDH.VP.ENTER leaves the vCPU inside its TD.
    func execute(
        _ leaf: Leaf, _ registers: inout Registers, on processor: LogicalProcessor, staysInside: Bool = false
    ) -> Completion {
        let entry: LeafEntry
        switch dispatch(leaf) {
        case .refused(let completion): return completion
        case .leaf(let found): entry = found
        }
        var call = Call(
            module: self, processor: processor, version: leaf.version, registers: registers, staysInside: staysInside)
        let completion: Completion
        do throws(Refusal) {
            completion = try entry.function(&call)
        } catch {
            completion = error.completion
        }
        call.held.releaseAll()
        registers = call.registers
        return completion
    }

    private enum Dispatch {
        case leaf(LeafEntry)
        case refused(Completion)
    }

    private func dispatch(_ leaf: Leaf) -> Dispatch {
        let invalid = Completion(.operandInvalid, operand: .rax)
        let number = Int(leaf.number)
        let entry = number < LeafTable.numbersEnd ? LeafTable.entries[number] : nil
        guard leaf.reserved == 0 else { return .refused(invalid) }
        // Numbers that take versions do so even where nothing is dispatched.
        guard leaf.version == 0 || entry?.takesVersions == true else { return .refused(invalid) }
        let state = state
        if state == .shutdown, leaf.number != Leaf.sysLPShutdown.number { return .refused(.sysShutdown) }
        if state != .ready, !Self.worksBeforeReady(leaf.number, entry) { return .refused(.sysNotReady) }
        guard let entry else { return .refused(invalid) }
        return .leaf(entry)
    }

    private static func worksBeforeReady(_ number: UInt16, _ entry: LeafEntry?) -> Bool {
        entry?.worksBeforeReady ?? (number == Leaf.sysUpdate.number)
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
