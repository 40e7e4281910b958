internal import CTDXShim
internal import Glibc
public import TDXCalls
internal import Threading

// Taking over from a daemon that is gone. A crash of ours must not lose what the module holds, at any moment: so our own
// session is in the file before there is anything in it, and those before it are there until they are empty.

/// What was taken over.
public struct Adoption: Hashable, Sendable {
    /// What the module holds, or may hold.
    public var inventory = HostInventory()
    /// Sessions that were taken over.
    public var sessions = 0
    /// What was free already and has been given back.
    public var pagesFreed = 0
    public var keyIDsFreed = 0
}

extension KernelShim {
    /// Writes our session down, and takes over those that the file names.
    ///
    /// - Throws: if the file cannot be written, another daemon has one of the sessions, or the device fails. Nothing is
    ///   lost then: the file still names every session.
    public func takeOver(_ file: SessionFile) throws(ShimUnavailable) -> Adoption {
        let former = try file.read().filter { $0 != session }
        guard former.count < SessionFile.sessionsMax else {
            throw .sessionFile(
                path: file.path, reason: "it names \(former.count) sessions that could not be taken over")
        }
        try file.write(former + [session])
        var adoption = Adoption()
        do throws(ShimUnavailable) {
            for key in former where try adopt(key) { adoption.sessions += 1 }
        } catch {
            // Nothing is in our own session yet: a start that fails again and again must not fill the file.
            if adoption.sessions == 0 { try file.write(former) }
            throw error
        }
        try file.write([session])
        guard adoption.sessions > 0 else { return adoption }
        do throws(PortError) {
            try take(entries(), &adoption)
        } catch {
            throw .failing(error)
        }
        return adoption
    }

    /// False if there is no such session: its program had left nothing behind.
    private func adopt(_ key: SessionKey) throws(ShimUnavailable) -> Bool {
        var request = tdx_shim_adopt.blank
        request.session = key.number
        request.token = (key.token[0], key.token[1])
        do throws(PortError) {
            try device.perform(tdx_shim_adopt_request(), &request, "take session \(key.number) over")
            return true
        } catch {
            switch error.fault {
            case .noSuchObject: return false
            case .objectBusy: throw .sessionInUse(session: key.number)
            default: throw .failing(error)
            }
        }
    }

    /// All objects of this session.
    private func entries() throws(PortError) -> [tdx_shim_entry] {
        var found: [tdx_shim_entry] = []
        var request = tdx_shim_list.blank
        request.flags = TDX_SHIM_WITH_ADDRESS.rawValue
        while true {
            let cursor = request.cursor
            try device.perform(tdx_shim_list_request(), &request, "list what is held")
            guard request.count <= UInt32(TDX_SHIM_LIST_MAX) else {
                throw .badAnswer("\(request.count) objects at once")
            }
            let batch = elements(of: request.entry, as: tdx_shim_entry.self, count: Int(request.count))
            for entry in batch {
                let slot = entry.handle & 0xffff_ffff
                guard found.last.map({ $0.handle & 0xffff_ffff < slot }) ?? true else {
                    throw .badAnswer("objects that are not in order")
                }
                found.append(entry)
            }
            if request.cursor == 0 { return found }
            guard request.cursor > cursor else { throw .badAnswer("a list of objects without an end") }
            let next = request.cursor
            request = .blank
            request.flags = TDX_SHIM_WITH_ADDRESS.rawValue
            request.cursor = next
        }
    }

    /// Gives back what is free, and takes the rest into the tables.
    private func take(_ entries: [tdx_shim_entry], _ adoption: inout Adoption) throws(PortError) {
        var held: [tdx_shim_entry] = []
        for entry in entries {
            switch entry.kind {
            case TDX_SHIM_PAGE_FREE.rawValue:
                if release(entry.handle, "free a page") { adoption.pagesFreed += 1 }
            case TDX_SHIM_PAGE_RETURNED.rawValue:
                if finish(returned: entry.handle) { adoption.pagesFreed += 1 } else { held.append(entry) }
            case TDX_SHIM_KEYID_IDLE.rawValue:
                if release(entry.handle, "free a KeyID") { adoption.keyIDsFreed += 1 }
            case TDX_SHIM_MEMORY.rawValue:
                release(entry.handle, "free host memory")
            default:
                held.append(entry)
            }
        }
        adoption.inventory = try addresses.withLock { (table) throws(PortError) in
            try InventoryReading(held, knownProcessors).inventory(&table)
        }
    }

    /// A page that the module has given back is written back, where that is due, and freed.
    private func finish(returned handle: UInt64) -> Bool {
        var object = tdx_shim_object.blank
        object.entry.handle = handle
        var call = tdx_shim_call.blank
        call.leaf = Leaf.phymemPageWBINVD.number
        call.processor = processors[0].processor.rawValue
        call.operand.0 = tdx_shim_operand(kind: TDX_SHIM_OPERAND_OBJECT.rawValue, offset: 0, value: handle)
        do throws(PortError) {
            try device.perform(tdx_shim_seamcall_request(), &call, Leaf.phymemPageWBINVD.name)
            guard call.fault == TDX_SHIM_FAULT_NONE.rawValue, !Completion(rawValue: call.status).isError else {
                return false
            }
            try device.perform(tdx_shim_free_request(), &object, "free a page")
            return true
        } catch {
            onTrouble(error)
            return false
        }
    }
}
