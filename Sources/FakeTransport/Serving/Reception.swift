internal import TDXCalls

/// Finds out what a connection is for, from the first thing that is said on it.
struct Reception: Sendable {
    private let sessions: Sessions
    /// Of the module.
    private let description: [UInt8]
    private let replays: ReplayMaker?

    init(_ sessions: Sessions, _ module: ServedModule, _ replays: ReplayMaker?) {
        self.sessions = sessions
        description = module.description
        self.replays = replays
    }

    enum Hello {
        case refused(String)
        case calls(ServedSession)
        case life(ServedSession)
        case replay(any ServedReplay)
    }

    func hello(_ socket: MessageSocket) -> Hello {
        guard case .message(let bytes) = socket.receive() else { return .refused("a client said nothing") }
        let request: ModuleRequest
        do throws(MessageFault) {
            request = try ModuleRequest(bytes[...])
        } catch {
            return .refused(error.reason)
        }
        let role = HelloRole(rawValue: request.registers.r9)
        guard request.kind == .hello, request.payload.isEmpty || role == .replay else {
            return .refused("a client does not say hello")
        }
        guard request.registers.rcx == MessageLimits.version else {
            return refuse(socket, request, "the other end speaks version \(MessageLimits.version)")
        }
        let token = ServedSession.Token(high: request.registers.rdx, low: request.registers.r8)
        let session: ServedSession
        switch role {
        case .replay: return helloToReplay(socket, request)
        case .calls:
            guard let found = sessions.find(token) else {
                return refuse(socket, request, "there is no such session: the module is another, or has let go of it")
            }
            session = found
        case .life:
            guard let new = sessions.begin(token) else {
                return refuse(socket, request, "there is such a session already")
            }
            session = new
        case nil: return refuse(socket, request, "a client does not say what its connection is for")
        }
        var reply = ModuleReply(to: request)
        reply.payload = description[...]
        guard socket.send(reply.bytes) == nil else {
            if role == .life { sessions.end(session, leaving: ServedSession.Estate()) }
            return .refused("a client went away")
        }
        return role == .life ? .life(session) : .calls(session)
    }

    private func helloToReplay(_ socket: MessageSocket, _ request: ModuleRequest) -> Hello {
        guard let replays else { return refuse(socket, request, "recordings are not replayed here") }
        do throws(PortError) {
            let replay = try replays(Array(request.payload))
            return socket.send(ModuleReply(to: request).bytes) == nil
                ? .replay(replay) : .refused("a client went away")
        } catch {
            return refuse(socket, request, error.explanation)
        }
    }

    private func refuse(_ socket: MessageSocket, _ request: ModuleRequest, _ reason: String) -> Hello {
        var reply = ModuleReply(to: request)
        reply.failure = .notExecuted
        reply.payload = Array(reason.utf8)[...]
        // Whether it hears us does not matter any more.
        _ = socket.send(reply.bytes)
        return .refused(reason)
    }
}

/// What a connection is for.
enum HelloRole: UInt64 {
    /// The session lives as long as it does.
    case life = 1
    /// Requests, one after the other.
    case calls = 2
    /// One recording on a module of its own: the payload tells of it.
    case replay = 3
}
