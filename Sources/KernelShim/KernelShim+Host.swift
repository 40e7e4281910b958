internal import CTDXShim
public import TDXCalls
internal import Threading

extension KernelShim: HostPort {
    public var largePagesRefusal: String? {
        "the kernel shim asks the kernel for single pages, not for 2 MiB in a row, and has no TDH.MEM.PAGE.PROMOTE"
    }

    public func allocatePage() throws(PortError) -> PageAddress<HostOwned> {
        let entry = try allocate(TDX_SHIM_TYPE_PAGE, TDX_SHIM_PAGE_FREE, "allocate a page").entry
        let address = try keep(entry) { (table) throws(PortError) in
            try table.add(page: entry.handle, shown: entry.number)
        }
        return PageAddress(rawValue: address)
    }

    /// Nothing to do: the kernel flushes a page before the call that gives it away.
    public func flush(_ page: PageAddress<HostOwned>) {}

    /// Nothing to do: the kernel erases a page that came back from the module before anybody else gets it.
    public func clear(_ page: PageAddress<HostOwned>) {}

    public func free(_ page: PageAddress<HostOwned>) {
        guard let handle = addresses.withLock({ $0.handles[page.rawValue] }) else {
            return onTrouble(
                PortError(.notExecuted, "a page that is not ours: \(page.rawValue.hex)", fault: .noSuchObject))
        }
        if release(handle, "free a page") { addresses.withLock { $0.remove(page: page.rawValue) } }
    }

    public func allocateKeyID() throws(PortError) -> KeyID {
        let entry = try allocate(TDX_SHIM_TYPE_KEYID, TDX_SHIM_KEYID_IDLE, "allocate a KeyID").entry
        return try keep(entry) { (table) throws(PortError) in
            let keyID = try table.add(keyID: entry.handle, number: entry.number)
            guard keyID != module.globalKeyID, capacity.keyIDs?.contains(keyID) ?? true else {
                table.remove(keyID: keyID)
                throw .badAnswer("KeyID \(keyID.rawValue), which no TD may have")
            }
            return keyID
        }
    }

    public func freeKeyID(_ keyID: KeyID) {
        guard let handle = addresses.withLock({ $0.keyIDHandles[keyID] }) else {
            return onTrouble(PortError(.notExecuted, "KeyID \(keyID.rawValue) is not ours", fault: .noSuchObject))
        }
        if release(handle, "free a KeyID") { addresses.withLock { $0.remove(keyID: keyID) } }
    }

    // MARK: Host memory

    public func allocateMemory(bytes: Int) throws(PortError) -> HostMemory {
        guard (1...Addresses.memoryBytesMax).contains(bytes) else {
            throw PortError(.unsupported, "\(bytes) bytes of host memory in one piece", fault: .malformed)
        }
        let size = (bytes + pageSizeBytes - 1) / pageSizeBytes * pageSizeBytes
        let object = try allocate(TDX_SHIM_TYPE_MEMORY, TDX_SHIM_MEMORY, "allocate host memory", bytes: bytes)
        let handle = object.entry.handle
        guard handle >> 32 != 0, object.entry.number >= UInt64(bytes) else {
            throw .badAnswer("\(object.entry.number) bytes of host memory for \(bytes)")
        }
        // SAFETY: the mapping is kept in the table until the memory is freed, and is used nowhere else.
        let (start, code) = unsafe device.map(offset: object.mmap_offset, bytes: size)
        guard let start = unsafe start else {
            release(handle, "free host memory")
            throw PortError(shimErrorNumber: code, "map host memory")
        }
        let memory = Addresses.Memory(handle: handle, sizeBytes: size, start: unsafe Addresses.Mapping(start: start))
        guard let address = addresses.withLock({ $0.add(memory) }) else {
            discard(memory)
            throw PortError(.exhausted, "there are too many pieces of host memory", fault: .full)
        }
        return HostMemory(address: address, sizeBytes: size)
    }

    public func write(_ bytes: [UInt8], to memory: HostMemory, at offset: Int) {
        precondition(
            offset >= 0 && bytes.count <= memory.sizeBytes - offset, "host memory was written beyond its end")
        // SAFETY: the mapping is as long as the memory, which the precondition keeps to; the owner of the memory
        // does not free it meanwhile.
        let start = unsafe mapping(of: memory).start
        unsafe bytes.withUnsafeBytes { source in
            unsafe UnsafeMutableRawBufferPointer(start: start + offset, count: source.count).copyMemory(from: source)
        }
    }

    public func read(_ memory: HostMemory, at offset: Int, count: Int) -> [UInt8] {
        precondition(
            offset >= 0 && count >= 0 && count <= memory.sizeBytes - offset, "host memory was read beyond its end")
        // SAFETY: as above.
        let start = unsafe mapping(of: memory).start
        return unsafe Array(UnsafeRawBufferPointer(start: start + offset, count: count))
    }

    public func freeMemory(_ memory: HostMemory) {
        guard let found = addresses.withLock({ $0.removeMemory(at: memory.address) }) else {
            return onTrouble(PortError(.notExecuted, "host memory that is not ours", fault: .noSuchObject))
        }
        discard(found)
    }

    private func mapping(of memory: HostMemory) -> Addresses.Mapping {
        guard let found = addresses.withLock({ $0.memory(at: memory.address) }),
            found.memory.sizeBytes == memory.sizeBytes
        else { preconditionFailure("host memory that is not there") }
        return found.memory.start
    }

    private func discard(_ memory: Addresses.Memory) {
        // SAFETY: it is in no table any more, so nobody finds it.
        unsafe device.unmap(memory.start.start, bytes: memory.sizeBytes)
        release(memory.handle, "free host memory")
    }

    // MARK: Objects

    private func allocate(
        _ type: tdx_shim_object_type, _ kind: tdx_shim_kind, _ what: String, bytes: Int = 0
    ) throws(PortError) -> tdx_shim_object {
        var object = tdx_shim_object.blank
        object.flags = TDX_SHIM_WITH_ADDRESS.rawValue
        object.type = type.rawValue
        object.bytes = UInt64(bytes)
        if type != TDX_SHIM_TYPE_PAGE { object.flags = 0 }
        try device.perform(tdx_shim_alloc_request(), &object, what)
        guard object.entry.kind == kind.rawValue else { throw .badAnswer("\(what): kind \(object.entry.kind)") }
        return object
    }

    /// Takes an object in, or gives it back if it is not believed.
    private func keep<Result>(
        _ entry: tdx_shim_entry, _ body: (inout Addresses) throws(PortError) -> Result
    ) throws(PortError) -> Result {
        do throws(PortError) {
            return try addresses.withLock(body)
        } catch {
            release(entry.handle, "give back what is not believed")
            throw error
        }
    }

    /// False if it could not be given back; somebody has been told then.
    @discardableResult
    func release(_ handle: UInt64, _ what: String) -> Bool {
        var object = tdx_shim_object.blank
        object.entry.handle = handle
        do throws(PortError) {
            try device.perform(tdx_shim_free_request(), &object, what)
            return true
        } catch {
            onTrouble(error)
            return false
        }
    }
}
