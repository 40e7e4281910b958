internal import Threading

/// A fair readers-writer lock for the module's key table (KOT).
///
/// The module's own lock is a try-lock: whoever meets a holder gets OPERAND_BUSY. Waiting here instead of
/// colliding there costs nothing and cannot starve: callers are served in order of arrival, readers that
/// stand together go together. Held per call, so an interrupted write-back lets creations through.
final class KeyTableLock: Sendable {
    enum Mode: Sendable { case shared, exclusive }

    private struct State: Sendable {
        var readers = 0
        var isWriting = false
        var nextTicket: UInt64 = 0
        var serving: UInt64 = 0
    }

    private let state = Monitor(State())

    func with<Result>(_ mode: Mode?, _ body: () -> Result) -> Result {
        guard let mode else { return body() }
        let ticket = state.withLock { state in
            defer { state.nextTicket += 1 }
            return state.nextTicket
        }
        _ = state.wait { state -> Void? in
            guard state.serving == ticket, !state.isWriting, mode == .shared || state.readers == 0 else { return nil }
            state.serving += 1
            switch mode {
            case .shared: state.readers += 1
            case .exclusive: state.isWriting = true
            }
            return ()
        }
        defer {
            state.withLock { state in
                switch mode {
                case .shared: state.readers -= 1
                case .exclusive: state.isWriting = false
                }
            }
        }
        return body()
    }
}
