internal import TDXCalls
internal import Threading

extension Call {
    /// TDH.SYS.KEY.CONFIG, leaf 31: programs the module's own key on this processor's package; the last package
    /// makes the module READY.
    mutating func sysKeyConfig() throws(Refusal) -> Completion {
        try lockSystem(.exclusive)
        guard module.state == .configDone else { throw Refusal(.sysKeyConfigNotPending) }
        let package: UInt64 = 1 << UInt64(processor.package)
        guard module.configuredPackages & package == 0 else { return .keyConfigured }
        if module.timing.keyConfiguration > .zero { sleepBlocking(module.timing.keyConfiguration) }
        guard module.entropy.generateKey() else { throw Refusal(.keyGenerationFailed) }

        // Commit.
        module.configuredPackages |= package
        if module.configuredPackages == module.allPackages { module.state = .ready }
        return .success
    }
}
