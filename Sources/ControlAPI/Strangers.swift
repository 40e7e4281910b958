internal import ControlSchema
internal import HTTPExchange

// What somebody without a role is told, so that they or the administrator know what to do about it.

extension Refused {
    /// Why `peer`, who has no role, has none.
    init(stranger peer: Peer) {
        guard case .tls(_, _, let identity) = peer.transport else {
            self.init(.peerNotAuthorized)
            return
        }
        switch identity {
        case .none:
            self.init(.clientCertificateRequired, "No client certificate was sent.")
        case .refused(let code, let reason):
            self.init(OwnError.named(code) ?? .peerNotAuthorized, reason)
        case .verified(let uris, let sha256):
            self.init(.clientIdentityUnknown, Self.unknown(uris, sha256))
        }
    }

    /// URIs that are written out; a certificate may have many more.
    private static let urisShown = 4

    /// In the words of the file of roles, to be copied there.
    private static func unknown(_ uris: [String], _ sha256: String) -> String {
        let names = uris.prefix(urisShown).map { CertificateName.uri($0) } + [.sha256(sha256)]
        let rest = uris.count > urisShown ? ", nor to \(uris.count - urisShown) more URIs" : ""
        return "No role is given to " + names.map { #""\#($0)""# }.joined(separator: " nor to ") + rest + "."
    }
}
