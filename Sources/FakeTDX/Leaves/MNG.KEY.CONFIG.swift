internal import TDXCalls
internal import Threading

extension Call {
    /// TDH.MNG.KEY.CONFIG, leaf 8: RCX the TDR. Programs the TD's key on this processor's package.
    mutating func mngKeyConfig() throws(Refusal) -> Completion {
        let td = try td(registers.rcx, .rcx, .exclusive)
        guard !td.isFatal else { throw Refusal(.tdFatal) }
        guard td.lifecycle == .hkidAssigned else { throw Refusal(.lifecycleStateIncorrect) }
        let package: UInt64 = 1 << UInt64(processor.package)
        guard td.configuredPackages & package == 0 else { return .keyConfigured }
        if module.timing.keyConfiguration > .zero { sleepBlocking(module.timing.keyConfiguration) }
        guard module.entropy.generateKey() else { throw Refusal(.keyGenerationFailed) }

        // Commit.
        module.keys.note(module.deed(leaf, on: processor), on: td.keyID)
        td.configuredPackages |= package
        if td.configuredPackages == module.allPackages { td.lifecycle = .keysConfigured }
        return .success
    }
}
