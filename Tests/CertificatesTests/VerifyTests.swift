import Certificates
import Testing

@Suite("Whether a client is believed")
struct VerifyTests {
    let root: CommandAuthority
    let now = CalendarTime.now().adding(seconds: 60)

    init() throws { root = try CommandAuthority() }

    func trust(_ lists: [RevocationList] = [], _ policy: RevocationPolicy = .init()) throws -> TrustStore {
        try TrustStore(authorities: [try root.certificate], revocationLists: lists, revocation: policy)
    }

    func refusal(
        _ chain: [[UInt8]], trust store: TrustStore? = nil, at time: CalendarTime? = nil
    ) throws -> CertificateRefusal? {
        switch try (store ?? trust()).verifyClient(chain: chain, at: time ?? now) {
        case .success: nil
        case .failure(let refusal): refusal
        }
    }

    @Test("A certificate of the trusted CA is, and its URI and fingerprint are the identity")
    func good() throws {
        let der = try root.issue(
            extensions: CommandAuthority.clientExtensions(
                names: "URI:spiffe://tdxd/role/lab,URI:urn:second,DNS:ignored.example"))
        let identity = try trust().verifyClient(chain: [der], at: now).get()
        let certificate = try Certificate(der: der)
        #expect(identity.uris == ["spiffe://tdxd/role/lab", "urn:second"])
        #expect(identity.fingerprint == Fingerprint(of: der))
        #expect(identity.serial == certificate.serial)
        #expect(identity.expires == certificate.validity.notAfter)
    }

    @Test("No certificate is refused as such")
    func none() throws {
        #expect(try refusal([]) == .noneSent)
        #expect(CertificateRefusal.noneSent.code.rawValue == "client-certificate-required")
        #expect(CertificateRefusal.noneSent.description == "No client certificate was sent.")
    }

