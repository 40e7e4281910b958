internal import Threading

/// The sessions of clients that are there, and what those have left that are gone.
final class Sessions: Sendable {
    private struct State {
        var open: [ServedSession.Token: ServedSession] = [:]
        /// The module's pages are their limit.
        var estates: [ServedSession.Token: ServedSession.Estate] = [:]
    }

    private let state = Locked(State())

    /// - Returns: nil if there is such a session, or something left of one.
    func begin(_ token: ServedSession.Token) -> ServedSession? {
        state.withLock { state in
            guard state.open[token] == nil, state.estates[token] == nil else { return nil }
            let session = ServedSession(token)
            state.open[token] = session
            return session
        }
    }

    func find(_ token: ServedSession.Token) -> ServedSession? { state.withLock { $0.open[token] } }

    /// - Parameter kept: what the module still holds of it.
    func end(_ session: ServedSession, leaving kept: ServedSession.Estate) {
        state.withLock { state in
            state.open[session.token] = nil
            if !kept.isEmpty { state.estates[session.token] = kept }
        }
    }

    /// What another session has left goes over to this one.
    func hand(_ token: ServedSession.Token, to session: ServedSession) -> AdoptionAnswer {
        state.withLock { state in
            if state.open[token] != nil { return .inUse }
            guard let estate = state.estates.removeValue(forKey: token) else { return .nothing }
            session.inherit(estate)
            return .taken
        }
    }
}
