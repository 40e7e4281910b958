internal import Synchronization
internal import Threading

/// What a role can be given to: a name that a CA has vouched for, or one certificate.
public enum CertificateName: Hashable, Sendable {
    /// A URI among the subject's alternative names, compared byte for byte.
    case uri(String)
    /// Of the certificate, 64 hexadecimal digits in lower case.
    case sha256(String)
}

extension CertificateName: CustomStringConvertible {
    /// As the file of roles has it.
    public var description: String {
        switch self {
        case .uri(let uri): uri
        case .sha256(let digits): Self.digestPrefix + digits
        }
    }

    /// Before the digits of a SHA-256, where both kinds of name may stand.
    public static let digestPrefix = "sha256:"
}

/// Which role has whom on TLS listeners. It may be replaced while requests come in: the next one goes by the new.
public final class CertificateRoles: Sendable {
    private let roles: Locked<[CertificateName: Role]>

    private let editionNumber = Atomic<UInt64>(0)

    public init(_ roles: [CertificateName: Role] = [:]) { self.roles = Locked(roles) }

    public func replace(with roles: [CertificateName: Role]) {
        self.roles.withLock { $0 = roles }
        editionNumber.add(1, ordering: .acquiringAndReleasing)
    }

    /// Another number after each replacement. What was found out under a number read before holds as long as the number
    /// stays.
    var edition: UInt64 { editionNumber.load(ordering: .acquiring) }

    public var count: Int { roles.withLock { $0.count } }

    /// The name under which a verified peer has a role, and the role. The certificate itself counts before its URIs,
    /// and of those the first that has one: a single certificate can be given another role than its URI's others.
    func find(uris: [String], sha256: String) -> (name: CertificateName, role: Role)? {
        roles.withLock { roles in
            if let role = roles[.sha256(sha256)] { return (.sha256(sha256), role) }
            for uri in uris {
                if let role = roles[.uri(uri)] { return (.uri(uri), role) }
            }
            return nil
        }
    }
}
