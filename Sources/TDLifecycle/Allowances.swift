internal import TDXCalls

/// Why a principal gets no more for now: a limit of its own, as opposed to the host's.
public struct LimitReached: Hashable, Sendable {
    public enum Kind: String, CaseIterable, Sendable {
        /// Operations that have not ended.
        case operations
        /// KeyIDs that its TDs hold or are to get.
        case keyIDs = "keyIds"
    }

    public let kind: Kind
    /// Whose limit it is.
    public let principal: String
    public let limit: Int
    public let used: Int
}

/// What each principal has under way and holds. Only those that have something are in here, so there are no more of
/// them than there are operations and KeyIDs.
struct Allowances: Sendable {
    private(set) var operations: [String: Int] = [:]
    private(set) var keyIDs: [String: Int] = [:]

    mutating func note(_ domain: Boxed<Domain>, before: Boxed<Domain>?) {
        let change = (domain.value.claimsKeyID ? 1 : 0) - (before?.value.claimsKeyID == true ? 1 : 0)
        if change != 0 { keyIDs.change(domain.value.createdBy, by: change) }
    }

    mutating func note(_ operation: Boxed<Operation>, before: Boxed<Operation>?) {
        let change = (operation.value.state.isTerminal ? 0 : 1) - (before?.value.state.isTerminal == false ? 1 : 0)
        if change != 0 { operations.change(operation.value.requester.principal, by: change) }
    }

    /// - Parameter keyIDs: how many the request would take.
    func check(_ principal: String, keyIDs wanted: Int, _ limits: EngineLimits) throws(LifecycleError) {
        guard let limit = limits.keyIDsPerPrincipal else { return }
        let used = keyIDs[principal, default: 0]
        if used + wanted > limit {
            throw .limitReached(LimitReached(kind: .keyIDs, principal: principal, limit: limit, used: used))
        }
    }

    /// May it begin one more operation?
    func checkOperations(_ principal: String, _ limits: EngineLimits) throws(LifecycleError) {
        guard let limit = limits.operationsPerPrincipal else { return }
        let used = operations[principal, default: 0]
        if used >= limit {
            throw .limitReached(LimitReached(kind: .operations, principal: principal, limit: limit, used: used))
        }
    }
}

extension [String: Int] {
    /// Whoever has nothing left is forgotten.
    fileprivate mutating func change(_ principal: String, by change: Int) {
        let count = self[principal, default: 0] + change
        precondition(count >= 0, "\(principal) holds fewer than nothing")
        self[principal] = count == 0 ? nil : count
    }
}

extension Domain {
    /// Whether it counts against its creator's KeyIDs: it holds one, or is being created and will. One that is
    /// quarantined is out of use for ever, which is not the creator's fault.
    var claimsKeyID: Bool {
        guard !isDeleted else { return false }
        guard let keyID else { return td == nil && lifecycle == .none }
        return !quarantine.contains { $0.thing == .keyID(keyID) }
    }
}
