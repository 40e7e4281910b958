internal import TDXCalls
internal import Threading

/// Carries out what clients ask.
struct RequestHandler: Sendable {
    let module: ServedModule
    let books = Locked(Bookkeeping())

    init(_ module: ServedModule) { self.module = module }

    func reply(to request: ModuleRequest, for session: ServedSession) -> ModuleReply {
        var reply = ModuleReply(to: request)
        do throws(PortError) {
            try carryOut(request, for: session, into: &reply)
        } catch {
            reply.fail(error)
        }
        return reply
    }

    private func carryOut(
        _ request: ModuleRequest, for session: ServedSession, into reply: inout ModuleReply
    ) throws(PortError) {
        let first = request.registers.rcx
        if request.kind != .callAll, request.kind != .writeMemory, !request.payload.isEmpty {
            throw PortError(.notExecuted, "there is a payload where none belongs")
        }
        switch request.kind {
        case .callAll: try call(request, into: &reply)
        case .allocatePage:
            let page = try module.host.allocatePage().rawValue
            session.note(page: page)
            reply.registers.rcx = page
        case .flushPage: module.host.flush(try page(first, of: session))
        case .clearPage: module.host.clear(try page(first, of: session))
        case .freePage:
            guard session.take(page: first) else { throw Self.notYours("page") }
            module.host.free(PageAddress(rawValue: first))
        case .allocateKeyID:
            let keyID = try module.host.allocateKeyID().rawValue
            session.note(keyID: keyID)
            reply.registers.rcx = UInt64(keyID)
        case .freeKeyID:
            guard let keyID = UInt16(exactly: first), session.take(keyID: keyID) else { throw Self.notYours("KeyID") }
            module.host.freeKeyID(KeyID(rawValue: keyID))
        case .allocateMemory: try allocateMemory(request, for: session, into: &reply)
        case .writeMemory:
            let (memory, offset) = try memory(request, count: request.payload.count, of: session)
            module.host.write(Array(request.payload), to: memory, at: offset)
        case .readMemory:
            let count = Int(clamping: request.registers.r8)
            guard count <= MessageLimits.payloadBytesMax else {
                throw PortError(.notExecuted, "at most \(MessageLimits.payloadBytesMax) bytes are read at once")
            }
            let (memory, offset) = try memory(request, count: count, of: session)
            reply.payload = module.host.read(memory, at: offset, count: count)[...]
        case .freeMemory:
            guard let memory = session.takeMemory(at: first) else { throw Self.notYours("memory") }
            session.unreserve(bytes: memory.sizeBytes)
            module.host.freeMemory(memory)
        case .listPages: list(session.pages(after: first).map(held), into: &reply)
        case .listKeyIDs: list(session.keyIDs(after: first).map(held), into: &reply)
        default: throw PortError(.unsupported, "there is no request \(request.kind.rawValue)")
        }
    }

    private func call(_ request: ModuleRequest, into reply: inout ModuleReply) throws(PortError) {
        let (leaf, input, completion) = try request.execute(on: module.calls, into: &reply)
        guard completion.isSuccess else { return }
        books.withLock { books in
            books.note(
                leaf, input, on: Processor(rawValue: request.processor), addressBits: module.host.module.keyIDShift)
        }
    }

    private func page(_ address: UInt64, of session: ServedSession) throws(PortError) -> PageAddress<HostOwned> {
        guard session.has(page: address) else { throw Self.notYours("page") }
        return PageAddress(rawValue: address)
    }

    private func allocateMemory(
        _ request: ModuleRequest, for session: ServedSession, into reply: inout ModuleReply
    ) throws(PortError) {
        guard request.registers.rcx >= 1, request.registers.rcx <= UInt64(ServedSession.memoryBytesMax) else {
            throw PortError(.exhausted, "memory comes in 1 to \(ServedSession.memoryBytesMax) bytes")
        }
        // As the host counts it: whole pages.
        let bytes = (Int(request.registers.rcx) + pageSizeBytes - 1) & ~(pageSizeBytes - 1)
        guard session.reserve(bytes: bytes) else {
            throw PortError(.exhausted, "a client has at most \(ServedSession.memoryBytesMax) bytes of host memory")
        }
        do throws(PortError) {
            let memory = try module.host.allocateMemory(bytes: bytes)
            session.note(memory)
            reply.registers.rcx = memory.address
            reply.registers.rdx = UInt64(memory.sizeBytes)
        } catch {
            session.unreserve(bytes: bytes)
            throw error
        }
    }

    private func memory(
        _ request: ModuleRequest, count: Int, of session: ServedSession
    ) throws(PortError) -> (HostMemory, offset: Int) {
        guard let memory = session.memory(at: request.registers.rcx) else { throw Self.notYours("memory") }
        guard count <= memory.sizeBytes, request.registers.rdx <= UInt64(memory.sizeBytes - count) else {
            throw PortError(.notExecuted, "that is beyond the end of the memory")
        }
        return (memory, Int(request.registers.rdx))
    }

    private static func notYours(_ what: String) -> PortError { PortError(.notExecuted, "no such \(what) of yours") }
}
