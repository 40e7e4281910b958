internal import TDXCalls
internal import Threading

// What becomes of a client's things when it is gone: what the module does not hold is free again, the rest waits for
// whoever knows the session.

extension RequestHandler {
    /// Gives back what a session leaves behind and the module does not hold.
    ///
    /// - Returns: what stays, because the module holds it.
    func settle(_ estate: ServedSession.Estate) -> ServedSession.Estate {
        for memory in estate.memory { module.host.freeMemory(memory) }
        var kept = ServedSession.Estate()
        for page in estate.pages {
            guard pageType(page)?.type == .nda, isWrittenBack(page) else {
                kept.pages.append(page)
                continue
            }
            let address = PageAddress<HostOwned>(rawValue: page)
            module.host.clear(address)
            module.host.free(address)
        }
        let held = books.withLock { Set($0.keyIDs.values) }
        for keyID in estate.keyIDs {
            if held.contains(keyID) {
                kept.keyIDs.append(keyID)
            } else {
                module.host.freeKeyID(KeyID(rawValue: keyID))
            }
        }
        return kept
    }

    /// A TDR that was reclaimed is written back under the module's own KeyID before anybody else uses it.
    private func isWrittenBack(_ page: UInt64) -> Bool {
        guard books.withLock({ $0.tdrs.contains(page) }) else { return true }
        guard let processor = module.host.processors.first?.processor else { return false }
        let information = module.host.module
        var registers = Registers(
            rcx: page | UInt64(information.globalKeyID.rawValue) << UInt64(information.keyIDShift))
        let input = registers
        // `try?`: without an answer it counts as not written back.
        guard let completion = try? module.calls.call(.phymemPageWBINVD, &registers, on: processor),
            completion.isSuccess
        else { return false }
        books.withLock {
            $0.note(.phymemPageWBINVD, input, on: processor, addressBits: information.keyIDShift)
        }
        return true
    }

    /// What the module says of a page; nil if it says nothing, and then somebody may have it.
    private func pageType(_ page: UInt64) -> (type: PageType, owner: UInt64)? {
        guard let processor = module.host.processors.first?.processor else { return nil }
        var registers = Registers(rcx: page)
        // `try?`: without an answer the page stays where it is.
        guard let completion = try? module.calls.call(.phymemPageRDMD, &registers, on: processor),
            completion.isSuccess
        else { return nil }
        return (PageType(rawValue: registers.rcx), registers.rdx)
    }

    // MARK: Lists

    func list(_ objects: [HeldObject], into reply: inout ModuleReply) {
        var writer = ByteWriter(capacity: objects.count * HeldObject.bytes)
        for object in objects { object.write(to: &writer) }
        reply.registers.rcx = UInt64(objects.count)
        reply.payload = writer.bytes[...]
    }

    /// A page of a session's, by the module's word, and where that does not tell by ours.
    func held(_ page: UInt64) -> HeldObject {
        var object = HeldObject(page)
        guard let (type, owner) = pageType(page) else {
            object.kind = .doubtful
            return object
        }
        let books = books.withLock { $0 }
        object.parent = owner
        switch type {
        case .tdr:
            object.kind = .tdr
            object.parent = 0
            object.keyID = books.keyIDs[page] ?? 0
        case .tdcx:
            object.kind = books.tdvprs[page] == nil ? .tdcs : .tdcx
            // As long as the TDVPR is there.
            if let tdvpr = books.tdvprs[page], pageType(tdvpr)?.type == .tdvpr { object.parent = tdvpr }
        case .tdvpr:
            object.kind = .tdvpr
            object.processor = books.processors[page]
        case .ept: object.kind = .sept
        case .reg: object.kind = .guest
        case .nda:
            object.kind = .returned
            object.parent = 0
        default: object.kind = .doubtful
        }
        return object
    }

    func held(_ keyID: UInt16) -> HeldObject {
        var object = HeldObject(UInt64(keyID))
        object.parent = books.withLock { $0.tdr(of: keyID) } ?? 0
        return object
    }
}
