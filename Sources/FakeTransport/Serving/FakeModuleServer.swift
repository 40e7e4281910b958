internal import Glibc
internal import TDXCalls
internal import Threading

/// Serves a module to other processes over a Unix socket: the fake, as a process of its own.
///
/// A client has a session: one connection that says how long it lives, and one for each call that it makes at the same
/// time. When the first ends, whatever became of the client, it gets back what the module does not hold; TDs live on.
public final class FakeModuleServer: Sendable {
    public enum Event: Hashable, Sendable {
        case refused(String)
        case opened
        /// Pages and KeyIDs that stay with the module.
        case closed(pages: Int, keyIDs: Int)
    }

    private struct State {
        var connections: [ObjectIdentifier: MessageSocket] = [:]
        var threads: [ObjectIdentifier: Thread] = [:]
        /// Threads that only have to be joined.
        var finished: [Thread] = []
        var isStopping = false
    }

    private let place: SocketPlace
    private let listening: MessageSocket
    private let handler: RequestHandler
    private let sessions = Sessions()
    private let reception: Reception
    private let onEvent: @Sendable (Event) -> Void
    private let state = Locked(State())
    private let acceptor = Locked<Thread?>(nil)

    /// Connections there can be at once.
    public static let connectionsMax = 256
    /// What a client has for its hello.
    private static let helloSeconds = 5

    /// Listens, and serves on threads of its own until ``stop()``.
    ///
    /// - Parameters:
    ///   - replays: makes modules for clients that replay recordings, apart from the one that is served; nil: they are refused.
    ///   - onEvent: told of clients that come and go, and of those who may not; on any thread.
    /// - Throws: ``TransportError`` if nothing can listen at the path.
    public init(
        path: String, serving module: ServedModule, replays: ReplayMaker? = nil,
        onEvent: @escaping @Sendable (Event) -> Void
    ) throws(TransportError) {
        place = SocketPlace(path: path)
        listening = try place.listen()
        handler = RequestHandler(module)
        reception = Reception(sessions, module, replays)
        self.onEvent = onEvent
        let thread = Thread { [self] in acceptAll() }
        acceptor.withLock { $0 = thread }
    }

    /// Ends all sessions and removes the socket. What the module holds it goes on holding.
    public func stop() {
        let connections = state.withLock { state in
            state.isStopping = true
            return Array(state.connections.values)
        }
        listening.shutDown()
        for connection in connections { connection.shutDown() }
        acceptor.withLock { $0 }?.join()
        while true {
            let threads = state.withLock { state in
                defer { state.finished = [] }
                return state.finished + state.threads.values
            }
            if threads.isEmpty { break }
            for thread in threads { thread.join() }
        }
        place.remove()
    }

    private func acceptAll() {
        while !state.withLock({ $0.isStopping }) {
            let descriptor = accept(listening.descriptor, nil, nil)
            if descriptor >= 0 {
                _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
                begin(MessageSocket(descriptor: descriptor))
            } else if errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS {
                sleepBlocking(.milliseconds(50))
            } else if errno != EINTR, errno != ECONNABORTED {
                return
            }
            let finished = state.withLock { state in
                defer { state.finished = [] }
                return state.finished
            }
            for thread in finished { thread.join() }
        }
    }

    private func begin(_ socket: MessageSocket) {
        guard let peer = socket.peerUserID, peer == 0 || peer == geteuid() else {
            return onEvent(.refused("a client is uid \(socket.peerUserID.map { "\($0)" } ?? "unknown")"))
        }
        let id = ObjectIdentifier(socket)
        let isFull = state.withLock { state in
            guard state.connections.count < Self.connectionsMax, !state.isStopping else { return true }
            state.connections[id] = socket
            // Made with the lock held, so that its end cannot be noted before its beginning.
            state.threads[id] = Thread { [self] in
                serve(socket)
                socket.shutDown()
                self.state.withLock { state in
                    state.connections[id] = nil
                    if let thread = state.threads.removeValue(forKey: id) { state.finished.append(thread) }
                }
            }
            return false
        }
        if isFull { onEvent(.refused("there are \(Self.connectionsMax) connections already")) }
    }

    private func serve(_ socket: MessageSocket) {
        socket.setPatience(seconds: Self.helloSeconds)
        switch reception.hello(socket) {
        case .refused(let reason): onEvent(.refused(reason))
        case .calls(let session):
            socket.setPatience(seconds: 0)
            answer(socket, session)
        case .replay(let replay):
            socket.setPatience(seconds: 0)
            answer(socket) { replay.reply(to: $0) }
        case .life(let session):
            socket.setPatience(seconds: 0)
            onEvent(.opened)
            // Nothing comes here but its end.
            _ = socket.receive()
            let kept = handler.settle(session.end())
            sessions.end(session, leaving: kept)
            onEvent(.closed(pages: kept.pages.count, keyIDs: kept.keyIDs.count))
        }
    }

    private func answer(_ socket: MessageSocket, _ session: ServedSession) {
        answer(socket) { request in
            var reply: ModuleReply?
            let isServed = session.serve {
                let made =
                    request.kind == .adopt ? adopt(request, for: session) : handler.reply(to: request, for: session)
                reply = made
            }
            return isServed ? reply : nil
        }
    }

    /// Answers as long as there are requests, and answers to them.
    private func answer(_ socket: MessageSocket, _ reply: (ModuleRequest) -> ModuleReply?) {
        while case .message(let bytes) = socket.receive() {
            let request: ModuleRequest
            do throws(MessageFault) {
                request = try ModuleRequest(bytes[...])
            } catch {
                return onEvent(.refused(error.reason))
            }
            guard let reply = reply(request), socket.send(reply.bytes) == nil else { return }
        }
    }

    private func adopt(_ request: ModuleRequest, for session: ServedSession) -> ModuleReply {
        let token = ServedSession.Token(high: request.registers.rcx, low: request.registers.rdx)
        var reply = ModuleReply(to: request)
        reply.registers.rcx = sessions.hand(token, to: session).rawValue
        return reply
    }
}