    @Test("What is no certificate is refused with its place in the chain and the reason")
    func malformed() throws {
        let der = try root.issue()
        #expect(
            try refusal([der, Array(der.dropLast())])?.description
                == "What was sent as a client certificate cannot be read: entry 2: is not DER: too long.")
        #expect(try refusal([[]]) == .malformed(CertificateError(.empty, entry: 1)))
    }

    @Test("A chain over an intermediate that the peer sends is followed; without it the CA is unknown")
    func intermediate() throws {
        let middle = try CommandAuthority(name: "Middle", parent: root)
        let der = try middle.issue()
        let middleDER = try middle.certificate.der
        #expect(try refusal([der, middleDER]) == nil)
        #expect(try refusal([der, middleDER, root.certificate.der]) == nil)
        #expect(try refusal([der]) == .unknownAuthority)
    }

    @Test("Certificates that belong to no path are passed over")
    func strangers() throws {
        let stranger = try CommandAuthority(name: "Stranger")
        #expect(try refusal([try root.issue(), stranger.certificate.der, try stranger.issue()]) == nil)
    }

    @Test("A configured CA ends the path, self-signed or not")
    func partialChain() throws {
        let middle = try CommandAuthority(name: "Middle", parent: root)
        let store = try TrustStore(authorities: [try middle.certificate])
        #expect(try refusal([try middle.issue()], trust: store) == nil)
        #expect(try refusal([try root.issue()], trust: store) == .unknownAuthority)
    }

    @Test("A foreign CA is unknown, also under the name of ours")
    func foreign() throws {
        let foreign = try CommandAuthority()
        #expect(try foreign.certificate.subject == root.certificate.subject)
        #expect(try refusal([try foreign.issue()]) == .unknownAuthority)
        #expect(try refusal([try foreign.issue(), foreign.certificate.der]) == .unknownAuthority)
    }

    @Test("A self-signed certificate has no trusted CA")
    func selfSigned() throws {
        let own = try CommandAuthority(name: "self", extensions: CommandAuthority.clientExtensions())
        #expect(try refusal([own.certificate.der]) == .unknownAuthority)
    }

    @Test("A certificate that ended is expired, one that has not begun not yet valid, each with the time")
    func dates() throws {
        let expired = try root.issue(options: ["-startdate", "20200101000000Z", "-enddate", "20200201000000Z"])
        #expect(
            try refusal([expired]) == .expired(.peer, since: try Certificate(der: expired).validity.notAfter))
        #expect(try refusal([expired])?.description == "The client certificate expired on 2020-02-01T00:00:00Z.")
        let early = try root.issue(options: ["-startdate", "20400101000000Z", "-enddate", "20400201000000Z"])
        #expect(
            try refusal([early])?.description == "The client certificate is not valid before 2040-01-01T00:00:00Z.")
    }

    @Test("The last second counts as past, the first as begun")
    func boundaries() throws {
        let der = try root.issue()
        let validity = try Certificate(der: der).validity
        let last = validity.notAfter
        #expect(try refusal([der], at: last.adding(seconds: -1)) == nil)
        #expect(try refusal([der], at: last) == .expired(.peer, since: last))
        #expect(validity.contains(last.adding(seconds: -1)) && !validity.contains(last))
        // The root began in the same second or earlier.
        #expect(try refusal([der], at: validity.notBefore) == nil)
    }

    @Test("A path ends with the first of its certificates that does")
    func pathExpires() throws {
        let middle = try CommandAuthority(name: "Middle", parent: root)
        let der = try middle.issue(options: ["-enddate", "20991231000000Z"])
        let identity = try trust().verifyClient(chain: [der, middle.certificate.der], at: now).get()
        #expect(identity.expires == (try middle.certificate.validity.notAfter))
        let later = identity.expires.adding(days: 1)
        #expect(
            try refusal([der, middle.certificate.der], at: later)
                == .expired(ChainPosition(depth: 1), since: identity.expires))
    }

    @Test("A server's certificate is for the wrong purpose")
    func serverOnly() throws {
        let der = try root.issue(extensions: CommandAuthority.clientExtensions(purposes: "serverAuth"))
        #expect(try refusal([der]) == .wrongPurpose(.peer, .purposes([.serverAuth])))
        #expect(
            try refusal([der])?.description == "The client certificate is for serverAuth, not for clientAuth.")
        let both = try root.issue(extensions: CommandAuthority.clientExtensions(purposes: "serverAuth,clientAuth"))
        #expect(try refusal([both]) == nil)
    }

    @Test("A certificate that restricts nothing may be a client's; one that allows anything does not name clientAuth")
    func openPurposes() throws {
        let open = try root.issue(
            extensions: """
                basicConstraints=CA:FALSE
                subjectKeyIdentifier=hash
                authorityKeyIdentifier=keyid:always
                """)
        #expect(try refusal([open]) == nil)
        let any = try root.issue(extensions: CommandAuthority.clientExtensions(purposes: "anyExtendedKeyUsage"))
        #expect(try refusal([any]) == .wrongPurpose(.peer, .purposes([.any])))
    }

    @Test("A key that must not sign cannot authenticate a client")
    func keyUsage() throws {
        for usage in ["keyAgreement", "keyEncipherment"] {
            let der = try root.issue(extensions: CommandAuthority.clientExtensions(keyUsage: "critical,\(usage)"))
            #expect(try refusal([der]) == .wrongPurpose(.peer, .keyUsage))
        }
    }

    @Test("A CA's own certificate is no client's")
    func authorityAsClient() throws {
        #expect(try refusal([root.certificate.der]) == .wrongPurpose(.peer, .authority))
        let both = try root.issue(
            extensions: CommandAuthority.clientExtensions(
                constraints: "critical,CA:TRUE", keyUsage: "critical,digitalSignature,keyCertSign"))
        #expect(try refusal([both]) == .wrongPurpose(.peer, .authority))
    }

    @Test("A certificate that is no CA's cannot issue others")
    func leafAsAuthority() throws {
        let leaf = try CommandAuthority(
            name: "Leaf", extensions: CommandAuthority.clientExtensions(), parent: root)
        let der = try leaf.issue()
        #expect(try refusal([der, leaf.certificate.der]) == .notAnAuthority(ChainPosition(depth: 1)))
    }

    @Test("A CA whose purposes leave clientAuth out vouches for no client")
    func authorityPurpose() throws {
        let middle = try CommandAuthority(
            name: "Servers", extensions: CommandAuthority.authorityExtensions + "\nextendedKeyUsage=serverAuth",
            parent: root)
        #expect(
            try refusal([try middle.issue(), middle.certificate.der])
                == .wrongPurpose(ChainPosition(depth: 1), .purposes([.serverAuth])))
    }

    @Test("A CA that allows none below it is kept to that")
    func pathLength() throws {
        let extensions = CommandAuthority.authorityExtensions.replacing("CA:TRUE", with: "CA:TRUE,pathlen:0")
        let first = try CommandAuthority(name: "First", extensions: extensions, parent: root)
        let second = try CommandAuthority(name: "Second", parent: first)
        #expect(try first.certificate.pathLength == 0)
        #expect(
            try refusal([try second.issue(), second.certificate.der, first.certificate.der])
                == .pathLengthExceeded(ChainPosition(depth: 2)))
    }

    @Test("More certificates than the limit are refused unread")
    func tooLong() throws {
        let der = try root.issue()
        let limit = CertificateLimits.chainLengthMax
        #expect(try refusal(Array(repeating: der, count: limit)) == nil)
        #expect(try refusal(Array(repeating: [0], count: limit + 1)) == .chainTooLong(limit: limit))
    }

    @Test("A path at the limit is followed")
    func longPath() throws {
        var chain: [[UInt8]] = []
        var authority = root
        for depth in 1..<CertificateLimits.chainLengthMax {
            authority = try CommandAuthority(name: "CA \(depth)", parent: authority)
            chain.insert(try authority.certificate.der, at: 0)
        }
        chain.insert(try authority.issue(), at: 0)
        #expect(chain.count == CertificateLimits.chainLengthMax)
        #expect(try refusal(chain) == nil)
    }

    @Test("A wrong signature is seen, in the peer's certificate and above it")
    func wrongSignature() throws {
        let middle = try CommandAuthority(name: "Middle", parent: root)
        let der = try middle.issue()
        let middleDER = try middle.certificate.der
        #expect(try refusal([Self.damaged(der), middleDER]) == .badSignature(.peer))
        #expect(try refusal([der, Self.damaged(middleDER)]) == .badSignature(ChainPosition(depth: 1)))
    }

    /// With another last byte, which is the signature's.
    static func damaged(_ der: [UInt8]) -> [UInt8] { Array(der.dropLast()) + [(der.last ?? 0) ^ 1] }

    @Test("SHA-1 is no accepted signature")
    func sha1() throws {
        let der = try root.issue(digest: "sha1")
        guard case .weakSignature(.peer, let kind) = try refusal([der]) else {
            Issue.record("not refused as weak")
            return
        }
        #expect(kind.name == "ecdsa-with-SHA1" && !kind.isAccepted)
    }

    @Test("SHA-1 above the peer is seen too; the trusted CA's own signature does not matter")
    func sha1Above() throws {
        let middle = try CommandAuthority(name: "Middle", digest: "sha1", parent: root)
        guard
            case .weakSignature(ChainPosition(depth: 1), _) = try refusal([try middle.issue(), middle.certificate.der])
        else {
            Issue.record("not refused as weak")
            return
        }
        let old = try CommandAuthority(name: "Old root", digest: "sha1")
        #expect(try refusal([try old.issue()], trust: TrustStore(authorities: [old.certificate])) == nil)
    }

    @Test("RSA below 2048 bits is too weak, 2048 is not")
    func rsa() throws {
        #expect(try refusal([try root.issue(key: .rsa(1024))]) == .weakKey(.peer, .rsa(bits: 1024)))
        #expect(try refusal([try root.issue(key: .rsa(2048))]) == nil)
        let rsaRoot = try CommandAuthority(name: "RSA root", key: .rsa(2048))
        #expect(try refusal([try rsaRoot.issue()], trust: TrustStore(authorities: [rsaRoot.certificate])) == nil)
        let weakMiddle = try CommandAuthority(name: "Weak", key: .rsa(1024), parent: root)
        #expect(
            try refusal([try weakMiddle.issue(), weakMiddle.certificate.der])
                == .weakKey(ChainPosition(depth: 1), .rsa(bits: 1024)))
    }

    @Test("Ed25519 and P-384 are accepted; other curves, explicit ones and DSA are not")
    func keyKinds() throws {
        #expect(try refusal([try root.issue(key: .ed25519)]) == nil)
        #expect(try refusal([try root.issue(key: .p384)]) == nil)
        #expect(try refusal([try root.issue(key: .secp256k1)]) == .weakKey(.peer, .other("curve secp256k1")))
        #expect(
            try refusal([try root.issue(key: .p256Explicit)])
                == .weakKey(.peer, .other("a curve with explicit parameters")))
        #expect(try refusal([try root.issue(key: .dsa)]) == .weakKey(.peer, .other("dsaEncryption")))
    }

    @Test("A CA with name constraints gives only the names it may")
    func nameConstraints() throws {
        let middle = try CommandAuthority(
            name: "Constrained",
            extensions: CommandAuthority.authorityExtensions + "\nnameConstraints=critical,permitted;URI:tdxd",
            parent: root)
        let middleDER = try middle.certificate.der
        #expect(try refusal([try middle.issue(), middleDER]) == nil)
        let other = try middle.issue(
            extensions: CommandAuthority.clientExtensions(names: "URI:spiffe://other/role/admin"))
        #expect(try refusal([other, middleDER]) == .nameNotPermitted(.peer))
    }

    @Test("An unknown critical extension is a rule broken")
    func criticalExtension() throws {
        let der = try root.issue(
            extensions: CommandAuthority.clientExtensions() + "\n1.2.3.4.5=critical,ASN1:UTF8String:hello")
        #expect(try refusal([der]) == .notConforming(.peer, "unhandled critical extension"))
    }

    @Test("Every refusal has a code of its own and a sentence")
    func texts() throws {
        let refusals: [CertificateRefusal] = [
            .noneSent, .malformed(CertificateError(.empty, entry: 1)), .chainTooLong(limit: 6), .unknownAuthority,
            .badSignature(.peer), .expired(.peer, since: now), .notYetValid(.peer, until: now),
            .wrongPurpose(.peer, .authority), .notAnAuthority(ChainPosition(depth: 1)),
            .pathLengthExceeded(ChainPosition(depth: 1)), .nameNotPermitted(.peer), .revoked(.peer, nil),
            .revocationUnknown(.peer, .missing), .weakKey(.peer, .rsa(bits: 1024)),
            .weakSignature(.peer, try root.certificate.signature), .notConforming(.peer, "x"),
        ]
        #expect(Set(refusals.map(\.code)) == Set(CertificateRefusal.Code.allCases))
        #expect(Set(refusals.map(\.description)).count == CertificateRefusal.Code.allCases.count)
        for refusal in refusals {
            #expect(refusal.code.rawValue.hasPrefix("client-certificate-"))
            #expect(refusal.description.hasSuffix("."))
        }
    }
}
