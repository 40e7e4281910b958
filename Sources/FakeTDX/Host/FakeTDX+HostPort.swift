public import TDXCalls
internal import Threading

extension FakeTDX: HostPort {
    public var processors: [ProcessorInfo] { platform.processors }

    public var capacity: HostCapacity {
        HostCapacity(keyIDs: host.keyIDs, pages: host.pageCount, source: .ledger)
    }

    public func allocatePage() throws(PortError) -> PageAddress<HostOwned> {
        guard let address = host.allocations.withLock({ $0.pages.allocate() }) else {
            throw PortError(.exhausted, "the fake platform has no free page")
        }
        state.handedOut(address)
        return PageAddress(rawValue: address)
    }

    public var largePagesRefusal: String? { nil }

    public var largePages: HostLargePages {
        let runs = host.allocations.withLock { $0.pages.largeRuns }
        return HostLargePages(free: runs.free, total: runs.total)
    }

    public func allocateLargePage() throws(PortError) -> PageAddress<HostOwned> {
        guard let address = host.allocations.withLock({ $0.pages.allocateLarge() }) else {
            throw PortError(.exhausted, "the fake platform has no 2 MiB in a row that are free and aligned")
        }
        for offset in stride(from: 0, to: UInt64(largePageSizeBytes), by: pageSizeBytes) {
            state.handedOut(address + offset)
        }
        return PageAddress(rawValue: address)
    }

    public func flush(_ page: PageAddress<HostOwned>) {
        guard let entry = hostPage(page) else { return misuse(.flushedForeignPage, page.rawValue, .flush) }
        entry.custody.isFlushed = true
    }

    public func clear(_ page: PageAddress<HostOwned>) {
        guard let entry = hostPage(page) else { return misuse(.clearedForeignPage, page.rawValue, .clear) }
        state.cleared(entry, at: page.rawValue)
        state.memory.clear(MemoryRange(base: page.rawValue, size: UInt64(pageSizeBytes)))
    }

    public func free(_ page: PageAddress<HostOwned>) {
        // Before anybody else can be given it.
        if let entry = hostPage(page), entry.custody.isHandedOut { state.freed(entry, at: page.rawValue) }
        switch host.allocations.withLock({ $0.pages.free(page.rawValue) }) {
        case .done: break
        case .alreadyFree: misuse(.freedTwice, page.rawValue, .free)
        case .foreign: misuse(.freedForeignPage, page.rawValue, .free)
        }
    }

    public func allocateKeyID() throws(PortError) -> KeyID {
        let found = host.allocations.withLock { state -> Int? in
            guard let index = state.keyIDs.firstIndex(of: true) else { return nil }
            state.keyIDs[index] = false
            return index
        }
        guard let found else { throw PortError(.exhausted, "the fake platform has no free private KeyID") }
        return KeyID(rawValue: host.lowestKeyID + UInt16(found))
    }

    public func freeKeyID(_ keyID: KeyID) {
        guard keyID >= platform.privateKeyIDs.lowerBound, keyID <= platform.privateKeyIDs.upperBound,
            keyID != platform.globalKeyID
        else { return misuse(.freedForeignKeyID, UInt64(keyID.rawValue), .freeKeyID) }
        state.freedKeyID(keyID.rawValue)
        let index = Int(keyID.rawValue - host.lowestKeyID)
        let wasFree = host.allocations.withLock { state in
            defer { state.keyIDs[index] = true }
            return state.keyIDs[index]
        }
        if wasFree { misuse(.freedKeyIDTwice, UInt64(keyID.rawValue), .freeKeyID) }
    }

    public func allocateMemory(bytes: Int) throws(PortError) -> HostMemory {
        let run = host.allocations.withLock { $0.memory.allocate(bytes: bytes) }
        guard let run else { throw PortError(.exhausted, "the fake platform has no host memory left") }
        return HostMemory(address: run.base, sizeBytes: Int(run.size))
    }

    public func write(_ bytes: [UInt8], to memory: HostMemory, at offset: Int) {
        precondition(
            offset >= 0 && bytes.count <= memory.sizeBytes - offset, "host memory was written beyond its end")
        state.memory.write(bytes, at: memory.address + UInt64(offset))
    }

    public func read(_ memory: HostMemory, at offset: Int, count: Int) -> [UInt8] {
        precondition(
            offset >= 0 && count >= 0 && count <= memory.sizeBytes - offset, "host memory was read beyond its end")
        return state.memory.read(at: memory.address + UInt64(offset), count: count)
    }

    public func freeMemory(_ memory: HostMemory) {
        guard let run = host.allocations.withLock({ $0.memory.release(memory.address) }) else {
            return misuse(.freedForeignMemory, memory.address, .freeMemory)
        }
        state.memory.clear(run)
    }

    /// The metadata of a page that the host may be handed; nil for any other.
    private func hostPage(_ page: PageAddress<HostOwned>) -> PageEntry? {
        host.isPage(page.rawValue) ? state.metadata(of: page.rawValue) : nil
    }

    private func misuse(_ kind: HostMisuse.Kind, _ subject: UInt64, _ deed: Deed.Host) {
        host.allocations.withLock { state in
            guard state.misuses.count < HostState.misusesMax else { return }
            state.misuses.append(HostMisuse(kind: kind, subject: subject))
        }
        let isKeyID = deed == .freeKeyID
        state.report(
            .notHandedOut, page: isKeyID ? nil : subject, keyID: isKeyID ? UInt16(truncatingIfNeeded: subject) : nil,
            earlier: .none, later: state.deed(deed))
    }
}
