public import TDXCalls
internal import Threading

extension FakeTDX: HostPort {
    public var processors: [ProcessorInfo] { platform.processors }

    public var capacity: HostCapacity {
        HostCapacity(keyIDs: host.keyIDs, pages: host.pageCount, source: .ledger)
    }

    public func allocatePage() throws(PortError) -> PageAddress<HostOwned> {
        let address = host.allocations.withLock { state -> UInt64? in
            guard let address = state.pages.allocate() else { return nil }
            if let index = state.pages.index(address) {
                state.flushed[index] = false
                state.cleared[index] = false
            }
            return address
        }
        guard let address else { throw PortError(.exhausted, "the fake platform has no free page") }
        return PageAddress(rawValue: address)
    }

    public func flush(_ page: PageAddress<HostOwned>) {
        host.allocations.withLock { state in
            guard let index = state.pages.index(page.rawValue) else {
                return state.report(.flushedForeignPage, page.rawValue)
            }
            state.flushed[index] = true
        }
    }

    public func clear(_ page: PageAddress<HostOwned>) {
        let isOurs = host.allocations.withLock { state -> Bool in
            guard let index = state.pages.index(page.rawValue) else {
                state.report(.clearedForeignPage, page.rawValue)
                return false
            }
            state.cleared[index] = true
            return true
        }
        if isOurs { state.memory.clear(MemoryRange(base: page.rawValue, size: UInt64(pageSizeBytes))) }
    }

    public func free(_ page: PageAddress<HostOwned>) {
        host.allocations.withLock { state in
            switch state.pages.free(page.rawValue) {
            case .done: break
            case .alreadyFree: state.report(.freedTwice, page.rawValue)
            case .foreign: state.report(.freedForeignPage, page.rawValue)
            }
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
        host.allocations.withLock { state in
            guard keyID >= platform.privateKeyIDs.lowerBound, keyID <= platform.privateKeyIDs.upperBound,
                keyID != platform.globalKeyID
            else { return state.report(.freedForeignKeyID, UInt64(keyID.rawValue)) }
            let index = Int(keyID.rawValue - host.lowestKeyID)
            guard !state.keyIDs[index] else { return state.report(.freedKeyIDTwice, UInt64(keyID.rawValue)) }
            state.keyIDs[index] = true
        }
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
        let run = host.allocations.withLock { state -> MemoryRange? in
            let run = state.memory.release(memory.address)
            if run == nil { state.report(.freedForeignMemory, memory.address) }
            return run
        }
        if let run { state.memory.clear(run) }
    }
}

extension HostState.Allocations {
    mutating func report(_ kind: HostMisuse.Kind, _ subject: UInt64) {
        guard misuses.count < HostState.misusesMax else { return }
        misuses.append(HostMisuse(kind: kind, subject: subject))
    }
}
