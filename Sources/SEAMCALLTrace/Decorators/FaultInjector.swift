public import TDXCalls
internal import Threading

/// A port over another that makes chosen calls go wrong. The same calls in the same order meet the same faults.
public final class FaultInjector: Sendable {
    /// Names a rule that was added.
    public struct RuleID: Hashable, Sendable {
        fileprivate let number: Int
    }

    private struct Entry: Sendable {
        let id: RuleID
        let rule: FaultRule
        var matched = 0
        var fired = 0
    }

    private struct State: Sendable {
        var entries: [Entry] = []
        var nextNumber = 0
    }

    private let port: any SEAMCALLPort
    private let state = Locked(State())

    /// Rules there can be at once.
    public static let rulesMax = 1000

    public init(_ port: any SEAMCALLPort) { self.port = port }

    /// Adds a rule behind those there are. Of several that match, the first whose turn it is acts; all count the call.
    ///
    /// - Returns: nil if there are too many.
    public func add(_ rule: FaultRule) -> RuleID? {
        state.withLock { state in
            guard state.entries.count < Self.rulesMax else { return nil }
            let id = RuleID(number: state.nextNumber)
            state.nextNumber += 1
            state.entries.append(Entry(id: id, rule: rule))
            return id
        }
    }

    public func remove(_ id: RuleID) { state.withLock { $0.entries.removeAll { $0.id == id } } }

    /// How often a rule has acted; nil if there is no such rule.
    public func timesFired(_ id: RuleID) -> Int? {
        state.withLock { state in state.entries.first { $0.id == id }?.fired }
    }

    private func action(
        for leaf: Leaf, _ registers: Registers, on processor: Processor
    ) -> FaultRule.Action? {
        state.withLock { state in
            var chosen: FaultRule.Action?
            for index in state.entries.indices
            where state.entries[index].rule.matches(leaf, registers, processor) {
                state.entries[index].matched += 1
                guard chosen == nil, state.entries[index].rule.occurrences.contains(state.entries[index].matched)
                else { continue }
                state.entries[index].fired += 1
                chosen = state.entries[index].rule.action
            }
            return chosen
        }
    }
}

extension FaultInjector: SEAMCALLPort {
    public var retriesEntropy: Bool { port.retriesEntropy }

    public func call(
        _ leaf: Leaf, _ registers: inout Registers, on processor: Processor
    ) throws(PortError) -> Completion {
        switch action(for: leaf, registers, on: processor) {
        case nil: return try port.call(leaf, &registers, on: processor)
        case .answer(let completion): return completion
        case .answerAfterwards(let completion):
            _ = try port.call(leaf, &registers, on: processor)
            return completion
        case .failBefore(let error): throw error
        case .failAfter(let error):
            _ = try port.call(leaf, &registers, on: processor)
            throw error
        case .delay(let duration):
            sleepBlocking(duration)
            return try port.call(leaf, &registers, on: processor)
        }
    }
}
