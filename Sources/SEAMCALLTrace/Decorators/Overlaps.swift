internal import Threading

/// Which calls are under way, and which of them met another.
final class Overlaps: Sendable {
    struct Ticket: Sendable {
        fileprivate let number: UInt64
    }

    private struct State: Sendable {
        var nextNumber: UInt64 = 0
        /// A few at most: one for each thread that makes calls.
        var underWay: [(number: UInt64, metAnother: Bool)] = []
    }

    private let state = Locked(State())

    func begin() -> Ticket {
        state.withLock { state in
            let number = state.nextNumber
            state.nextNumber += 1
            state.underWay.append((number, !state.underWay.isEmpty))
            if state.underWay.count > 1 {
                for index in state.underWay.indices { state.underWay[index].metAnother = true }
            }
            return Ticket(number: number)
        }
    }

    func hasMetAnother(_ ticket: Ticket) -> Bool {
        state.withLock { $0.underWay.first { $0.number == ticket.number }?.metAnother ?? false }
    }

    func end(_ ticket: Ticket) {
        state.withLock { state in state.underWay.removeAll { $0.number == ticket.number } }
    }
}
