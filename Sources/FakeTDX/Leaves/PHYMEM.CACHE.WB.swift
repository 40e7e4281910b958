internal import TDXCalls
internal import Threading

extension Call {
    /// TDH.PHYMEM.CACHE.WB, leaf 40: RCX 0 to start, 1 to resume. Writes back the caches of this processor's
    /// package, for every KeyID that was flushed when it started.
    mutating func phymemCacheWB() throws(Refusal) -> Completion {
        guard registers.rcx <= 1 else { throw Refusal(.operandInvalid, .rcx) }
        let package = module.packages[processor.package]
        try lock(package.writeBackLock, .exclusive, .wbCache)
        try lock(module.keys.lock, .shared, .kot)

        // Commit: from here on the package's progress changes, and an interruption keeps it.
        if registers.rcx == 0 {
            guard start(package) else { return .noHKIDReadyToWBCache }
        }
        guard let position = package.position else { throw Refusal(.wbCacheResumeError) }
        package.position = writeBack(from: position)
        guard package.position == nil else { throw Refusal(.interruptedResumable) }
        finish(package)
        return .success
    }

    /// Drops what was saved and notes which KeyIDs are flushed; false if none is.
    private func start(_ package: PackageState) -> Bool {
        package.position = nil
        var found = false
        for index in package.covered.indices {
            package.covered[index] = module.keys.state(keyID(index)) == .flushed
            found = found || package.covered[index]
        }
        if found { package.position = WriteBackPosition() }
        return found
    }

    private func finish(_ package: PackageState) {
        for index in package.covered.indices
        where package.covered[index] && module.keys.state(keyID(index)) == .flushed {
            module.keys.writtenBack(keyID(index), package: processor.package)
        }
    }

    private func keyID(_ index: Int) -> UInt16 { module.platform.privateKeyIDs.lowerBound.rawValue + UInt16(index) }

    /// Writes back until an interrupt is there.
    ///
    /// - Returns: the point to go on from; nil when all is done.
    private func writeBack(from first: WriteBackPosition) -> WriteBackPosition? {
        let blocks = module.platform.cacheSubBlocks
        let perBlock = module.timing.cacheWriteBack / blocks
        var slice = module.timing.cacheWriteBackSlice
        let isSliced = slice > .zero && perBlock > .zero
        var position = first
        while position.blocks < blocks {
            let wanted = perBlock - position.spent
            let spent = isSliced ? min(wanted, slice) : wanted
            if spent > .zero { sleepBlocking(spent) }
            slice -= spent
            position.spent += spent
            if position.spent >= perBlock {
                position = WriteBackPosition(blocks: position.blocks + 1)
                guard position.blocks < blocks else { break }
                if module.interrupts.poll() { return position }
            }
            if isSliced, slice <= .zero { return position }
        }
        return nil
    }
}
