internal import HTTPExchange

/// What an identity may do. Each includes the ones below it.
public enum Role: String, CaseIterable, Comparable, Sendable {
    /// Reads, without host addresses and register values.
    case viewer
    /// Lifecycle: create, delete, read fields.
    case `operator`
    /// Single leaves, field writes, registers and addresses.
    case lab
    /// Everything.
    case admin

    public static func < (left: Self, right: Self) -> Bool { left.rank < right.rank }

    private var rank: Int {
        switch self {
        case .viewer: 0
        case .operator: 1
        case .lab: 2
        case .admin: 3
        }
    }

    /// Whether host-physical addresses, register values and a debug TD's guest state are shown.
    var seesRegisters: Bool { self >= .lab }
}

/// Who has which role: Unix peers by uid and gid, plain listeners by their name.
public struct AccessPolicy: Sendable {
    public var users: [UInt32: Role]
    public var groups: [UInt32: Role]
    public var listeners: [String: Role]

    public init(users: [UInt32: Role], groups: [UInt32: Role], listeners: [String: Role]) {
        self.users = users
        self.groups = groups
        self.listeners = listeners
    }

    /// Who the peer is, and its role if it has one. A uid's role counts before its group's.
    func identify(_ peer: Peer) -> (principal: String, role: Role?) {
        switch peer.transport {
        case .unix(let user, let group, _):
            return ("uid:\(user)", users[user] ?? groups[group])
        case .tcp(let address, _):
            return ("plain:" + address, listeners[peer.listener])
        case .tls(let address, _, .none), .tls(let address, _, .refused):
            return ("tls:\(address)", nil)
        case .tls(_, _, .verified(let uris, let sha256)):
            return (uris.first ?? "sha256:\(sha256)", nil)
        }
    }
}
