internal import ControlAPI

/// What is wrong with one item of a list.
struct ItemFault: Error, Hashable, Sendable {
    let reason: String

    init(_ reason: String) { self.reason = reason }
}

/// Gives a user or a group a role on the Unix socket: `uid:1000=operator`, `gid:50=viewer`.
struct SocketRole: Hashable, Sendable {
    enum Who: Hashable, Sendable { case user(UInt32), group(UInt32) }

    let who: Who
    let role: Role

    init(_ text: String) throws(ItemFault) {
        let parts = text.split(separator: "=", omittingEmptySubsequences: false)
        let subject = parts[0].split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, subject.count == 2, let id = UInt32(subject[1]) else {
            throw ItemFault("must read uid:NUMBER=ROLE or gid:NUMBER=ROLE")
        }
        switch subject[0] {
        case "uid": who = .user(id)
        case "gid": who = .group(id)
        default: throw ItemFault("must begin with uid: or gid:")
        }
        role = try Role(named: parts[1])
    }
}

extension Role {
    init(named name: some StringProtocol) throws(ItemFault) {
        guard let role = Role(rawValue: String(name)) else {
            throw ItemFault("the role must be one of " + Role.allCases.map(\.rawValue).joined(separator: ", "))
        }
        self = role
    }
}
