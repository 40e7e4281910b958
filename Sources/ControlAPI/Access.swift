internal import HTTPExchange

/// What an identity may do.
///
/// From `viewer` to `admin` each includes those before it. `metrics` stands beside them: it is for a machine that reads
/// counters and nothing else, and only `admin` includes it.
public enum Role: String, CaseIterable, Sendable {
    /// Reads, without host addresses and register values.
    case viewer
    /// Lifecycle: create, delete, read fields.
    case `operator`
    /// Single leaves, field writes, registers and addresses.
    case lab
    /// Everything.
    case admin
    /// `/metrics`, and nothing else.
    case metrics

    /// Whether whoever has this role may do what asks for `needed`.
    public func includes(_ needed: Role) -> Bool {
        if self == needed || self == .admin { return true }
        guard let rank, let other = needed.rank else { return false }
        return rank >= other
    }

    /// Nil for what is no step of the ladder.
    private var rank: Int? {
        switch self {
        case .viewer: 0
        case .operator: 1
        case .lab: 2
        case .admin: 3
        case .metrics: nil
        }
    }

    /// Whether host-physical addresses, register values and a debug TD's guest state are shown.
    var seesRegisters: Bool { includes(.lab) }
}

/// Who has which role: Unix peers by uid and gid, plain listeners by their name, TLS peers by their certificate.
public struct AccessPolicy: Sendable {
    public var users: [UInt32: Role]
    public var groups: [UInt32: Role]
    public var listeners: [String: Role]
    public var certificates: CertificateRoles

    public init(
        users: [UInt32: Role], groups: [UInt32: Role], listeners: [String: Role],
        certificates: CertificateRoles = CertificateRoles()
    ) {
        self.users = users
        self.groups = groups
        self.listeners = listeners
        self.certificates = certificates
    }

    /// Who the peer is, and its role if it has one. A uid's role counts before its group's.
    func identify(_ peer: Peer) -> Standing {
        let edition = certificates.edition
        let (principal, role) = find(peer)
        return Standing(principal: principal, role: role, edition: edition)
    }

    private func find(_ peer: Peer) -> (principal: String, role: Role?) {
        switch peer.transport {
        case .unix(let user, let group, _):
            return ("uid:\(user)", users[user] ?? groups[group])
        case .tcp(let address, _):
            return ("plain:" + address, listeners[peer.listener])
        case .tls(let address, _, .none), .tls(let address, _, .refused):
            return ("tls:\(address)", nil)
        case .tls(_, _, .verified(let uris, let sha256)):
            guard let found = certificates.find(uris: uris, sha256: sha256) else {
                return ((uris.first.map { .uri($0) } ?? CertificateName.sha256(sha256)).description, nil)
            }
            return (found.name.description, found.role)
        }
    }
}

/// Who a peer is and what it may do.
struct Standing: Sendable {
    let principal: String
    /// Nil for whom nobody has given one.
    let role: Role?
    /// Of the roles by which this was found.
    let edition: UInt64
}
