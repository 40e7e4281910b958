internal import TDXCalls

extension Call {
    /// TDH.MNG.KEY.FREEID, leaf 20: RCX the TDR. The KeyID is free from here on. A fatal TD can do this too.
    mutating func mngKeyFreeID() throws(Refusal) -> Completion {
        let td = try td(registers.rcx, .rcx, .exclusive)
        guard td.lifecycle == .blocked else { throw Refusal(.lifecycleStateIncorrect) }
        try lock(module.keys.lock, .exclusive, .kot)
        guard module.keys.pendingPackages(td.keyID) == 0 else { throw Refusal(.wbCacheNotComplete) }

        // Commit.
        module.keys.note(module.deed(leaf, on: processor), on: td.keyID)
        module.keys.set(td.keyID, .free)
        td.lifecycle = .teardown
        return .success
    }
}
